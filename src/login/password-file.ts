/** Files as `htpasswd -B` writes them. */

import { TagsealError } from "../errors.ts";
import { isUserName } from "./login.ts";

/** Users and what their passwords are checked against. */
export interface PasswordFile {
  /** bcrypt hash by user */
  readonly hashes: ReadonlyMap<string, string>;
  /** a hash that matches no password, as slow to check as the slowest in the file: for users who do not exist */
  readonly decoy: string;
}

const bcryptHash = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/u;
/** A higher cost would make each login wait for seconds: the work doubles with each step. */
const maxCost = 14;
const maxUsers = 10_000;

/**
 * Reads a password file: a line `user:hash` for each user; empty lines and lines that begin with `#` are ignored.
 *
 * @throws TagsealError `SERVER_CONFIGURATION` naming the line, never its content: for a hash that is not bcrypt or costs more than
 *   14, a name that cannot be a user's, a user given twice, more than 10,000 users
 */
export function parsePasswordFile(bytes: Buffer): PasswordFile {
  const hashes = new Map<string, string>();
  let slowest = 4;
  for (const [index, text] of bytes.toString("utf8").split("\n").entries()) {
    const line = text.trim();
    if (line === "" || line.startsWith("#")) continue;
    const { user, hash, cost } = parseLine(line, index + 1);
    if (hashes.has(user)) throw invalid(index + 1, "names a user for the second time");
    if (hashes.size === maxUsers) throw invalid(index + 1, `is one user more than ${maxUsers}`);
    hashes.set(user, hash);
    slowest = Math.max(slowest, cost);
  }
  return { hashes, decoy: `$2b$${String(slowest).padStart(2, "0")}$${".".repeat(53)}` };
}

function parseLine(line: string, number: number): { user: string; hash: string; cost: number } {
  const colon = line.indexOf(":");
  const [user, hash] = [line.slice(0, Math.max(0, colon)), line.slice(colon + 1)];
  if (!isUserName(user)) throw invalid(number, "does not begin with a user name and a colon");
  const cost = Number(bcryptHash.exec(hash)?.[1] ?? Number.NaN);
  if (Number.isNaN(cost)) throw invalid(number, "has no bcrypt hash; write it with htpasswd -B");
  if (cost < 4 || cost > maxCost) throw invalid(number, `has a hash of cost ${cost}, expected 4 to ${maxCost}`);
  return { user, hash, cost };
}

function invalid(number: number, reason: string): TagsealError {
  return new TagsealError("SERVER_CONFIGURATION", `line ${number} ${reason}`);
}
