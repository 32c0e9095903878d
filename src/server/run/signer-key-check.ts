/**
 * Checks whether the signer has, and can open, the keys of this server that current roots name. Without this, a signer that lacks them looks healthy
 * until the first publication, or until half of a timestamp's lifetime is over.
 *
 * All collections are checked in turn, a few at a time; those with missing keys every time.
 */

import { TagsealError } from "../../errors.ts";
import type { ServerRole } from "../../tuf/metadata.ts";
import { parseMetadata } from "../../tuf/notary-v1/parse.ts";
import type { Fault } from "../../service/faults.ts";
import { Recurring } from "../../service/recurring.ts";
import { errorFields, type ServerLog } from "../../service/log.ts";
import { areKeysOutOfReach, type KeyPresence, type SigningService } from "../signer/signing-service.ts";
import type { MetadataStore } from "../storage/metadata-store.ts";
import { type KeyLack, type LackingKey, lackFault, lackDetails, lackRefusal } from "./lacking-keys.ts";

/** What a check needs. */
export interface SignerKeyCheckParts {
  readonly store: Pick<MetadataStore, "guns" | "current">;
  readonly signer: Pick<SigningService, "presence">;
  readonly log: ServerLog;
  /** milliseconds between the checks of two batches of collections; half a minute when absent */
  readonly everyMs?: number | undefined;
  /** the operator knows that keys are lost: start without them */
  readonly acceptLostKeys?: boolean | undefined;
}

const roles: readonly ServerRole[] = ["timestamp", "snapshot"];
const defaultEveryMs = 30_000;
/** Every half minute: tens of thousands of collections within half a day, which is half of a timestamp's lifetime. */
const collectionsAtOnce = 50;
const askedAtOnce = 8;
/** A hanging signer must not keep the server from serving its readers. */
const startTimeoutMs = 4000;
/** How many missing keys are remembered. */
const maxKnown = 1000;

interface Finding {
  readonly gun: string;
  readonly role: ServerRole;
  readonly lack: KeyLack | undefined;
}

/** Finds keys of current roots that the signer lacks. */
export class SignerKeyCheck {
  readonly #parts: SignerKeyCheckParts;
  readonly #everyMs: number;
  readonly #recurring: Recurring;
  readonly #missing = new Map<string, LackingKey>();
  #cursor = "";
  #held = 0;

  constructor(parts: SignerKeyCheckParts) {
    this.#parts = parts;
    this.#everyMs = parts.everyMs ?? defaultEveryMs;
    this.#recurring = new Recurring({
      work: () => this.#turn(),
      retryMs: this.#everyMs,
      onError: (error) => this.#tell(error),
    });
  }

  /**
   * Checks the first collections before the server serves.
   *
   * @throws TagsealError `SIGNING_KEY_MISSING` when the signer lacks, or cannot open, all of the keys that this server has signed with, unless
   *   lost keys are accepted
   */
  async start(): Promise<void> {
    const patience = Promise.withResolvers<void>();
    const timer = setTimeout(patience.resolve, startTimeoutMs);
    try {
      await Promise.race([this.#look(), patience.promise]);
    } catch (error) {
      // An unreadable store is reported elsewhere, and may be back in a moment.
      this.#tell(error);
    } finally {
      clearTimeout(timer);
    }
    const wrong = [...this.#missing.values()].filter(({ lack }) => lack !== "unknown");
    if (this.#parts.acceptLostKeys === true) return;
    if (this.#held === 0 && wrong.length > 0) throw lackRefusal(wrong);
  }

  begin(): void {
    this.#recurring.begin(this.#everyMs);
  }

  /** Resolves when nothing is under way: store and signer may then be closed. */
  async stop(): Promise<void> {
    await this.#recurring.stop();
  }

  /** The missing keys found so far. */
  get fault(): Fault | undefined {
    return lackFault([...this.#missing.values()]);
  }

  #tell(error: unknown): void {
    this.#parts.log.write("error", "cannot check the signer's keys", errorFields(error));
  }

  async #turn(): Promise<number> {
    const before = new Set(this.#missing.keys());
    const isComplete = await this.#look();
    const added = [...this.#missing].filter(([name]) => !before.has(name)).map(([, finding]) => finding);
    // The first ones are reported as a fault that begins.
    if (before.size > 0 && added.length > 0)
      this.#parts.log.write("error", "the signer lacks more keys", lackDetails(added));
    return isComplete ? this.#everyMs : Math.min(this.#everyMs, 2000);
  }

  /** @returns false when the signer does not answer: that is reported elsewhere, and says nothing about its keys */
  async #look(): Promise<boolean> {
    const page = await this.#parts.store.guns(this.#cursor, collectionsAtOnce);
    const again = [...new Set([...this.#missing.values()].map(({ gun }) => gun))].slice(0, collectionsAtOnce);
    const guns = [...new Set([...again, ...page])];
    const found: Finding[] = [];
    try {
      for (let first = 0; first < guns.length; first += askedAtOnce) {
        const looks = guns.slice(first, first + askedAtOnce).map((gun) => this.#lookAt(gun));
        found.push(...(await Promise.all(looks)).flat());
      }
    } catch (error) {
      if (areKeysOutOfReach(error)) return false;
      throw error;
    }
    this.#remember(found);
    this.#cursor = page.length < collectionsAtOnce ? "" : (page.at(-1) ?? "");
    return true;
  }

  async #lookAt(gun: string): Promise<readonly Finding[]> {
    const root = await this.#parts.store.current(gun, "root");
    const keysOf = root && parsedRoles(root.bytes);
    const found: Finding[] = [];
    for (const role of roles)
      found.push({ gun, role, lack: await this.#lackOf(gun, role, keysOf?.get(role)?.keyIds ?? []) });
    return found;
  }

  /** All that one look found at once: a fault read in between would begin with some of the keys, and never name the others. */
  #remember(found: readonly Finding[]): void {
    for (const { gun, role, lack } of found) {
      const name = JSON.stringify([gun, role]);
      this.#missing.delete(name);
      // The oldest stay at the end, so that all are checked again in turn.
      if (lack !== undefined && this.#missing.size < maxKnown) this.#missing.set(name, { gun, role, ...lack });
    }
  }

  /** Any one key of a role is enough. A snapshot key that was never here belongs to the publisher. */
  async #lackOf(gun: string, role: ServerRole, keyIds: readonly string[]): Promise<KeyLack | undefined> {
    let worst: KeyLack | undefined;
    for (const keyId of keyIds) {
      const presence = await this.#presence(gun, role, keyId);
      if (presence === "held") {
        this.#held += 1;
        return undefined;
      }
      if (worst === undefined || worst.lack === "unknown") worst = { keyId, lack: presence };
    }
    return worst?.lack === "unknown" && role === "snapshot" ? undefined : worst;
  }

  async #presence(gun: string, role: ServerRole, keyId: string): Promise<KeyPresence | "locked"> {
    try {
      return await this.#parts.signer.presence(gun, role, keyId);
    } catch (error) {
      // A failed check is no answer about a key.
      if (!(error instanceof TagsealError) || error.code === "STORAGE_FAILED" || areKeysOutOfReach(error)) throw error;
      return "locked";
    }
  }
}

function parsedRoles(root: Uint8Array) {
  try {
    return parseMetadata("root", root).body.roles;
  } catch (error) {
    // A damaged root is reported by its readers; it names no keys.
    if (error instanceof TagsealError) return undefined;
    throw error;
  }
}
