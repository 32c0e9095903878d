/**
 * The list of contents beside a backup, `FILE.txt`: what is in it and how it is opened, without a secret. An age file has no place for it that
 * can be read without its key. The list says which file it belongs to, but nothing proves that it is true: the same list is inside, sealed.
 */
import { sha256Hex } from "../../crypto/sha256.ts";
import { EncodingError } from "../../errors.ts";
import { isKeyId } from "../key-store.ts";
import { type BackupContents, type KeyDescription, keyInWords } from "./backup-contents.ts";

/** What the list says. */
export interface BackupListing {
  /** RFC 3339 */
  readonly made: string;
  /** how the backup is opened: `a passphrase`, `the identity of age1…`, `3 of the 5 shares of set 1A2B3 C4D5E` */
  readonly opensWith: readonly string[];
  /** true when the backup brings the passphrase of its keys along */
  readonly bringsPassphrase: boolean;
  readonly keys: readonly KeyDescription[];
  /** keys that are not in the backup, because their store does not give them away */
  readonly notContained: readonly string[];
  /** of the backup file, in hexadecimal */
  readonly sha256: string;
}

/** Longer lists are not read. */
export const maxListingBytes = 4 * 1024 * 1024;

const title = "Contents of a Tagseal key backup, version 1";
const notice =
  "This list holds no secret and is not signed. `tagseal trust key restore --dry-run` reads what is in the file.";

/** The list for a backup. @param file the bytes of the backup file */
export function listingOf(contents: BackupContents, opensWith: readonly string[], file: Uint8Array): BackupListing {
  return {
    made: contents.madeAt.toISOString(),
    opensWith,
    bringsPassphrase: contents.passphrase !== undefined,
    keys: contents.keys.map(({ keyId, role, gun }) => ({ keyId, role, gun })),
    notContained: contents.elsewhere.map((key) => `${keyInWords(key)} (${key.location})`),
    sha256: sha256Hex(file),
  };
}

/** The text of the list: a line for each fact, with a name and a colon. */
export function listingText(listing: BackupListing): string {
  const lines = [title, notice, "", `Made: ${listing.made}`, `SHA-256 of the file: ${listing.sha256}`];
  for (const way of listing.opensWith) lines.push(`Opens with: ${way}`);
  lines.push(`Passphrase of the keys: ${listing.bringsPassphrase ? "inside" : "not inside"}`);
  for (const { keyId, role, gun } of listing.keys)
    lines.push(`Key: ${keyId} ${role}${gun === undefined ? "" : ` ${gun}`}`);
  for (const key of listing.notContained) lines.push(`Not contained: ${key}`);
  return `${lines.map((line) => line.replaceAll(/\s+/gu, " ")).join("\n")}\n`;
}

/**
 * Reads a list.
 *
 * @throws EncodingError `BACKUP_MALFORMED`
 */
export function parseListing(text: string): BackupListing {
  if (!text.startsWith(`${title}\n`)) throw malformed("it does not begin as one");
  const facts = text.split(/\r?\n/u).flatMap((line) => {
    const [, name = "", value = ""] = /^([A-Z][^:]{1,40}): (.*)$/u.exec(line) ?? [];
    return name === "" ? [] : [{ name, value }];
  });
  const all = (name: string): string[] => facts.filter((fact) => fact.name === name).map(({ value }) => value);
  const sha256 = all("SHA-256 of the file")[0] ?? "";
  if (!/^[0-9a-f]{64}$/u.test(sha256)) throw malformed("it does not name the file");
  return {
    made: all("Made")[0] ?? "",
    sha256,
    opensWith: all("Opens with"),
    bringsPassphrase: all("Passphrase of the keys")[0] === "inside",
    keys: all("Key").map(parseKeyLine),
    notContained: all("Not contained"),
  };
}

function parseKeyLine(line: string): KeyDescription {
  const [keyId = "", role = "", gun] = line.split(" ");
  if (!isKeyId(keyId) || role === "") throw malformed("a line does not describe a key");
  return { keyId, role, gun };
}

function malformed(reason: string): EncodingError {
  return new EncodingError("BACKUP_MALFORMED", `Cannot read the list of contents: ${reason}`, {
    hint: "Read what is in the backup itself: tagseal trust key restore --dry-run FILE",
  });
}
