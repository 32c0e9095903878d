/** Which of the keys that a root names are the server's own. Rows are read, no key is opened. */

import type { ServerRole } from "../../tuf/metadata.ts";
import { isElsewhere, isPromise, type KeyTable } from "../signer/key-table.ts";

/** Answers whether a server, or the remote signer that it uses, holds a key for a role of a collection; undefined when that is not known here. */
export type HoldsKey = (gun: string, role: ServerRole, keyId: string) => Promise<boolean | undefined>;

/** Answers where a server's key is: a URI for a key in a token or by a service, its own `database` or a separate `signer`. */
export type PlaceOfKey = (keyId: string) => Promise<string>;

/** Answers from a server's table. */
export function placeOfKeyIn(table: Pick<KeyTable, "keyById"> | undefined): PlaceOfKey {
  return async (keyId) => {
    const key = await table?.keyById(keyId);
    if (key === undefined) return "signer";
    return isElsewhere(key) ? key.sealed : "database";
  };
}

/** For a copy of the metadata without any keys. */
export const knowsNoKeys: HoldsKey = async () => undefined;

/**
 * Answers from a server's table: its own keys, those without a recorded purpose, and those that a remote signer has promised.
 *
 * @param isRemote the keys are a remote signer's, which may hold some that were never requested
 */
export function holdsKeyIn(
  table: Pick<KeyTable, "keyById" | "assignments">,
  { isRemote }: { readonly isRemote: boolean },
): HoldsKey {
  return async (gun, role, keyId) => {
    const key = await table.keyById(keyId);
    if (key !== undefined && !isPromise(key))
      return (key.gun === "" || key.gun === gun) && (key.role === "" || key.role === role);
    const assigned = await table.assignments.find(keyId);
    if (assigned === undefined) return isRemote ? undefined : false;
    return assigned.gun === gun && assigned.role === role;
  };
}

/** Whether one key of a role is the server's; undefined when that is not known. @param keyIds as the current root names them */
export async function holdsOneOf(
  holdsKey: HoldsKey,
  gun: string,
  role: ServerRole,
  keyIds: readonly string[] | null | undefined,
): Promise<boolean | undefined> {
  let answer: boolean | undefined = false;
  for (const keyId of keyIds ?? []) {
    const isHeld = await holdsKey(gun, role, keyId);
    if (isHeld === true) return true;
    if (isHeld === undefined) answer = undefined;
  }
  return answer;
}
