/** Files as stores take them and give them back. */

import type { RoleVersion } from "../../tuf/metadata.ts";

/** One file to keep. */
export interface NewFile extends RoleVersion {
  /** lower-case hex of the raw bytes */
  readonly sha256: string;
  readonly bytes: Uint8Array;
}

/** One kept file. */
export interface StoredFile extends NewFile {
  readonly createdAt: Date;
}

/** One kept file without its bytes. */
export interface FileVersion extends RoleVersion {
  readonly sha256: string;
  /** bytes */
  readonly length: number;
  readonly createdAt: Date;
}

/** Exactly one kept file, even after its collection was deleted and created again. */
export type NamedVersion = Pick<FileVersion, "role" | "version" | "sha256">;

/** Total bytes of these files. */
export function bytesOf(files: readonly Pick<NewFile, "bytes">[]): number {
  return files.reduce((sum, { bytes }) => sum + bytes.length, 0);
}
