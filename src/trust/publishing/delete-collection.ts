import { TagsealError } from "../../errors.ts";
import type { StoredKey } from "../../keys/key-store.ts";
import { parseMetadata } from "../../tuf/notary-v1/parse.ts";
import { namedKeys } from "../rotation/replaced-keys.ts";
import type { TrustContext } from "../trust-context.ts";

/** What stays after {@link deleteTrustData}. */
export interface DeletedTrustData {
  /** the private keys of this machine that the collection used, root keys among them; none was removed */
  readonly keysKept: readonly StoredKey[];
}

/** What to delete. */
export interface DeleteOptions {
  /** also on the trust server, for all readers */
  readonly remote: boolean;
}

/**
 * Deletes what this machine remembers of a collection, with changes staged by other tools, and if asked all that the trust server has of it.
 * Private keys stay. The server first: after an interruption, the same call finishes.
 *
 * @throws NetworkError `AUTHENTICATION_REFUSED` without the rights of an administrator, and what a connection throws
 * @throws UsageError `FILE_UNWRITABLE`
 */
export async function deleteTrustData(context: TrustContext, { remote }: DeleteOptions): Promise<DeletedTrustData> {
  const keysKept = await keysOf(context);
  if (remote) await context.repository.delete();
  await context.removeRemembered();
  return { keysKept };
}

async function keysOf({ cache, keys, gun }: TrustContext): Promise<readonly StoredKey[]> {
  const named = new Set<string>();
  for (const role of ["root", "targets"] as const) {
    const bytes = await cache.load(role);
    if (bytes !== undefined) for (const id of canonicalIdsIn(role, bytes)) named.add(id);
  }
  return (await keys.list()).filter((key) => key.gun === gun || named.has(key.keyId));
}

/** A damaged file is to be deleted as well. */
function canonicalIdsIn(role: "root" | "targets", bytes: Uint8Array): readonly string[] {
  try {
    const { body } = parseMetadata(role as string, bytes);
    if (body.type === "root")
      return namedKeys({ keyIds: [...body.keys.keys()], threshold: 1 }, body.keys).map(
        ({ canonicalId }) => canonicalId,
      );
    if (body.type !== "targets") return [];
    const { keys } = body.delegations;
    return namedKeys({ keyIds: [...keys.keys()], threshold: 1 }, keys).map(({ canonicalId }) => canonicalId);
  } catch (error) {
    if (error instanceof TagsealError) return [];
    throw error;
  }
}
