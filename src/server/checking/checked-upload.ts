/** The one check of an upload, wherever it runs: on the thread that serves requests or beside it. */

import { MetadataError } from "../../errors.ts";
import type { LogFields } from "../../service/log.ts";
import type { MetadataFile, RoleName } from "../../tuf/metadata.ts";
import { parseMetadata } from "../../tuf/notary-v1/parse.ts";
import { isServerRole } from "../../tuf/role-name.ts";
import type { StoredRoles } from "../../tuf/stored-roles.ts";
import { type UpdateInput, validateUpdate } from "../../tuf/update-validation.ts";
import type { ValidatedFile } from "../../tuf/validated-file.ts";
import { evidenceOf } from "../collections/evidence.ts";

/** An upload, and whether the log wants to know what it changes. */
export interface UploadCheck extends UpdateInput {
  readonly wantsEvidence: boolean;
}

/** What is to be stored, and what it changes, as fields of a log line. */
export interface CheckedUpload {
  readonly files: readonly ValidatedFile[];
  readonly evidence: LogFields;
}

/** Checks an upload. @throws what `validateUpdate` throws */
export async function checkUpload({ wantsEvidence, ...input }: UploadCheck): Promise<CheckedUpload> {
  const files = await validateUpdate(input);
  return { files, evidence: wantsEvidence ? await evidence(input.stored, files) : {} };
}

async function evidence(stored: StoredRoles, files: readonly ValidatedFile[]): Promise<LogFields> {
  const replacements = files.map(async ({ role, bytes }) => ({
    before: await replaced(stored, role),
    after: parseMetadata(role, bytes),
  }));
  return evidenceOf(await Promise.all(replacements));
}

/** Only owners' files contain tags and keys. */
async function replaced(stored: StoredRoles, role: RoleName): Promise<MetadataFile | undefined> {
  if (isServerRole(role)) return undefined;
  const file = await stored.current(role);
  if (file === undefined) return undefined;
  try {
    return stored.parse?.(role, file) ?? parseMetadata(role, file.bytes);
  } catch (error) {
    // The stored file may be damaged, and is being replaced: that alone is no reason to refuse.
    if (!(error instanceof MetadataError)) throw error;
    return undefined;
  }
}
