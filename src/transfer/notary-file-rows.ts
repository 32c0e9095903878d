/** Checks on the rows of a Notary database that need no file bytes. */

import { highestVersion } from "../tuf/collection-draft.ts";
import { maxFileBytes } from "../tuf/notary-v1/bounds.ts";
import { isRoleName } from "../tuf/role-name.ts";
import type { FileVersion } from "../server/storage/stored-file.ts";
import type { NotaryFile } from "./notary-server-database.ts";

/** How much one transaction writes. */
const maxBatchBytes = 16 * 1024 * 1024;
const maxBatchFiles = 500;

/** Why a row cannot be a file of any collection. */
export function faultOf({ role, version, length }: NotaryFile): string | undefined {
  if (!isRoleName(role)) return "its role is invalid";
  if (version < 1 || version > highestVersion) return "its version is invalid";
  const most = maxFileBytes(role);
  return length > most ? `it has ${length} bytes, more than the ${most} a reader takes` : undefined;
}

/** A file's name in messages. */
export function placeOf({ role, version }: Pick<FileVersion, "role" | "version">): string {
  return `${role} ${version}`;
}

/** Rows in the order given, in groups that one transaction writes, and memory holds. */
export function* batches(rows: readonly NotaryFile[]): Generator<readonly NotaryFile[]> {
  let batch: NotaryFile[] = [];
  let bytes = 0;
  for (const row of rows) {
    if (batch.length > 0 && (batch.length >= maxBatchFiles || bytes + row.length > maxBatchBytes)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(row);
    bytes += row.length;
  }
  if (batch.length > 0) yield batch;
}
