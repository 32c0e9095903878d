/** The record of a linked key: where it is kept, what it is for, and the public key that it must have. */
import { parsePublicKeyPem, publicKeyPem } from "../../crypto/public-key-pem.ts";
import type { PublicKey } from "../../crypto/public-key.ts";
import { isJsonObject, parseJson } from "../../encoding/json.ts";
import { EncodingError, KeyStoreError, MetadataError } from "../../errors.ts";
import { isLoose, refuseWorldWritable } from "../../files/private-modes.ts";
import { type FoundFile, readPrivateFile } from "../../files/read-private-file.ts";
import { systemReason } from "../../files/system-error.ts";
import { writeAtomically } from "../../files/write-atomically.ts";
import { keyScheme } from "../external/open-driver.ts";

/** A key that is kept elsewhere. */
export interface LinkedKey {
  readonly uri: string;
  readonly role: string;
  readonly gun: string | undefined;
  readonly publicKey: PublicKey;
}

/** A record as found on disk. */
export interface FoundLink extends LinkedKey {
  /** other users may read or change the file */
  readonly isLoose: boolean;
}

/** A URI, a role, a GUN, and a public RSA key of 8,192 bits. */
const maxBytes = 16 * 1024;
const maxRoleLength = 256;
const maxGunLength = 1024;

/**
 * Reads a record. Links and everything but regular files count as absent.
 *
 * @param keyId the canonical key ID, which names the file
 * @returns undefined when absent
 * @throws KeyStoreError `KEY_FILE_UNSAFE` when all users may write it, `FILE_UNREADABLE`, `KEY_URI_INVALID`
 * @throws EncodingError or MetadataError when damaged
 */
export function readLink(path: string, keyId: string): FoundLink | undefined {
  const found = readOrExplain(path);
  if (found.kind === "too large") throw new EncodingError("TOO_LARGE", `${path} is larger than ${maxBytes} bytes`);
  if (found.kind !== "file") return undefined;
  refuseWorldWritable(path, found.stats);
  const link = parseLink(path, found.bytes);
  if (link.publicKey.keyId === keyId) return { ...link, isLoose: isLoose(found.stats) };
  throw new MetadataError("KEY_MALFORMED", `${path} is the record of another key: ${link.publicKey.keyId}`);
}

/** Writes a record atomically, mode 0600, so that it survives a crash. @throws KeyStoreError `FILE_UNWRITABLE` */
export async function writeLink(path: string, { uri, role, gun, publicKey }: LinkedKey): Promise<void> {
  const members = { uri, role, ...(gun === undefined ? {} : { gun }), publicKey: publicKeyPem(publicKey) };
  try {
    await writeAtomically(path, `${JSON.stringify(members, undefined, 2)}\n`, { surviveCrash: true });
  } catch (cause) {
    throw new KeyStoreError("FILE_UNWRITABLE", `Cannot write ${path}: ${systemReason(cause)}`, { cause });
  }
}

function parseLink(path: string, bytes: Uint8Array): LinkedKey {
  const value = parseJson(bytes, { maxDepth: 2 });
  const text = (name: string, maxLength: number): string => {
    const member = isJsonObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
    if (typeof member === "string" && member !== "" && member.length <= maxLength) return member;
    throw new EncodingError("JSON_MALFORMED", `${path} is damaged: it has no usable "${name}"`);
  };
  const uri = text("uri", maxBytes);
  keyScheme(uri);
  const gun = isJsonObject(value) && Object.hasOwn(value, "gun") ? text("gun", maxGunLength) : undefined;
  const publicKey = parsePublicKeyPem(text("publicKey", maxBytes));
  return { uri, role: text("role", maxRoleLength), gun, publicKey };
}

function readOrExplain(path: string): FoundFile {
  try {
    return readPrivateFile(path, maxBytes);
  } catch (cause) {
    throw new KeyStoreError("FILE_UNREADABLE", `Cannot read ${path}: ${systemReason(cause)}`, { cause });
  }
}
