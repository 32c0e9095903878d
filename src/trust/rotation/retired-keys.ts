/** What becomes of the private keys that a rotation replaced. */

import type { KeyStore } from "../../keys/key-store.ts";
import type { RoleName } from "../../tuf/metadata.ts";

/** A role that may be signed with a key, in what this machine remembers of a collection. */
export interface KeyMention {
  readonly gun: string;
  /** a base role or a delegation */
  readonly role: RoleName;
}

/** Where a key is named. */
export interface KeyMentions {
  readonly mentions: readonly KeyMention[];
  /** paths of files that may name it and cannot be read */
  readonly unreadable: readonly string[];
}

/** An old private key on this machine. */
export interface RetiredKey {
  /** canonical */
  readonly keyId: string;
  readonly role: string;
  readonly location: string;
  readonly isRemoved: boolean;
  /** why it was kept; completes "kept: " */
  readonly reason?: string;
}

/** Finds where a key is named. @param keyId canonical */
export type FindMentions = (keyId: string) => Promise<KeyMentions>;

/**
 * Removes private keys that nothing on this machine needs any more, or keeps them. A key that is not here is not in the result.
 *
 * @param keyIds canonical
 * @param mentions finds who needs a key; without it, all are kept
 * @throws KeyStoreError as `KeyStore.remove`
 */
export async function retireKeys(
  keys: KeyStore,
  keyIds: readonly string[],
  mentions: FindMentions | undefined,
): Promise<readonly RetiredKey[]> {
  const retired: RetiredKey[] = [];
  for (const keyId of new Set(keyIds)) {
    const stored = await keys.find(keyId);
    if (stored === undefined) continue;
    const reason = mentions === undefined ? "--remove-old removes it" : whyKept(await mentions(keyId));
    if (reason === undefined) await keys.remove(keyId);
    const { role, location } = stored;
    retired.push({
      keyId,
      role,
      location,
      isRemoved: reason === undefined,
      ...(reason === undefined ? {} : { reason }),
    });
  }
  return retired;
}

function whyKept({ mentions, unreadable }: KeyMentions): string | undefined {
  const [damaged] = unreadable;
  if (damaged !== undefined) return `${damaged} is damaged and may name it`;
  if (mentions.length === 0) return undefined;
  const shown = mentions.slice(0, 5).map(({ gun, role }) => `${role} of ${gun}`);
  const more = mentions.length > 5 ? ` and ${mentions.length - 5} more` : "";
  return `still in use, as far as this machine knows, for ${shown.join(", ")}${more}`;
}
