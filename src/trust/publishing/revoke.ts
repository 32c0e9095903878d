import { MetadataError } from "../../errors.ts";
import type { CollectionEditor } from "../../tuf/editor.ts";
import { keysMissing } from "../../tuf/role-signing.ts";
import { listDelegations } from "../../tuf/lookup.ts";
import type { RoleName } from "../../tuf/metadata.ts";
import { parentOf } from "../../tuf/role-name.ts";
import { expiredDelegations } from "../renewal/endings.ts";
import { targetsFileOf, type TrustedCollection } from "../../tuf/trusted-collection.ts";
import { notSigned } from "../reading/collection-reading.ts";
import { HeldKeys } from "./held-keys.ts";
import { type CollectionChange, publishChange } from "./publish.ts";
import { releasedEntryOf } from "../reading/released-tags.ts";
import type { TrustContext } from "../trust-context.ts";

/** An entry that was removed, or one that stays because no key for its role is here. */
export interface RevokedEntry {
  readonly tag: string;
  readonly role: RoleName;
}

/** The result of {@link revokeTags}. */
export interface RevokeResult {
  readonly removed: readonly RevokedEntry[];
  /** remaining entries; one in `targets` or `targets/releases` keeps the tag pullable */
  readonly remaining: readonly RevokedEntry[];
  /** tags that clients still accept, sorted: tell the user, exit non-zero */
  readonly stillReleased: readonly string[];
}

/**
 * Revokes signatures in **every** role whose key is here, `targets` included (docker keeps what was signed there before the first
 * signer was added, and reports it as removed).
 *
 * @param tags names, or `all`
 * @throws MetadataError `TAG_NOT_SIGNED` when a tag (or, for `all`, anything) is not signed; `REPOSITORY_NOT_SIGNED`;
 *   `SIGNING_KEY_MISSING` when nothing at all could be removed; what an update can refuse
 * @throws KeyStoreError `PASSPHRASE_WRONG`, `PASSPHRASE_UNAVAILABLE`; NetworkError as `publishChange`
 */
export async function revokeTags(context: TrustContext, tags: readonly string[] | "all"): Promise<RevokeResult> {
  const held = new HeldKeys(context);
  const change = new Revocation(context, held, tags);
  const { collection } = await publishChange(context, held, change, { initialise: false });
  const stillReleased = change.tags.filter((tag) => releasedEntryOf(collection, tag) !== undefined);
  return { removed: change.removed, remaining: change.remaining, stillReleased: stillReleased.sort() };
}

/** The change that removes tags from every role that has a key here; what it removed is known once it was applied. */
export class Revocation implements CollectionChange {
  readonly #context: TrustContext;
  readonly #held: HeldKeys;
  readonly #wanted: readonly string[] | "all";
  #removed: RevokedEntry[] = [];
  #remaining: RevokedEntry[] = [];

  constructor(context: TrustContext, held: HeldKeys, wanted: readonly string[] | "all") {
    this.#context = context;
    this.#held = held;
    this.#wanted = wanted;
  }

  get removed(): readonly RevokedEntry[] {
    return this.#removed;
  }

  get remaining(): readonly RevokedEntry[] {
    return this.#remaining;
  }

  get tags(): readonly string[] {
    return [...new Set([...this.#removed, ...this.#remaining].map(({ tag }) => tag))];
  }

  async apply(editor: CollectionEditor, current: TrustedCollection | undefined): Promise<boolean> {
    if (current === undefined) throw notSigned(this.#context);
    // Sent before, and the answer was lost: the entries are gone already.
    if (this.#removed.length > 0 && this.isIn(current)) return false;
    await this.#sort(entriesOf(current, this.#wanted), current);
    for (const { tag, role } of this.#removed) editor.removeTarget(role, tag);
    return true;
  }

  isIn(collection: TrustedCollection): boolean {
    return this.#removed.every(({ tag, role }) => targetsFileOf(collection, role)?.body.targets.has(tag) !== true);
  }

  async #sort(entries: readonly RevokedEntry[], current: TrustedCollection): Promise<void> {
    this.#requireSigned(entries);
    this.#removed = [];
    this.#remaining = [];
    for (const entry of entries) {
      const isOurs = await this.#canSign(current, entry.role);
      (isOurs ? this.#removed : this.#remaining).push(entry);
    }
    if (this.#removed.length > 0) return;
    throw new MetadataError("SIGNING_KEY_MISSING", noKeys(entries, current), {
      hint: `Its signatures are in ${rolesOf(entries)}, and none of their keys is on this machine.`,
    });
  }

  #requireSigned(entries: readonly RevokedEntry[]): void {
    if (this.#wanted === "all") {
      if (entries.length === 0) throw new MetadataError("TAG_NOT_SIGNED", "no signed tags to remove");
      return;
    }
    const found = new Set(entries.map(({ tag }) => tag));
    for (const tag of this.#wanted) {
      if (!found.has(tag)) throw new MetadataError("TAG_NOT_SIGNED", `No valid trust data for ${tag}`);
    }
  }

  async #canSign(current: TrustedCollection, role: RoleName): Promise<boolean> {
    if (role === "targets") {
      const { keys, roles } = current.root.body;
      return await this.#held.holdsOneOf(roles.get("targets") ?? { keyIds: null, threshold: 1 }, keys);
    }
    const keys = targetsFileOf(current, parentOf(role))?.body.delegations.keys ?? new Map();
    const declared = listDelegations(current).find((delegation) => delegation.role.name === role);
    return declared !== undefined && (await this.#held.holdsOneOf(declared.role, keys));
  }
}

/** Every entry with these tags, in any role, whether or not it counts for readers: an expired role is signed again and then counts. */
function entriesOf(collection: TrustedCollection, wanted: readonly string[] | "all"): RevokedEntry[] {
  return [collection.targets, ...collection.delegations.values(), ...expiredDelegations(collection)].flatMap(
    ({ role, body }) => {
      const tags = wanted === "all" ? [...body.targets.keys()] : wanted.filter((tag) => body.targets.has(tag));
      return tags.map((tag) => ({ tag, role }));
    },
  );
}

/** docker names the repository's keys where only these have signed. */
function noKeys(entries: readonly RevokedEntry[], { root }: TrustedCollection): string {
  const targets = root.body.roles.get("targets");
  if (targets === undefined || entries.some(({ role }) => role !== "targets"))
    return "no valid signing keys for delegation roles";
  return keysMissing(targets.threshold, targets.keyIds ?? []);
}

function rolesOf(entries: readonly RevokedEntry[]): string {
  return [...new Set(entries.map(({ role }) => role))].join(", ");
}
