/** One key file: its PEM headers, and how to read it without trusting its author. */
import { rm } from "node:fs/promises";
import { dirname } from "node:path";
import { isPrivateKeyBlock } from "../crypto/private-key-pem.ts";
import { encryptPkcs8 } from "../crypto/pbes2.ts";
import type { PrivateKey } from "../crypto/private-key.ts";
import { parsePem, serialisePem } from "../encoding/pem.ts";
import type { PemBlock } from "../encoding/pem.ts";
import { EncodingError, KeyStoreError } from "../errors.ts";
import { hasModes, isLoose, refuseWorldWritable } from "../files/private-modes.ts";
import { type FoundFile, readPrivateFile } from "../files/read-private-file.ts";
import { systemReason } from "../files/system-error.ts";
import { syncDirectory, writeAtomically } from "../files/write-atomically.ts";
import { gunToKeep } from "./key-store.ts";
import type { KeyUse } from "./key-store.ts";

/** A private key file as found on disk. */
export interface KeyFile {
  readonly path: string;
  readonly block: PemBlock;
  /** the `role` header; `delegation` for old files without one, as in Notary v1 */
  readonly role: string;
  readonly gun: string | undefined;
  /** other users may read the file */
  readonly isLoose: boolean;
  /** its permission bits; undefined where files have none */
  readonly mode: number | undefined;
}

/** Key files are a few hundred bytes; the largest RSA keys stay far below this. */
export const maxKeyFileBytes = 64 * 1024;

/** Passphrase stretching for new keys: old readers support only HMAC-SHA1, so the count must be high. */
export const defaultIterations = 600_000;

/**
 * Reads a key file. Symbolic links and everything but regular files count as absent.
 *
 * @returns undefined when absent
 * @throws KeyStoreError `KEY_FILE_UNSAFE` when all users may write it, so that any of them may have put another key there
 * @throws KeyStoreError `FILE_UNREADABLE`
 * @throws EncodingError `TOO_LARGE`, `PEM_MALFORMED` when it does not hold exactly one private key
 */
export async function readKeyFile(path: string): Promise<KeyFile | undefined> {
  const found = readOrExplain(path);
  if (found.kind === "too large")
    throw new EncodingError("TOO_LARGE", `Key file ${path} is larger than ${maxKeyFileBytes} bytes`);
  if (found.kind !== "file") return undefined;
  refuseWorldWritable(path, found.stats);
  const block = parseKeyBlock(path, found.bytes.toString("utf8"));
  const role = block.headers.get("role") ?? "delegation";
  const mode = hasModes ? found.stats.mode & 0o7777 : undefined;
  return { path, block, role, gun: block.headers.get("gun"), isLoose: isLoose(found.stats), mode };
}

/**
 * Writes a key file atomically, so that it survives a crash.
 *
 * @param path in an existing directory
 * @throws KeyStoreError `FILE_UNWRITABLE`
 * @throws EncodingError `PEM_MALFORMED` for headers that cannot be written
 */
export async function writeKeyFile(path: string, block: PemBlock): Promise<void> {
  const text = keyFileText(block);
  try {
    await writeAtomically(path, text, { surviveCrash: true });
  } catch (cause) {
    throw new KeyStoreError("FILE_UNWRITABLE", `Cannot write key file ${path}`, {
      cause,
      hint: `Check the file, its directory and the disk: ${systemReason(cause)}.`,
    });
  }
}

/** Removes a key file, so that a crash does not bring it back. A missing file is no error. @throws KeyStoreError `FILE_UNWRITABLE` */
export async function removeKeyFile(path: string): Promise<void> {
  try {
    await rm(path, { force: true });
    await syncDirectory(dirname(path));
  } catch (cause) {
    throw new KeyStoreError("FILE_UNWRITABLE", `Cannot remove key file ${path}`, {
      cause,
      hint: `Check its directory and the disk: ${systemReason(cause)}.`,
    });
  }
}

/**
 * Encrypts a key into the block of a key file.
 *
 * @see Notary v1: key files
 */
export function encryptKeyBlock(key: PrivateKey, use: KeyUse, passphrase: string, iterations: number): PemBlock {
  const bytes = encryptPkcs8(key.toPkcs8(), passphrase, iterations);
  return { label: "ENCRYPTED PRIVATE KEY", headers: keyHeaders(use), bytes };
}

/** The headers of a key file: always the role, the GUN only where the key belongs to one collection. */
export function keyHeaders(use: KeyUse): Map<string, string> {
  const gun = gunToKeep(use);
  return new Map([["role", use.role], ...(gun === undefined ? [] : [["gun", gun] as const])]);
}

/** The text of a key file. */
export function keyFileText(block: PemBlock): string {
  return serialisePem(block);
}

function parseKeyBlock(path: string, text: string): PemBlock {
  const [block, ...others] = parsePem(text);
  if (block !== undefined && others.length === 0 && isPrivateKeyBlock(block)) return block;
  throw new EncodingError("PEM_MALFORMED", `Key file ${path} does not hold exactly one private key`);
}

function readOrExplain(path: string): FoundFile {
  try {
    return readPrivateFile(path, maxKeyFileBytes);
  } catch (cause) {
    throw new KeyStoreError("FILE_UNREADABLE", `Cannot read key file ${path}: ${systemReason(cause)}`, { cause });
  }
}
