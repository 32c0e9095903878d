/** Opens a key backup with a passphrase, identities or shares, whichever its header asks for. */
import { EncodingError, KeyStoreError, UsageError, hasCode, reworded } from "../../errors.ts";
import { lockOf, maxAgeFileBytes, openAge, parseAge } from "../../keys/backup/age-file.ts";
import type { PassphraseKeeper } from "../../keys/passphrase-keeper.ts";
import { backupRole } from "../../keys/passphrase.ts";
import type { Io } from "../io.ts";
import { readGivenFile } from "./backup-file.ts";
import { readIdentities } from "./backup-lock.ts";
import { collectIdentity } from "./typed-shares.ts";

/** The flags that say what opens the backup. */
export interface OpenFlags {
  readonly identity: readonly string[];
  readonly share: readonly string[];
  readonly shares: boolean;
}

/**
 * The text in a backup.
 *
 * @param path `-` for an armored backup, or one that `age` opened, on standard input
 * @throws UsageError `USAGE`, `FILE_UNREADABLE`; EncodingError `BACKUP_MALFORMED`, `TOO_LARGE`; KeyStoreError `PASSPHRASE_WRONG`,
 * `PASSPHRASE_UNAVAILABLE`, `BACKUP_LOCKED`, `SHARE_INVALID`, `SHARES_TOO_FEW`
 */
export async function openBackup(
  path: string,
  flags: OpenFlags,
  passphrases: PassphraseKeeper,
  io: Io,
): Promise<string> {
  const bytes = path === "-" ? await standardInput(io) : await readGivenFile(path, maxAgeFileBytes);
  const file = await parseAge(bytes);
  if (file === undefined) return openedAlready(bytes, path);
  const given = flags.identity.length + flags.share.length > 0 || flags.shares;
  if (lockOf(file) === "passphrase") {
    if (given) throw needsPassphrase(path);
    const open = async (passphrase: string) => openAge(file, { passphrase });
    return await passphrases.unlock({ role: backupRole, gun: undefined, keyId: "" }, open);
  }
  if (!given) throw needsIdentity(path);
  return await openWithIdentities(file, flags, io);
}

async function openWithIdentities(file: Uint8Array, flags: OpenFlags, io: Io): Promise<string> {
  const identities = await readIdentities(flags.identity);
  const joined = flags.share.length > 0 || flags.shares ? await collectIdentity(flags, io) : undefined;
  if (joined !== undefined) identities.push(joined.identity);
  try {
    return await openAge(file, { identities });
  } catch (error) {
    if (joined === undefined || !hasCode(error, "BACKUP_LOCKED")) throw error;
    const message = `The shares of set ${joined.set} do not open this backup: they are of another one`;
    throw reworded(error, { message, hint: "The list beside the backup, FILE.txt, names its set." });
  }
}

async function standardInput(io: Io): Promise<Buffer> {
  const text = await io.prompter.readAll(maxAgeFileBytes);
  if (text !== undefined) return Buffer.from(text);
  throw new EncodingError("TOO_LARGE", `The key backup has more than ${maxAgeFileBytes} bytes`);
}

/** What `age --decrypt` wrote may be restored, too. */
function openedAlready(bytes: Buffer, path: string): string {
  const text = bytes.toString("utf8");
  if (text.includes("-----BEGIN ENCRYPTED PRIVATE KEY-----")) return text;
  throw new EncodingError("BACKUP_MALFORMED", `${path === "-" ? "Standard input" : path} is not a key backup`, {
    hint: "Name the file that tagseal trust key backup wrote. On standard input it must be armored.",
  });
}

function needsPassphrase(path: string): UsageError {
  return new UsageError("USAGE", `${path} opens with a passphrase, not with identities or shares`, {
    hint: `Restore it without these flags: tagseal trust key restore ${path}`,
  });
}

function needsIdentity(path: string): KeyStoreError {
  return new KeyStoreError("BACKUP_LOCKED", `${path} opens with an age identity or with shares`, {
    hint: `Give --identity FILE, or --shares to be asked for them; ${path}.txt says which.`,
  });
}
