/** Which keys the remembered metadata names, and for which roles. What this machine remembers was verified when it was stored, not here. */
import type { PublicKey } from "../../crypto/public-key.ts";
import { TagsealError } from "../../errors.ts";
import type { MetadataFile, RoleKeys, RoleName } from "../../tuf/metadata.ts";
import type { KeyNaming } from "../local-keys/local-key.ts";
import { shardIndexOf } from "../../tuf/shards/shard-index.ts";
import { readRemembered, type RememberedFile, rememberedFiles } from "./remembered-files.ts";

/**
 * Every naming of a key in the current metadata of every collection that this machine remembers: those of the root, and those of the
 * delegations that lead from its targets.
 *
 * @param onWarning called with a sentence about each file that cannot be read; what it names is missing then
 */
export async function rememberedNamings(
  trustDirectory: string,
  onWarning: (warning: string) => void,
): Promise<readonly KeyNaming[]> {
  const collections = Map.groupBy(await rememberedFiles(trustDirectory), ({ gun }) => gun);
  return [...collections.values()].flatMap((files) => namingsOf(files, onWarning).toArray());
}

function* namingsOf(files: readonly RememberedFile[], onWarning: (warning: string) => void): Generator<KeyNaming> {
  const [{ gun } = { gun: "" }] = files;
  const roles = new Map(files.map((file) => [file.role, file]));
  const read = (role: RoleName): MetadataFile | undefined => readOrWarn(roles.get(role), onWarning);
  const root = read("root")?.body;
  if (root?.type === "root")
    for (const [role, of] of root.roles) yield* namingsOfRole(gun, { ...of, name: role }, root.keys);
  const queue = new Map([["targets", read("targets")]]);
  for (const body of queue.values().map((file) => file?.body)) {
    if (body?.type !== "targets") continue;
    for (const delegated of body.delegations.roles ?? []) {
      const file = queue.has(delegated.name) ? queue.get(delegated.name) : read(delegated.name);
      // shards follow the role that they copy, and have its keys
      if (file !== undefined && isShardIndex(file)) continue;
      yield* namingsOfRole(gun, delegated, body.delegations.keys);
      queue.set(delegated.name, file);
    }
  }
}

function isShardIndex({ role, body, ...file }: MetadataFile): boolean {
  return body.type === "targets" && shardIndexOf({ ...file, role, body }) !== undefined;
}

function readOrWarn(file: RememberedFile | undefined, onWarning: (warning: string) => void): MetadataFile | undefined {
  if (file === undefined) return undefined;
  try {
    return readRemembered(file);
  } catch (error) {
    if (!(error instanceof TagsealError)) throw error;
    onWarning(`Cannot say which keys ${file.path} names: ${error.message}`);
    return undefined;
  }
}

function* namingsOfRole(
  gun: string,
  { name: role, keyIds, threshold }: RoleKeys & { readonly name: RoleName },
  keys: ReadonlyMap<string, PublicKey>,
): Generator<KeyNaming> {
  const named = (keyIds ?? []).flatMap((idInMetadata) => {
    const publicKey = keys.get(idInMetadata);
    const keyId = publicKey?.bareKeyId;
    return publicKey === undefined || keyId === undefined ? [] : [{ keyId, idInMetadata, publicKey }];
  });
  const roleKeyIds = [...new Set(named.map(({ keyId }) => keyId))];
  for (const { keyId, idInMetadata, publicKey } of named)
    yield { gun, role, keyId, idInMetadata, publicKey: publicKey.bareKey(), threshold, roleKeyIds };
}
