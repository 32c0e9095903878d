/**
 * How much may be stored below a prefix of names. The only home of which names count, what is counted and what is refused; every store applies it in
 * the transaction of a publication.
 *
 * Existing collections count, and the bytes of all their kept versions, as `tagseal server list` shows them. Deleted ones do not count.
 */

import { TagsealError } from "../../errors.ts";

/** What may be stored below one prefix. */
export interface UsageLimit {
  /** without a final slash: covers the collection of this name and all below it; `*` covers everything */
  readonly prefix: string;
  readonly repositories?: number | undefined;
  readonly bytes?: number | undefined;
}

/** What is stored below one prefix. */
export interface Usage {
  readonly repositories: number;
  readonly bytes: number;
}

/** What a publication adds. */
export interface Growth {
  readonly isNew: boolean;
  readonly bytes: number;
}

/** The prefix of a limit on everything. */
export const everyName = "*";

/** Whether a prefix covers a name, by whole components: `a/team` covers `a/team` and `a/team/app`, but not `a/team-b`. */
export function covers(prefix: string, gun: string): boolean {
  return prefix === everyName || gun === prefix || gun.startsWith(`${prefix}/`);
}

/** The names that a prefix covers, in the order of their bytes: `exact`, and those from `from` up to `end`, which is excluded. */
export interface NameRange {
  readonly exact: string;
  readonly from: string;
  readonly end: string;
}

/** For stores that find names by an index. */
export function rangeOf(prefix: string): NameRange {
  if (prefix === everyName) return { exact: "", from: "", end: "\u{10FFFF}" };
  // The zero follows the slash.
  return { exact: prefix, from: `${prefix}/`, end: `${prefix}0` };
}

/**
 * Refuses a publication that would pass a limit.
 *
 * @param used what is stored below the limit's prefix before it
 * @throws TagsealError `LIMIT_REACHED`
 */
export function requireRoom(gun: string, limit: UsageLimit, used: Usage, growth: Growth): void {
  const { prefix, repositories = Infinity, bytes = Infinity } = limit;
  const where = prefix === everyName ? "this server" : prefix;
  if (growth.isNew && used.repositories + 1 > repositories)
    throw limitReached(gun, `the limit of ${where} is ${repositories} repositories, and it has ${used.repositories}`);
  if (used.bytes + growth.bytes > bytes)
    throw limitReached(
      gun,
      `the limit of ${where} is ${bytes} bytes, it has ${used.bytes}, and this publication adds ${growth.bytes}`,
    );
}

function limitReached(gun: string, why: string): TagsealError {
  return new TagsealError("LIMIT_REACHED", `Cannot publish ${gun}: ${why}`, {
    hint: "Delete what is not needed, or raise the limit in repositories.limits on the server.",
  });
}
