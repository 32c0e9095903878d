/** The private keys of this machine, as `trust key list`, `show` and `remove` print them. */
import { dirname } from "node:path";
import type { KeyProtection, StoredKey } from "../../keys/key-store.ts";
import type { KeyNaming, LocalKey } from "../../trust/local-keys/local-key.ts";

const shortLength = 12;

/** How many repositories of one key a table shows; a root key may serve hundreds. */
const shownRepositories = 3;

/** How wide a table of keys may become. */
export interface KeyTableHow {
  /** whole IDs and paths, every repository and the scheme of the encryption */
  readonly full: boolean;
  /** the home directory, shown as `~` */
  readonly home: string | undefined;
}

/** The start of a key ID, as docker shows it in tables. */
export function shortId(keyId: string): string {
  return keyId.slice(0, shortLength);
}

/** How many of a role's keys must sign. */
export function mustSign(threshold: number, keyCount: number): string {
  return `${threshold} of ${keyCount} keys must sign`;
}

/** What a key is for, in docker's words: `root`, `repository`, `snapshot`, `timestamp`, or a signer. */
export function purposeOf({ role }: Pick<StoredKey, "role">): string {
  if (role === "targets") return "repository";
  if (["root", "snapshot", "timestamp", "delegation", "signer"].includes(role)) return role;
  return `signer ${role.replace(/^targets\//u, "")}`;
}

/** A key in a sentence: `root key 3f9a1c27b04d`, `repository key 3f9a1c27b04d of localhost:5000/app`, `key 3f9a1c27b04d of signer alice`. */
export function keyInWords(key: StoredKey): string {
  const purpose = purposeOf(key);
  if (purpose.startsWith("signer ")) return `key ${shortId(key.keyId)} of ${purpose}`;
  return `${purpose} key ${shortId(key.keyId)}${key.gun === undefined ? "" : ` of ${key.gun}`}`;
}

/** How a key is protected, in a few words; what is wrong about it is in capital letters. */
export function protectionText({ protection, mode }: Pick<StoredKey, "protection" | "mode">, full: boolean): string {
  const loose = mode !== undefined && (mode & 0o077) !== 0;
  const shownMode = mode !== undefined && (full || loose) ? `, file mode ${modeText(mode)}` : "";
  return `${protection === undefined ? "by token or service" : kindText(protection, full)}${shownMode}`;
}

function kindText(protection: KeyProtection, full: boolean): string {
  if (protection.kind === "none") return "NOT ENCRYPTED";
  if (protection.kind === "unreadable") return full ? `UNREADABLE: ${protection.reason}` : "UNREADABLE";
  const rounds = `${protection.rounds.toLocaleString("en")} rounds`;
  return full ? `${protection.scheme}, ${rounds}` : rounds;
}

function modeText(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}

/** The rows of a table of keys: one for each repository of a key; what is the same as in the row above is left out. */
export function keyRows(keys: readonly LocalKey[], how: KeyTableHow): readonly (readonly string[])[] {
  const heading = ["KEY ID", "FOR", "REPOSITORY", "NAMED THERE AS", "PROTECTION", "LOCATION"];
  return [heading, ...keys.flatMap((key) => rowsOf(key, how))];
}

function rowsOf(key: LocalKey, { full, home }: KeyTableHow): string[][] {
  const repositories = repositoriesOf(key);
  const shown = full ? repositories : repositories.slice(0, shownRepositories);
  const more = repositories.length - shown.length;
  const keyId = full ? key.keyId : shortId(key.keyId);
  const rows = shown.map(([gun, namings], index) => {
    const named = namedAs(namings, full);
    if (index > 0) return ["", "", gun, named];
    return [keyId, purposeOf(key), gun, named, protectionText(key, full), locationText(key.location, full, home)];
  });
  return more === 0 ? rows : [...rows, ["", "", `and ${more} more: tagseal trust key show ${keyId}`]];
}

/** The repositories that name a key, and the one it was made for even if nothing that is remembered names it. */
function repositoriesOf({ namings, gun }: LocalKey): (readonly [string, readonly KeyNaming[]])[] {
  const byGun = new Map(Map.groupBy(namings, (naming) => naming.gun));
  if (gun !== undefined && !byGun.has(gun)) byGun.set(gun, []);
  return byGun.size === 0 ? [["-", []]] : [...byGun];
}

/** The roles, and the ID where it is not the one of the key. */
function namedAs(namings: readonly KeyNaming[], full: boolean): string {
  if (namings.length === 0) return "-";
  return namings
    .map(({ role, keyId, idInMetadata, threshold, roleKeyIds }) => {
      const share = threshold > 1 ? ` (${mustSign(threshold, roleKeyIds.length)})` : "";
      if (idInMetadata === keyId) return `${role}${share}`;
      return `${role} ${full ? idInMetadata : shortId(idInMetadata)}${share}`;
    })
    .join(", ");
}

/** Key files have their ID as their name, so that their directory says enough. */
function locationText(location: string, full: boolean, home: string | undefined): string {
  if (full || !location.startsWith("/")) return location;
  const directory = dirname(location);
  return home !== undefined && directory.startsWith(`${home}/`) ? `~${directory.slice(home.length)}` : directory;
}

/** A key in a result that says what was done with it, as `--json` shows it. */
export function storedKeyJson({ keyId, role, gun, location }: StoredKey): Readonly<Record<string, unknown>> {
  return { keyId, role, gun, location };
}

/** A key and what names it, as `--json` shows it. */
export function keyJson(key: LocalKey): Readonly<Record<string, unknown>> {
  const { keyId, role, gun, location, uri, protection, mode, namings } = key;
  return {
    keyId,
    purpose: purposeOf(key),
    role,
    gun,
    location,
    uri,
    protection,
    mode: mode === undefined ? undefined : modeText(mode),
    namedBy: namings.map(namingJson),
  };
}

function namingJson({ gun, role, idInMetadata, threshold, roleKeyIds }: KeyNaming): object {
  const naming = { repository: gun, role, keyId: idInMetadata };
  return threshold > 1 ? { ...naming, threshold, keyCount: roleKeyIds.length } : naming;
}
