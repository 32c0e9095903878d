/** Files in the age format, which the `age` command opens and writes as well. The cipher is the library's; this file bounds and names what goes in and out. */
import { EncodingError, KeyStoreError, UsageError } from "../../errors.ts";

/** Larger files are refused unread: the largest key export (16 MiB), armored. */
export const maxAgeFileBytes = 24 * 1024 * 1024;

/** What a file is encrypted for: one passphrase, or the holders of identities. */
export type AgeLock =
  | {
      readonly passphrase: string;
      /** the logarithm of scrypt's cost; the library's default, 18, takes about a second */
      readonly workFactor?: number;
    }
  /** `age1…`, at least one */
  | { readonly recipients: readonly string[] };

/** What opens a file. */
export type AgeKey =
  | { readonly passphrase: string }
  /** `AGE-SECRET-KEY-1…` */
  | { readonly identities: readonly string[] };

/** How a file is locked, as its header says. */
export type AgeLockKind = "passphrase" | "identity";

const armorBegin = "-----BEGIN AGE ENCRYPTED FILE-----";
const versionLine = "age-encryption.org/v1\n";
const maxHeaderBytes = 64 * 1024;

/** Loaded only for backups: other commands do not pay for it. */
const library = async (): Promise<typeof import("age-encryption")> => import("age-encryption");

/**
 * Encrypts a text, and opens the result again before it returns it: with the passphrase, or with the file's content key, because the
 * identities of recipients are elsewhere.
 *
 * @throws UsageError `USAGE` for something that is not a recipient
 * @see https://age-encryption.org/v1
 */
export async function sealAge(text: string, lock: AgeLock): Promise<Uint8Array> {
  const age = await library();
  const encrypter = new age.Encrypter();
  const decrypter = new age.Decrypter();
  if ("passphrase" in lock) {
    encrypter.setPassphrase(lock.passphrase);
    if (lock.workFactor !== undefined) encrypter.setScryptWorkFactor(lock.workFactor);
    decrypter.addPassphrase(lock.passphrase);
  } else {
    for (const recipient of lock.recipients) addRecipient(encrypter, recipient);
    let contentKey: Uint8Array | undefined;
    encrypter.addRecipient({
      wrapFileKey: (key) => {
        contentKey = key;
        return [];
      },
    });
    decrypter.addIdentity({ unwrapFileKey: () => contentKey ?? null });
  }
  const sealed = await encrypter.encrypt(text);
  if ((await decrypter.decrypt(sealed, "text")) === text) return sealed;
  throw new EncodingError("BACKUP_MALFORMED", "the encrypted backup does not open to what was put into it");
}

function addRecipient(encrypter: import("age-encryption").Encrypter, recipient: string): void {
  try {
    encrypter.addRecipient(recipient);
  } catch (cause) {
    throw unusableRecipient(recipient, cause);
  }
}

/** An identity in the place of a recipient is a secret, and is not shown. */
function unusableRecipient(recipient: string, cause: unknown): UsageError {
  if (/^AGE-SECRET-KEY-/iu.test(recipient))
    return new UsageError("USAGE", "an age identity was given as a recipient: it is secret", {
      cause,
      hint: "Use the recipient, which begins with age1: age-keygen -y FILE. Consider that identity known to others.",
    });
  const hint = recipient.startsWith("ssh-")
    ? "Keys of ssh are not supported: make an identity with age-keygen, and give its recipient."
    : "A recipient begins with age1 and is what age-keygen prints as the public key.";
  return new UsageError("USAGE", `"${recipient}" is not an age recipient`, { cause, hint });
}

/**
 * Writes an age file as text.
 *
 * @see https://age-encryption.org/v1, "ASCII armor"
 */
export async function armorAge(bytes: Uint8Array): Promise<string> {
  return (await library()).armor.encode(bytes);
}

/**
 * The bytes of an age file, armored or not; undefined for anything else.
 *
 * @throws EncodingError `BACKUP_MALFORMED` for a damaged armor
 */
export async function parseAge(bytes: Uint8Array): Promise<Uint8Array | undefined> {
  const start = Buffer.from(bytes.subarray(0, 256)).toString("latin1").trimStart();
  if (start.startsWith(versionLine)) return bytes;
  if (!start.startsWith(armorBegin)) return undefined;
  const { armor } = await library();
  try {
    return armor.decode(Buffer.from(bytes).toString("latin1"));
  } catch (cause) {
    throw damaged("its armor is damaged", cause);
  }
}

/**
 * What an age file wants to be opened with.
 *
 * @param file as {@link parseAge} returns it
 * @throws EncodingError `BACKUP_MALFORMED`
 */
export function lockOf(file: Uint8Array): AgeLockKind {
  const lines = Buffer.from(file.subarray(0, maxHeaderBytes)).toString("latin1").split("\n");
  const end = lines.findIndex((line) => line.startsWith("---"));
  const kinds = lines.slice(1, Math.max(end, 0)).filter((line) => line.startsWith("-> "));
  if (kinds.length === 0) throw damaged("its header is damaged");
  return kinds.some((line) => line.startsWith("-> scrypt ")) ? "passphrase" : "identity";
}

/**
 * Opens an age file.
 *
 * @param file as {@link parseAge} returns it
 * @throws KeyStoreError `PASSPHRASE_WRONG`; `BACKUP_LOCKED` when none of the identities opens it
 * @throws EncodingError `BACKUP_MALFORMED` for a damaged file
 */
export async function openAge(file: Uint8Array, key: AgeKey): Promise<string> {
  lockOf(file); // bounds the header, in which each recipient costs time
  const age = await library();
  const decrypter = new age.Decrypter();
  if ("passphrase" in key) decrypter.addPassphrase(key.passphrase);
  else for (const identity of key.identities) decrypter.addIdentity(identity);
  try {
    return await decrypter.decrypt(file, "text");
  } catch (cause) {
    if (!(cause instanceof Error) || !/no identity matched/u.test(cause.message))
      throw damaged("it is damaged or cut short", cause);
    if ("passphrase" in key)
      throw new KeyStoreError("PASSPHRASE_WRONG", "Wrong passphrase for the key backup", { cause });
    throw new KeyStoreError("BACKUP_LOCKED", "None of the given identities opens the key backup", { cause });
  }
}

function damaged(reason: string, cause?: unknown): EncodingError {
  return new EncodingError("BACKUP_MALFORMED", `Cannot open the key backup: ${reason}`, {
    cause,
    hint: "Copy the file again from where you keep it, or use another copy.",
  });
}
