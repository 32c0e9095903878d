import { hasCode, NetworkError } from "../../errors.ts";
import { CollectionEditor, type EditableCollection } from "../../tuf/editor.ts";
import { maxFileBytes } from "../../tuf/notary-v1/bounds.ts";
import { isExpired, isNearExpiry } from "../../tuf/expiry.ts";
import { hasRootExpired } from "../../tuf/root-trust.ts";
import { targetsBytesOf, type TrustedCollection } from "../../tuf/trusted-collection.ts";
import { notSigned } from "../reading/collection-reading.ts";
import { readForWriting } from "../reading/reading-for-writing.ts";
import type { HeldKeys } from "./held-keys.ts";
import {
  type InitialCollection,
  type InitialiseResult,
  type InitialKeys,
  prepareCollection,
} from "./initial-collection.ts";
import type { Repair } from "../renewal/repair.ts";
import { requirePermission } from "./must-exist.ts";
import { type PublishedFiles, readBack } from "./read-back.ts";
import { pause } from "../../timing/pause.ts";
import { RetryPace } from "./retry-pace.ts";
import type { TrustContext } from "../trust-context.ts";
import { warnOfStagedChanges } from "../staged/staged-warning.ts";

/** A change to a collection, applied as often as needed: after a conflict, to what the other publisher published. */
export interface CollectionChange {
  /**
   * Applies the change to a fresh draft.
   *
   * @param current the state the draft was made from; undefined for a collection that does not exist yet
   * @returns false when the collection has the change already and there is nothing to publish
   */
  apply(editor: CollectionEditor, current: TrustedCollection | undefined): Promise<boolean>;
  /** Waits for what else the change needs, which was asked for at the same time as the collection. Nothing is made or signed before. */
  readonly ready?: () => Promise<void>;
  /** Adds what the draft needs beyond what readers see, such as versions that are taken. */
  prepare?(current: TrustedCollection): Promise<EditableCollection>;
  /** See `WritingOptions`: such a change may be published to a repository whose timestamp has expired. */
  readonly replacesServerKeys?: boolean;
  /** True when a collection has the change, and no other publisher has replaced it. */
  isIn(collection: TrustedCollection): boolean;
}

/** The result of publishing. */
export interface Publication {
  /** the collection, read back and verified after publishing */
  readonly collection: TrustedCollection;
  /** set when this publish created the collection */
  readonly initialised: InitialiseResult | undefined;
}

/** What publishing may do beyond the change. */
export interface PublishOptions extends InitialKeys {
  /** create the collection if the server does not have it: by the way, unless the context forbids it, or as what was asked for */
  readonly initialise: boolean | "explicitly";
}

/**
 * Publishes a change: read what is current, apply, sign, one request, read back. Nothing is staged on disk: a change exists in memory until
 * the server has it, so no later operation can publish it by accident. What has expired is signed again in the same publication.
 *
 * After a lost race (also one that a server reports as an internal error) or a missing answer, it starts again from what the server has
 * then. Processes of this machine take turns to avoid useless races; correctness depends on the server's versions alone.
 *
 * @param held keys to sign with; new ones are removed again when the publication fails
 * @throws MetadataError `REPOSITORY_NOT_SIGNED` for a collection that the server does not have and that may not be created; what an update can
 *   refuse, what `change` throws
 * @throws KeyStoreError `SIGNING_KEY_MISSING`, `PASSPHRASE_WRONG`, `PASSPHRASE_UNAVAILABLE`
 * @throws NetworkError `PUBLISH_CONFLICT`, `PUBLISH_UNCONFIRMED`, `TRUST_SERVER_REFUSED`, and what a connection throws
 */
export async function publishChange(
  context: TrustContext,
  held: HeldKeys,
  change: CollectionChange,
  options: PublishOptions,
): Promise<Publication> {
  const publisher = new Publisher(context, held, change, options);
  let publication: Publication;
  try {
    publication = await context.exclusively(async () => await publisher.run());
  } catch (error) {
    if (publisher.outcomeIsUnknown) held.reportMade("it is not known whether the change was published");
    else await held.discardMade("the change was not published");
    throw error;
  }
  held.keepMade();
  await warnOfStagedChanges(context);
  return publication;
}

/** If signing took longer than this, others may have published in the meantime. */
const slowSigningMs = 100;

