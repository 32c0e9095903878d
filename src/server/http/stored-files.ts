/** The files that clients of a server get, over HTTP or from its data. A file is reported as missing only when that is known. */

import type { RoleName } from "../../tuf/metadata.ts";
import { isServerRole } from "../../tuf/role-name.ts";
import type { CollectionReader } from "../collections/collection-reader.ts";
import type { Publications } from "../collections/publications.ts";
import type { StoredFile } from "../storage/stored-file.ts";
import { fileNotFound, storeLost, type WireError } from "./wire-error.ts";

/** What reads and renews the files. */
export interface StoredFileParts {
  readonly reader: CollectionReader;
  readonly publications: Publications;
}

/**
 * The current file of a role. A timestamp or snapshot that has expired is signed again first.
 *
 * @throws WireError `METADATA_NOT_FOUND`; `UNKNOWN` with 503 while the store cannot confirm what is current
 */
export async function currentFile(
  { reader, publications }: StoredFileParts,
  gun: string,
  role: RoleName,
): Promise<StoredFile> {
  const reading = isServerRole(role) ? await publications.read(gun) : await reader.read(gun);
  if (reading.freshness !== "current") throw unread(reading.freshness);
  return found(await reader.fileIn(reading.view, gun, role));
}

/** A version of a role: another file after a collection was deleted and created again. @throws WireError as {@link currentFile} */
export async function fileByVersion(
  { reader }: Pick<StoredFileParts, "reader">,
  gun: string,
  role: RoleName,
  version: number,
): Promise<StoredFile> {
  await requireCurrent(reader, gun);
  return found(await reader.byVersion(gun, role, version));
}

/** The file of a role with a checksum, if its collection exists now. @throws WireError as {@link currentFile} */
export async function fileByChecksum(
  { reader }: Pick<StoredFileParts, "reader">,
  gun: string,
  role: RoleName,
  checksum: string,
): Promise<StoredFile> {
  await requireCurrent(reader, gun);
  return found(await reader.byChecksum(gun, role, checksum));
}

async function requireCurrent(reader: CollectionReader, gun: string): Promise<void> {
  const freshness = await reader.refresh(gun);
  if (freshness !== "current") throw unread(freshness);
}

function unread(freshness: "absent" | "unknown"): WireError {
  return freshness === "absent" ? fileNotFound() : storeLost("UNKNOWN");
}

function found(file: StoredFile | undefined): StoredFile {
  if (file === undefined) throw fileNotFound();
  return file;
}
