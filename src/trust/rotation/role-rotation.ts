import type { PublicKey } from "../../crypto/public-key.ts";
import type { TrustContext } from "../trust-context.ts";
import type { HeldKeys } from "../publishing/held-keys.ts";
import type { CollectionChange } from "../publishing/publish.ts";
import type { NewKeys } from "./new-keys.ts";
import { hasThemAlready, type NamedKey, namedKey } from "./replaced-keys.ts";

/** Who has the private key of a rotated role. */
export type KeyHolder = "publisher" | "server" | "signer";

/** What came of a rotation. */
export interface RotationOutcome {
  /** `finished`: an earlier run had published it; `unchanged`: the role has the wanted keys already */
  readonly outcome: "rotated" | "finished" | "unchanged";
  readonly holder: KeyHolder;
  /** TUF key IDs: for `root` those of certificates */
  readonly newKeyIds: readonly string[];
  readonly oldKeyIds: readonly string[];
  /** the IDs of the private keys */
  readonly newCanonicalIds: readonly string[];
  readonly oldCanonicalIds: readonly string[];
}

/** The rotation of one role's keys. */
export interface RoleRotation extends CollectionChange {
  /** as of the last time it was applied */
  readonly result: RotationOutcome;
}

/** What a rotation works with. */
export interface RotationTools {
  readonly context: TrustContext;
  readonly held: HeldKeys;
  readonly newKeys: NewKeys;
  /** IDs of the keys to replace, in either form; the only one when absent */
  readonly replace: readonly string[] | undefined;
  /** one key of each role is enough: others sign later */
  readonly isProposal?: boolean;
  /** how many keys of a base role must sign from now on; absent: as before */
  readonly threshold: number | undefined;
}

/** Words the keys of an outcome. */
export function outcomeOf(
  outcome: RotationOutcome["outcome"],
  holder: KeyHolder,
  { news, old }: { readonly news: readonly NamedKey[]; readonly old: readonly NamedKey[] },
): RotationOutcome {
  return {
    outcome,
    holder,
    newKeyIds: news.map(({ keyId }) => keyId),
    oldKeyIds: old.map(({ keyId }) => keyId),
    newCanonicalIds: news.map(({ canonicalId }) => canonicalId),
    oldCanonicalIds: old.map(({ canonicalId }) => canonicalId),
  };
}

/** A rotation that an earlier run published; undefined when there is none. @param named the keys of the role now */
export async function publishedBefore(
  { newKeys, replace = [] }: RotationTools,
  named: readonly NamedKey[],
  holder: KeyHolder,
): Promise<RotationOutcome | undefined> {
  const before = await newKeys.publishedBefore(named.map(({ canonicalId }) => canonicalId));
  if (before === undefined) return undefined;
  const news = named.filter(({ canonicalId }) => canonicalId === before.newKeyId);
  if (news.some(({ keyId, canonicalId }) => replace.includes(keyId) || replace.includes(canonicalId))) return undefined;
  return outcomeOf("finished", holder, { news, old: before.replaced.map((id) => ({ keyId: id, canonicalId: id })) });
}

/** The outcome for a role that has the chosen keys already; undefined when it does not. */
export async function unchanged(
  { newKeys, replace }: RotationTools,
  named: readonly NamedKey[],
  holder: KeyHolder,
): Promise<RotationOutcome | undefined> {
  const wanted = await newKeys.given();
  if (wanted === undefined || !hasThemAlready(named, wanted, replace)) return undefined;
  const ids = wanted.map((key) => namedKey(key).canonicalId);
  return outcomeOf("unchanged", holder, {
    news: named.filter(({ canonicalId }) => ids.includes(canonicalId)),
    old: [],
  });
}

/** True when a role names all new keys, and none of those that they replaced. */
export function areReplaced(
  ids: readonly string[],
  replaced: readonly NamedKey[],
  news: readonly PublicKey[] | undefined,
): boolean {
  if (news === undefined) return false;
  const newIds = news.map(({ keyId }) => keyId);
  return (
    newIds.every((id) => ids.includes(id)) &&
    replaced.every(({ keyId }) => newIds.includes(keyId) || !ids.includes(keyId))
  );
}
