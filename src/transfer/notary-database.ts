/**
 * The databases of Notary's server and signer, read and never written: rows are untrusted until they are bounded here and verified by the caller.
 *
 * @see Notary v1: tables
 */

import { TagsealError } from "../errors.ts";
import type { Change } from "../server/storage/metadata-store.ts";
import type { Row, SourceDialect, SourceDatabase } from "./source-database.ts";

/** A row of `tuf_files`, without the bytes. */
export interface NotaryFile {
  readonly id: number;
  readonly role: string;
  readonly version: number;
  /** undefined in rows of the first releases */
  readonly sha256: string | undefined;
  /** bytes */
  readonly length: number;
  readonly createdAt: Date;
}

/** A row of `private_keys`: its texts are bounded, nothing else is checked. */
export interface NotaryKey {
  readonly id: number;
  readonly keyId: string;
  readonly gun: string;
  readonly role: string;
  readonly algorithm: string;
  readonly alias: string;
  readonly publicKey: Uint8Array;
  /** compact JWE */
  readonly sealed: string;
  readonly createdAt: Date;
}

/** A row of `changefeed`, or what is wrong with it. */
export type NotaryChange = Change | { readonly id: number; readonly fault: string };

/** Characters of a name or an ID; the columns have no more. */
const maxText = 255;
/** A key is a few hundred bytes. */
const maxKeyBytes = 64 * 1024;
/** Rows of one collection. Each publication makes three or four. */
const maxFiles = 4_000_000;

/** The tables of notary-server. */
export class NotaryServerDatabase {
  readonly #connection: SourceDatabase;
  readonly #dialect: SourceDialect;

  constructor(connection: SourceDatabase) {
    this.#connection = connection;
    this.#dialect = connection.dialect;
  }

