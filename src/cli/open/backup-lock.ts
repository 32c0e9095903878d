/** What a key backup is encrypted for: recipients, shares, or a passphrase that is asked for. */
import { UsageError } from "../../errors.ts";
import type { AgeKey, AgeLock } from "../../keys/backup/age-file.ts";
import type { SharedIdentity } from "../../keys/backup/key-shares.ts";
import type { PassphraseKeeper } from "../../keys/passphrase-keeper.ts";
import { backupRole } from "../../keys/passphrase.ts";
import { readGivenFile } from "./backup-file.ts";

/** The flags that decide. */
export interface LockFlags {
  readonly recipient: readonly string[];
  readonly "recipients-file": readonly string[];
  readonly identity: readonly string[];
  readonly shares: string | undefined;
}

/** How to encrypt a backup, how to check it, and how to describe it. */
export interface BackupLock {
  readonly lock: AgeLock;
  /** opens the file; undefined when the identities are elsewhere */
  readonly proof: AgeKey | undefined;
  readonly shared: SharedIdentity | undefined;
  /** for the list of contents */
  readonly opensWith: readonly string[];
}

const maxTextFileBytes = 1024 * 1024;
const secretKey = /^AGE-SECRET-KEY-(?:PQ-)?1[0-9A-Z]+$/u;

/**
 * Finds out for whom to encrypt, and asks for a passphrase when nothing else is given.
 *
 * @throws UsageError `USAGE`, `FILE_UNREADABLE`; KeyStoreError `PASSPHRASE_UNAVAILABLE`, `PASSPHRASE_TOO_SHORT`
 */
export async function backupLock(flags: LockFlags, passphrases: PassphraseKeeper): Promise<BackupLock> {
  const recipients = [...flags.recipient];
  for (const path of flags["recipients-file"]) recipients.push(...(await linesOf(path)));
  const identities = await readIdentities(flags.identity);
  const shared = flags.shares === undefined ? undefined : await makeSharesFor(flags.shares);
  if (recipients.length === 0 && shared === undefined) return await passphraseLock(identities, passphrases);
  const opensWith = recipients.map((recipient) => `the identity of ${recipient}`);
  if (shared !== undefined) opensWith.push(await sharesInWords(shared));
  const proofs = [...identities, ...(shared === undefined ? [] : [shared.identity])];
  return {
    lock: { recipients: [...recipients, ...(shared === undefined ? [] : [shared.recipient])] },
    proof: proofs.length === 0 ? undefined : { identities: proofs },
    shared,
    opensWith,
  };
}

async function passphraseLock(identities: readonly string[], passphrases: PassphraseKeeper): Promise<BackupLock> {
  if (identities.length > 0)
    throw new UsageError("USAGE", "--identity proves that a recipient's backup opens, and no recipient was given", {
      hint: "Add --recipient with what age-keygen -y prints for the identity.",
    });
  const passphrase = await passphrases.forNewKey({ role: backupRole, gun: undefined, keyId: "" }, true);
  return { lock: { passphrase }, proof: undefined, shared: undefined, opensWith: ["a passphrase"] };
}

async function makeSharesFor(text: string): Promise<SharedIdentity> {
  const [, needed, made] = /^(\d{1,3})\/(\d{1,3})$/u.exec(text) ?? [];
  if (needed === undefined || made === undefined)
    throw new UsageError("USAGE", `--shares: "${text}" is not of the form k/n`, {
      hint: "Write --shares 3/5 for five shares of which any three open the backup.",
    });
  const { makeShares } = await import("../../keys/backup/key-shares.ts");
  return await makeShares(Number(needed), Number(made));
}

async function sharesInWords({ shares: [share] }: SharedIdentity): Promise<string> {
  const { shownSet } = await import("../../keys/backup/share-text.ts");
  return share === undefined ? "" : `${share.needed} of the ${share.made} shares of set ${shownSet(share.set)}`;
}

/**
 * Reads identity files as `age-keygen` writes them. Their lines are secret, and are never shown.
 *
 * @throws UsageError `USAGE`, `FILE_UNREADABLE`
 */
export async function readIdentities(paths: readonly string[]): Promise<string[]> {
  const identities: string[] = [];
  for (const path of paths) {
    const lines = await linesOf(path);
    const unusable = lines.find((line) => !secretKey.test(line));
    if (unusable !== undefined || lines.length === 0) throw unusableIdentity(path, unusable);
    identities.push(...lines);
  }
  return identities;
}

function unusableIdentity(path: string, line = ""): UsageError {
  if (line.startsWith("AGE-PLUGIN-"))
    return new UsageError("USAGE", `${path} holds the identity of an age plugin, which only age itself can use`, {
      hint: `Open the backup with age: age --decrypt --identity ${path} FILE | tagseal trust key restore -`,
    });
  const sealed = line.startsWith("age-encryption.org/") || line.startsWith("-----BEGIN AGE");
  return new UsageError("USAGE", `${path} is not a file of age identities`, {
    hint: sealed
      ? `It is encrypted itself. Open it on the way: --identity <(age --decrypt ${path})`
      : "An identity begins with AGE-SECRET-KEY-1, as age-keygen writes it.",
  });
}

/** Lines without blank ones and comments, as `age` reads such files. */
async function linesOf(path: string): Promise<string[]> {
  const text = (await readGivenFile(path, maxTextFileBytes)).toString("utf8");
  return text
    .split(/\r?\n/u)
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
}