/** Failures after which the server may have published nevertheless. */
function leavesOpen(error: unknown): boolean {
  return hasCode(
    error,
    "NETWORK_UNREACHABLE",
    "NETWORK_TIMEOUT",
    "TRUST_SERVER_ERROR",
    "RESPONSE_MALFORMED",
    "RESPONSE_TOO_LARGE",
    "CANCELLED",
  );
}

class Publisher {
  readonly #context: TrustContext;
  readonly #held: HeldKeys;
  readonly #change: CollectionChange;
  readonly #options: PublishOptions;
  readonly #pace = new RetryPace();
  #initial: InitialCollection | undefined;
  #base: TrustedCollection | undefined;
  #failure: unknown;
  #outcomeIsUnknown = false;
  #repair: Repair | undefined;
  #lookedAgain = false;

  constructor(context: TrustContext, held: HeldKeys, change: CollectionChange, options: PublishOptions) {
    this.#context = context;
    this.#held = held;
    this.#change = change;
    this.#options = options;
  }

  /** True when a request was sent and its effect is unknown. */
  get outcomeIsUnknown(): boolean {
    return this.#outcomeIsUnknown;
  }

  async run(): Promise<Publication> {
    for (;;) {
      const current = await this.#read();
      if (current === "unreadable") continue;
      await this.#change.ready?.();
      await this.#judgeLastFailure(current);
      const startedAt = performance.now();
      const files = await this.#sign(current);
      if (performance.now() - startedAt > slowSigningMs && (await this.#hasMovedAtFirst(current))) continue;
      if (files === undefined && current !== undefined) return await this.#done(current);
      if (files === undefined || !(await this.#send(files))) continue;
      return await this.#done(await readBack(this.#context, files, this.#change));
    }
  }

  /** What the server has now. Between attempts an overloaded server may fail to answer; on the first attempt that is final. */
  async #read(): Promise<TrustedCollection | undefined | "unreadable"> {
    try {
      const current = await readForWriting(this.#context, this.#change);
      this.#outcomeIsUnknown = false;
      return current;
    } catch (error) {
      if (this.#failure === undefined || !leavesOpen(error)) throw error;
      await this.#backOff(error);
      return "unreadable";
    }
  }

  /** A refusal of a change to an outdated state is a lost race; of a change to the current state, it is final. */
  async #judgeLastFailure(current: TrustedCollection | undefined): Promise<void> {
    if (this.#failure !== undefined) {
      if (versionOf(current) !== versionOf(this.#base)) this.#pace.moved();
      else if (hasCode(this.#failure, "TRUST_SERVER_REFUSED")) throw this.#failure;
    }
    this.#base = current;
    if (current === undefined || this.#initial === undefined || isOurs(current, this.#initial)) return;
    this.#initial = undefined;
    await this.#held.discardMade(`another publisher initialised ${this.#context.gun} meanwhile`);
  }

  async #sign(current: TrustedCollection | undefined): Promise<PublishedFiles | undefined> {
    const { gun, now, notify } = this.#context;
    const editor = current === undefined ? (await this.#prepared()).draft() : await this.#draftOf(current);
    const changed = await this.#change.apply(editor, current);
    const repaired = current !== undefined && (await this.#repaired(editor, current));
    if (!changed && !repaired && current !== undefined && !isDueForRenewal(current, now())) return undefined;
    const files = await editor.sign(this.#held.signingKey, {
      now: now(),
      initial: current === undefined,
      holds: async (key) => await this.#held.holds(key),
      onWarning: (message) => notify({ kind: "warning", gun, message }),
    });
    return files.size === 0 ? undefined : files;
  }

  async #repaired(editor: CollectionEditor, current: TrustedCollection): Promise<boolean> {
    const now = this.#context.now();
    if (!hasRootExpired(current.root, { gun: current.gun, now }) && !isExpired(current.targets.body, now)) return false;
    const { Repair } = await import("../renewal/repair.ts");
    this.#repair ??= new Repair(this.#context, this.#held);
    return await this.#repair.addTo(editor, current);
  }

  /**
   * Another publisher may publish while a passphrase is typed or stretched: files made from the old state would be refused. Checked
   * once: after that, keys are unlocked, and lost races are counted and paced.
   */
  async #hasMovedAtFirst(current: TrustedCollection | undefined): Promise<boolean> {
    if (this.#lookedAgain || current?.timestamp === undefined) return false;
    this.#lookedAgain = true;
    try {
      const latest = await this.#context.repository.fetch("timestamp", maxFileBytes("timestamp"));
      return Buffer.compare(latest, current.timestamp.bytes) !== 0;
    } catch (error) {
      // Sending reports the problem as well.
      if (leavesOpen(error) && !hasCode(error, "CANCELLED")) return false;
      throw error;
    }
  }

  async #draftOf(current: TrustedCollection): Promise<CollectionEditor> {
    return CollectionEditor.from((await this.#change.prepare?.(current)) ?? current);
  }

  async #prepared(): Promise<InitialCollection> {
    if (!this.#options.initialise) throw notSigned(this.#context);
    if (this.#options.initialise !== "explicitly") requirePermission(this.#context);
    this.#initial ??= await prepareCollection(this.#context, this.#held, this.#options);
    return this.#initial;
  }

  /** @returns false when another attempt is worth it, after the wait */
  async #send(files: PublishedFiles): Promise<boolean> {
    try {
      await this.#context.repository.publish(files, this.#base === undefined ? new Map() : targetsBytesOf(this.#base));
      this.#outcomeIsUnknown = true;
      return true;
    } catch (error) {
      this.#outcomeIsUnknown = leavesOpen(error);
      const isWorthAnother = leavesOpen(error) || hasCode(error, "PUBLISH_CONFLICT", "TRUST_SERVER_REFUSED");
      if (!isWorthAnother || hasCode(error, "CANCELLED")) throw error;
      await this.#backOff(error);
      return false;
    }
  }

  async #backOff(error: unknown): Promise<void> {
    this.#failure = error;
    const delayMs = this.#pace.failed();
    if (delayMs === undefined) throw this.#givenUp(error);
    const { gun, notify, signal } = this.#context;
    const reason = error instanceof Error ? error.message : String(error);
    notify({ kind: "retrying", gun, attempt: this.#pace.failures, delayMs, reason });
    await pause(delayMs, signal);
  }

  #givenUp(error: unknown): unknown {
    const { gun } = this.#context;
    if (this.#outcomeIsUnknown) {
      return new NetworkError(
        "PUBLISH_UNCONFIRMED",
        `the trust server did not say whether it published the change to ${gun}`,
        {
          cause: error,
          hint: "List the repository before trying again: the change may be there.",
        },
      );
    }
    if (!hasCode(error, "PUBLISH_CONFLICT")) return error;
    const message = `could not publish to ${gun}: ${this.#pace.failures} attempts each met newer metadata on the trust server`;
    return new NetworkError("PUBLISH_CONFLICT", message, {
      cause: error,
      hint: "Try again; nothing is half done.",
    });
  }

  async #done(collection: TrustedCollection): Promise<Publication> {
    this.#outcomeIsUnknown = false;
    this.#repair?.report(collection);
    const initialised = this.#initial?.keys;
    if (initialised !== undefined) {
      const { gun, notify, repository } = this.#context;
      notify({ kind: "initialised", gun, server: repository.url, ...initialised });
    }
    return { collection, initialised };
  }
}

/** Signing a signed tag again is how an owner renews what has expired, or is about to. The server renews a snapshot in time. */
function isDueForRenewal(collection: TrustedCollection, now: Date): boolean {
  const { root, targets, delegations, invalidDelegations, snapshot } = collection;
  const invalid = [...invalidDelegations.values()].map(({ file }) => file);
  return (
    isExpired(snapshot.body, now) ||
    [root, targets, ...delegations.values(), ...invalid].some(({ body }) => isNearExpiry(body, now))
  );
}

/** No other root keys than ours, so that one of ours signed it: a root of other people can name our repository key beside theirs. */
function isOurs({ root: { body } }: TrustedCollection, { keys }: InitialCollection): boolean {
  const ours = [keys.rootCertificateId, ...(keys.moreRootCertificateIds ?? [])];
  const isRoot = body.roles.get("root")?.keyIds?.every((keyId) => ours.includes(keyId)) === true;
  return isRoot && body.roles.get("targets")?.keyIds?.includes(keys.targetsKeyId) === true;
}

function versionOf(collection: TrustedCollection | undefined): number {
  return collection?.timestamp?.body.version ?? 0;
}