  /** Names of collections that come after `after` in the order of their UTF-8 bytes, at most `limit`, in that order. */
  async guns(after: string, limit: number): Promise<readonly string[]> {
    const gun = this.#dialect.exactText("gun");
    const rows = await this.#connection.query(
      `SELECT DISTINCT ${gun} AS gun FROM tuf_files
        WHERE deleted_at IS NULL AND ${gun} > ${this.#dialect.exactValue} ORDER BY 1 LIMIT ${limit}`,
      [after],
    );
    return rows.map((row) => text(row, "gun"));
  }

  /** Every file of a collection, in the order they were written. @throws TagsealError `TOO_LARGE` */
  async files(gun: string): Promise<readonly NotaryFile[]> {
    const { byteLength, epochMs, exactText, exactValue } = this.#dialect;
    const rows = await this.#connection.query(
      `SELECT id, role, version, sha256, ${byteLength("data")} AS length, ${epochMs("created_at")} AS created_ms FROM tuf_files
        WHERE deleted_at IS NULL AND gun = ? AND ${exactText("gun")} = ${exactValue} ORDER BY id LIMIT ${maxFiles + 1}`,
      [gun, gun],
    );
    if (rows.length > maxFiles) throw new TagsealError("TOO_LARGE", `${gun} has more than ${maxFiles} files`);
    return rows.map((row) => ({
      id: integer(row, "id"),
      role: text(row, "role"),
      version: integer(row, "version"),
      sha256: row["sha256"] === null ? undefined : text(row, "sha256").trim() || undefined,
      length: integer(row, "length"),
      createdAt: instant(row, "created_ms"),
    }));
  }

  /** The bytes of files whose lengths the caller has bounded. */
  async contents(files: readonly NotaryFile[]): Promise<ReadonlyMap<number, Uint8Array>> {
    const places = files.map(() => "?").join(", ");
    const ids = files.map(({ id }) => id);
    const rows = await this.#connection.query(`SELECT id, data FROM tuf_files WHERE id IN (${places})`, ids);
    return new Map(rows.map((row) => [integer(row, "id"), bytes(row, "data")]));
  }

  /** Changes after a position, at most `limit`, oldest first. None when the database is older than the changefeed. */
  async changes(after: number, limit: number): Promise<readonly NotaryChange[]> {
    if (!(await this.#connection.hasTable("changefeed"))) return [];
    const rows = await this.#connection.query(
      `SELECT id, gun, version, sha256, category, ${this.#dialect.epochMs("created_at")} AS created_ms FROM changefeed
        WHERE id > ? ORDER BY id LIMIT ${limit}`,
      [after],
    );
    return rows.map(changeOf);
  }

  /** @throws TagsealError `STORAGE_FAILED` when this is not a database of notary-server */
  async check(): Promise<void> {
    await requireTable(this.#connection, "tuf_files", "notary-server");
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }
}

/** The table of notary-signer. */
export class NotarySignerDatabase {
  readonly #connection: SourceDatabase;
  /** rows from before MySQL's second migration do not name their purpose */
  #hasGuns: Promise<boolean> | undefined;

  constructor(connection: SourceDatabase) {
    this.#connection = connection;
  }

  /** Keys after a row, at most `limit`, in the order of their rows; deleted ones are left out. */
  async keys(after: number, limit: number): Promise<readonly NotaryKey[]> {
    const { byteLength, epochMs } = this.#connection.dialect;
    this.#hasGuns ??= this.#connection.hasColumn("private_keys", "gun");
    const gun = (await this.#hasGuns) ? "gun, role" : "'' AS gun, '' AS role";
    const rows = await this.#connection.query(
      `SELECT id, key_id, algorithm, passphrase_alias, ${gun}, ${epochMs("created_at")} AS created_ms,
        CASE WHEN ${byteLength("public")} <= ${maxKeyBytes} THEN public END AS public,
        CASE WHEN ${byteLength("private")} <= ${maxKeyBytes} THEN private END AS private FROM private_keys
        WHERE deleted_at IS NULL AND id > ? ORDER BY id LIMIT ${limit}`,
      [after],
    );
    return rows.map((row) => ({
      id: integer(row, "id"),
      keyId: text(row, "key_id"),
      gun: text(row, "gun"),
      role: text(row, "role"),
      algorithm: text(row, "algorithm"),
      alias: text(row, "passphrase_alias"),
      publicKey: bytes(row, "public"),
      sealed: Buffer.from(bytes(row, "private")).toString("latin1"),
      createdAt: instant(row, "created_ms"),
    }));
  }

  /** @throws TagsealError `STORAGE_FAILED` when this is not a database of notary-signer */
  async check(): Promise<void> {
    await requireTable(this.#connection, "private_keys", "notary-signer");
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }
}

async function requireTable(connection: SourceDatabase, table: string, owner: string): Promise<void> {
  if (await connection.hasTable(table)) return;
  throw new TagsealError("STORAGE_FAILED", `${connection.name} is no database of ${owner}: it has no table ${table}`, {
    hint: "Check the name of the database at the end of the address; server and signer usually have one each.",
  });
}

function changeOf(row: Row): NotaryChange {
  const id = integer(row, "id");
  const [category, version] = [row["category"], integer(row, "version")];
  if (category !== "update" && category !== "deletion")
    return { id, fault: `its category is ${JSON.stringify(category)}` };
  // PostgreSQL pads the empty hash of a deletion to the column's width
  const sha256 = row["sha256"] === null ? "" : text(row, "sha256").trim();
  if (category === "update" && !/^[0-9a-f]{64}$/u.test(sha256)) return { id, fault: "its hash is invalid" };
  return { id, createdAt: instant(row, "created_ms"), gun: text(row, "gun"), version, sha256, category };
}

function text(row: Row, column: string): string {
  const value = row[column];
  const read = value instanceof Uint8Array ? Buffer.from(value).toString("utf8") : value;
  if (typeof read !== "string") throw malformed(column, "no text");
  if (read.length > maxText) throw malformed(column, `${read.length} characters long`);
  return read;
}

function integer(row: Row, column: string): number {
  const value = row[column];
  const number = typeof value === "string" && /^-?\d{1,16}$/u.test(value) ? Number(value) : Number(value ?? Number.NaN);
  if (!Number.isSafeInteger(number)) throw malformed(column, "no integer");
  return number;
}

/** A row may lack its time; the reference then shows the zero time. */
function instant(row: Row, column: string): Date {
  const value = row[column];
  const ms = value === null || value === undefined ? 0 : Math.trunc(Number(value));
  return new Date(Math.abs(ms) <= 8.64e15 ? ms : 0);
}

function bytes(row: Row, column: string): Uint8Array {
  const value = row[column];
  if (value instanceof Uint8Array) return value;
  if (typeof value === "string") return Buffer.from(value, "latin1");
  if (value === null || value === undefined) return new Uint8Array();
  throw malformed(column, "no bytes");
}

function malformed(column: string, what: string): TagsealError {
  return new TagsealError("STORAGE_FAILED", `Cannot read a row of Notary's database: its ${column} is ${what}`);
}
