/** Which of the keys that a root names are the server's own. Rows are looked at, no key is opened. */

import type { KeyTable } from "../signer/key-table.ts";
import type { ServerRole } from "../signer/signing-service.ts";

/** Answers whether a server, or the remote signer that it uses, holds a key for a role of a collection. */
export type HoldsKey = (gun: string, role: ServerRole, keyId: string) => Promise<boolean>;

/** Answers from a server's table: its own keys, those whose purpose was not noted, and those that a remote signer has promised. */
export function holdsKeyIn(table: Pick<KeyTable, "keyById" | "assignments">): HoldsKey {
  return async (gun, role, keyId) => {
    const key = await table.keyById(keyId);
    if (key !== undefined) return (key.gun === "" || key.gun === gun) && (key.role === "" || key.role === role);
    const assigned = await table.assignments.find(keyId);
    return assigned !== undefined && assigned.gun === gun && assigned.role === role;
  };
}

/** Whether one key of a role is the server's. @param keyIds as the current root names them */
export async function holdsOneOf(
  holdsKey: HoldsKey,
  gun: string,
  role: ServerRole,
  keyIds: readonly string[] | null | undefined,
): Promise<boolean> {
  for (const keyId of keyIds ?? []) if (await holdsKey(gun, role, keyId)) return true;
  return false;
}
