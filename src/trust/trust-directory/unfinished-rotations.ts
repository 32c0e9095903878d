import type { RoleName } from "../../tuf/metadata.ts";
import { rememberedGuns } from "./remembered-files.ts";
import { RotationFile } from "./rotation-file.ts";

/**
 * The collections in which an earlier run began to replace a key of a role and did not end. What is published may not name the key any more.
 *
 * @param trustDirectory docker's `$DOCKER_CONFIG/trust`
 * @param keyId canonical
 */
export async function unfinishedRotations(
  trustDirectory: string,
  role: RoleName,
  keyId: string,
): Promise<readonly string[]> {
  const guns = await rememberedGuns(trustDirectory);
  const begun = await Promise.all(guns.map(async (gun) => await RotationFile.ofRole(trustDirectory, gun, role).load()));
  return guns.filter((_, index) => begun[index]?.replaced.includes(keyId));
}
