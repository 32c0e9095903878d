/** Which collections that this machine remembers name a key: before it is removed, and before it is replaced everywhere. */
import { TagsealError } from "../../errors.ts";
import type { PublicKey } from "../../crypto/public-key.ts";
import type { AnyBody, RoleName } from "../../tuf/metadata.ts";
import { isServerRole } from "../../tuf/role-name.ts";
import type { KeyMention, KeyMentions } from "../rotation/retired-keys.ts";
import { readRemembered, type RememberedFile, rememberedFiles } from "./remembered-files.ts";

/**
 * The roles that name a key in the remembered roots and lists of targets. A former root key counts only while the root role names it: its
 * certificate stays in the file for ever. What the trust server has may be newer.
 *
 * @param trustDirectory docker's `$DOCKER_CONFIG/trust`
 * @param keyId canonical
 */
export async function mentionsOfKey(trustDirectory: string, keyId: string): Promise<KeyMentions> {
  const mentions: KeyMention[] = [];
  const unreadable: string[] = [];
  for (const file of await rememberedFiles(trustDirectory)) {
    if (isServerRole(file.role)) continue;
    const roles = rolesNaming(file, keyId);
    if (roles === undefined) unreadable.push(file.path);
    else mentions.push(...roles.map((role) => ({ gun: file.gun, role })));
  }
  return { mentions, unreadable };
}

function rolesNaming(file: RememberedFile, keyId: string): readonly RoleName[] | undefined {
  try {
    return namedRoles(readRemembered(file).body, keyId);
  } catch (error) {
    if (error instanceof TagsealError) return undefined;
    throw error;
  }
}

function namedRoles(body: AnyBody, keyId: string): readonly RoleName[] {
  if (body.type === "root")
    return [...body.roles].filter(([, role]) => names(role, body.keys, keyId)).map(([role]) => role);
  if (body.type !== "targets") return [];
  const { keys, roles } = body.delegations;
  return (roles ?? []).filter((role) => names(role, keys, keyId)).map(({ name }) => name);
}

function names(
  { keyIds }: { readonly keyIds: readonly string[] | null },
  keys: ReadonlyMap<string, PublicKey>,
  keyId: string,
): boolean {
  return (keyIds ?? []).some((id) => keys.get(id)?.bareKeyId === keyId);
}
