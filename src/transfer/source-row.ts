/** Tables and rows of Notary's databases, checked column by column: TagsealError `STORAGE_FAILED` for a value of another type. */

import { TagsealError } from "../errors.ts";
import type { Row, SourceDatabase } from "./source-database.ts";

/** Characters of a name or an ID; the columns have no more. */
const maxText = 255;

/** A text of at most 255 characters. */
export function textIn(row: Row, column: string): string {
  const value = row[column];
  const read = value instanceof Uint8Array ? Buffer.from(value).toString("utf8") : value;
  if (typeof read !== "string") throw malformed(column, "not text");
  if (read.length > maxText) throw malformed(column, `${read.length} characters long`);
  return read;
}

/** An integer that a number holds exactly. */
export function integerIn(row: Row, column: string): number {
  const value = row[column];
  const number = typeof value === "string" && /^-?\d{1,16}$/u.test(value) ? Number(value) : Number(value ?? Number.NaN);
  if (!Number.isSafeInteger(number)) throw malformed(column, "not an integer");
  return number;
}

/** A row may lack its time; the reference then shows the zero time. */
export function instantIn(row: Row, column: string): Date {
  const value = row[column];
  const ms = value === null || value === undefined ? 0 : Math.trunc(Number(value));
  return new Date(Math.abs(ms) <= 8.64e15 ? ms : 0);
}

/** Bytes, none for a null. The caller bounds them in its query. */
export function bytesIn(row: Row, column: string): Uint8Array {
  const value = row[column];
  if (value instanceof Uint8Array) return value;
  if (typeof value === "string") return Buffer.from(value, "latin1");
  if (value === null || value === undefined) return new Uint8Array();
  throw malformed(column, "not bytes");
}

function malformed(column: string, what: string): TagsealError {
  return new TagsealError("STORAGE_FAILED", `Cannot read a row of Notary's database: its ${column} is ${what}`);
}

/** Requires the table that shows whose database this is. @throws TagsealError `STORAGE_FAILED` */
export async function requireTable(connection: SourceDatabase, table: string, owner: string): Promise<void> {
  if (await connection.hasTable(table)) return;
  throw new TagsealError(
    "STORAGE_FAILED",
    `${connection.name} is not a database of ${owner}: it has no table ${table}`,
    {
      hint: "Check the name of the database at the end of the address; server and signer usually have one each.",
    },
  );
}
