/**
 * What is inside a key backup: the text that `age --decrypt` shows. It is a file of exported keys, as `notary key import` takes it, below a
 * few lines that say what it is. A person without Tagseal can use it.
 *
 * The keys are encrypted inside as well: opening a backup puts no bare key on a disk, and making one needs no key's passphrase.
 */
import { isEncryptedBlock, isPrivateKeyBlock } from "../../crypto/private-key-pem.ts";
import { parsePem, serialisePem } from "../../encoding/pem.ts";
import type { PemBlock } from "../../encoding/pem.ts";
import { EncodingError } from "../../errors.ts";
import { isKeyId } from "../key-store.ts";
import { maxImportLength } from "../key-transfer.ts";

/** What is known of a key without its passphrase. */
export interface KeyDescription {
  readonly keyId: string;
  readonly role: string;
  /** the repository that the key belongs to; only keys for targets, snapshot and timestamp have one */
  readonly gun: string | undefined;
}

/** A key in a backup. */
export interface BackedUpKey extends KeyDescription {
  /** as in a key file: encrypted, with the headers `role` and `gun` */
  readonly block: PemBlock;
}

/** What a backup holds. */
export interface BackupContents {
  readonly madeAt: Date;
  /** in order of key ID */
  readonly keys: readonly BackedUpKey[];
  /** opens all the keys, where the backup brings it along; otherwise each has the passphrase that it had in its key store */
  readonly passphrase?: string | undefined;
  /** keys that cannot leave their store, such as those of hardware tokens */
  readonly elsewhere: readonly (KeyDescription & { readonly location: string })[];
}

const firstLine = "Tagseal key backup, version 1";
const passphraseLine = /^Passphrase of these keys: (\S{8,256})$/mu;
const usableRole = /^\S{1,256}$/u;
const usableGun = /^\S{1,1024}$/u;

/** The text to encrypt. @throws EncodingError `PEM_MALFORMED` for a key whose headers cannot be written */
export function contentsText({ madeAt, keys, passphrase, elsewhere }: BackupContents): string {
  const sealed =
    passphrase === undefined
      ? ["Each key has the passphrase that it had when the backup was made."]
      : [`Passphrase of these keys: ${passphrase}`];
  const lines = [firstLine, `Made: ${madeAt.toISOString()}`, ...sealed];
  for (const key of elsewhere) lines.push(`Not contained: ${keyInWords(key)} (${oneLine(key.location)})`);
  lines.push("Without Tagseal: notary -d ~/.docker/trust key import THIS-FILE", "");
  const blocks = keys.map(({ keyId, block }) =>
    serialisePem({ ...block, headers: new Map([...block.headers, ["path", keyId]]) }),
  );
  return `${lines.join("\n")}\n${blocks.join("")}`;
}

/**
 * Reads the text of an opened backup; also exported keys that a person encrypted with `age`.
 *
 * @throws EncodingError `BACKUP_MALFORMED`, `TOO_LARGE`
 */
export function parseContents(text: string): Pick<BackupContents, "keys" | "passphrase"> {
  if (text.length > maxImportLength)
    throw new EncodingError("TOO_LARGE", `Cannot read the key backup: more than ${maxImportLength} characters`);
  const preamble = text.slice(0, Math.max(text.indexOf("-----BEGIN "), 0));
  if (preamble.startsWith("Tagseal key backup") && !preamble.startsWith(`${firstLine}\n`))
    throw malformed("a newer Tagseal made it", "Restore it with the version of Tagseal that made it, or a newer one.");
  const passphrase = passphraseLine.exec(preamble)?.[1];
  const keys = blocksOf(text).map(parseKey);
  if (keys.length === 0) throw malformed("it holds no key");
  const repeated = keys.find(({ keyId }, index) => keys.findIndex((other) => other.keyId === keyId) !== index);
  if (repeated !== undefined) throw malformed(`it holds key ${repeated.keyId} twice`);
  return { keys, passphrase };
}

function blocksOf(text: string): PemBlock[] {
  try {
    return parsePem(text);
  } catch (cause) {
    throw malformed(cause instanceof Error ? cause.message : String(cause));
  }
}

function parseKey(block: PemBlock, index: number): BackedUpKey {
  const where = `block ${index + 1}`;
  const { path = "", role = "", gun } = Object.fromEntries(block.headers);
  if (!isPrivateKeyBlock(block)) throw malformed(`${where} is not a private key`);
  if (!isEncryptedBlock(block)) throw malformed(`${where} is a key that is not encrypted`);
  if (!isKeyId(path)) throw malformed(`${where} has no key ID in its path header`);
  if (!usableRole.test(role) || (gun !== undefined && !usableGun.test(gun)))
    throw malformed(`the role or repository of key ${path} cannot be one`);
  const headers = new Map([...block.headers].filter(([name]) => name !== "path"));
  return { keyId: path, role, gun, block: { ...block, headers } };
}

/** A key on one line: `<key ID> targets of registry.example.com/team/app`. */
export function keyInWords({ keyId, role, gun }: KeyDescription): string {
  return oneLine(`${keyId} ${role}${gun === undefined ? "" : ` of ${gun}`}`);
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/gu, " ");
}

function malformed(reason: string, hint?: string): EncodingError {
  return new EncodingError("BACKUP_MALFORMED", `Cannot read the key backup: ${reason}`, {
    hint: hint ?? "Look at what is in it: age --decrypt FILE",
  });
}
