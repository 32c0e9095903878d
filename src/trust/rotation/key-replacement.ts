import type { PublicKey } from "../../crypto/public-key.ts";
import { hasThemAlready, type NamedKey, namedKey } from "./replaced-keys.ts";
import type { KeyHolder, RotationOutcome, RotationTools } from "./role-rotation.ts";

/** The keys that one rotation replaces, and those it puts in their place, as far as they are decided. */
export class KeyReplacement {
  readonly #tools: RotationTools;
  /** undefined until they are found or made */
  newKeys: readonly PublicKey[] | undefined;
  oldKeys: readonly NamedKey[] = [];
  /** what was there before this rotation: it has nothing to do */
  early: RotationOutcome | undefined;

  constructor(tools: RotationTools) {
    this.#tools = tools;
  }

  /** What came of the rotation. */
  outcome(holder: KeyHolder): RotationOutcome {
    const news = (this.newKeys ?? []).map(namedKey);
    return this.early ?? outcomeOf("rotated", holder, { news, old: this.oldKeys });
  }

  /** True when a role with these IDs names all new keys, and none of those that they replaced. */
  isIn(ids: readonly string[]): boolean {
    if (this.newKeys === undefined) return false;
    const newIds = this.newKeys.map(({ keyId }) => keyId);
    return (
      newIds.every((id) => ids.includes(id)) &&
      this.oldKeys.every(({ keyId }) => newIds.includes(keyId) || !ids.includes(keyId))
    );
  }

  /** A rotation that an earlier run published; undefined when there is none. @param named the keys of the role now */
  async publishedBefore(named: readonly NamedKey[], holder: KeyHolder): Promise<RotationOutcome | undefined> {
    const { newKeys, replace = [] } = this.#tools;
    const before = await newKeys.publishedBefore(named.map(({ canonicalId }) => canonicalId));
    if (before === undefined) return undefined;
    const news = named.filter(({ canonicalId }) => canonicalId === before.newKeyId);
    const isChosen = news.some(({ keyId, canonicalId }) => replace.includes(keyId) || replace.includes(canonicalId));
    if (isChosen) return undefined;
    return outcomeOf("finished", holder, { news, old: before.replaced.map((id) => ({ keyId: id, canonicalId: id })) });
  }

  /** The outcome for a role that has the chosen keys already; undefined when it does not. */
  async unchanged(named: readonly NamedKey[], holder: KeyHolder): Promise<RotationOutcome | undefined> {
    const { newKeys, replace } = this.#tools;
    const wanted = await newKeys.given();
    if (wanted === undefined || !hasThemAlready(named, wanted, replace)) return undefined;
    const ids = wanted.map((key) => namedKey(key).canonicalId);
    return outcomeOf("unchanged", holder, {
      news: named.filter(({ canonicalId }) => ids.includes(canonicalId)),
      old: [],
    });
  }
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
