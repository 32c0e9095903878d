/** What a server still has of a removed role: it counts again when one of the keys that signed it does. */

import { hasCode, MetadataError } from "../../errors.ts";
import type { RoleName, TargetsFile } from "../../tuf/metadata.ts";
import { verifyFileMeta } from "../../tuf/file-hashes.ts";
import { parseMetadata } from "../../tuf/notary-v1/parse.ts";
import { isTargetsFile } from "../../tuf/proposals/judged-proposal.ts";
import type { TrustedCollection } from "../../tuf/trusted-collection.ts";
import type { TrustContext } from "../trust-context.ts";

/**
 * The file that the server still has of a delegation of targets that was removed. Its signatures are not verified: no role names its keys.
 *
 * @returns undefined for a role that is declared, was never there, or whose file is gone or unreadable
 * @throws NetworkError
 */
export async function forgottenFile(
  { repository }: Pick<TrustContext, "repository">,
  current: TrustedCollection,
  role: RoleName,
): Promise<TargetsFile | undefined> {
  const meta = current.snapshot.body.meta.get(role);
  const sha256 = meta?.hashes.get("sha256");
  const isDeclared = current.targets.body.delegations.roles?.some(({ name }) => name === role) ?? false;
  if (meta === undefined || sha256 === undefined || isDeclared) return undefined;
  try {
    const bytes = await repository.fetch(`${role}.${Buffer.from(sha256).toString("hex")}`, meta.length);
    verifyFileMeta(role, bytes, meta);
    const file = parseMetadata(role, bytes);
    return isTargetsFile(file) ? file : undefined;
  } catch (error) {
    // Gone, or never readable: then nothing of it can come back.
    if (hasCode(error, "METADATA_MISSING") || error instanceof MetadataError) return undefined;
    throw error;
  }
}

/** The warning that entries of a file count again, for those who let its keys sign. */
export function entriesReturn({ role, body }: TargetsFile, gun: string): string {
  const tags = [...body.targets.keys()].sort();
  const shown = tags.slice(0, 10).join(", ") + (tags.length > 10 ? `, and ${tags.length - 10} more` : "");
  return `what was signed in ${role} of ${gun} before counts again with these keys: ${shown}`;
}
