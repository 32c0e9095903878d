/**
 * The database of Notary's server, read and never written: rows are untrusted until they are bounded here and verified by the caller.
 *
 * @see Notary v1: tables
 */

import { TagsealError } from "../errors.ts";
import type { Change } from "../server/storage/change.ts";
import type { Row, SourceDialect, SourceDatabase } from "./source-database.ts";
import { textIn, integerIn, instantIn, bytesIn, requireTable } from "./source-row.ts";

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

/** A row of `changefeed`, or what is wrong with it. */
export type NotaryChange = Change | { readonly id: number; readonly fault: string };

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
    return rows.map((row) => textIn(row, "gun"));
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
      id: integerIn(row, "id"),
      role: textIn(row, "role"),
      version: integerIn(row, "version"),
      sha256: row["sha256"] === null ? undefined : textIn(row, "sha256").trim() || undefined,
      length: integerIn(row, "length"),
      createdAt: instantIn(row, "created_ms"),
    }));
  }

  /** The bytes of files whose lengths the caller has bounded. */
  async contents(files: readonly NotaryFile[]): Promise<ReadonlyMap<number, Uint8Array>> {
    const places = files.map(() => "?").join(", ");
    const ids = files.map(({ id }) => id);
    const rows = await this.#connection.query(`SELECT id, data FROM tuf_files WHERE id IN (${places})`, ids);
    return new Map(rows.map((row) => [integerIn(row, "id"), bytesIn(row, "data")]));
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

function changeOf(row: Row): NotaryChange {
  const id = integerIn(row, "id");
  const [category, version] = [row["category"], integerIn(row, "version")];
  if (category !== "update" && category !== "deletion")
    return { id, fault: `its category is ${JSON.stringify(category)}` };
  // PostgreSQL pads the empty hash of a deletion to the column's width
  const sha256 = row["sha256"] === null ? "" : textIn(row, "sha256").trim();
  if (category === "update" && !/^[0-9a-f]{64}$/u.test(sha256)) return { id, fault: "its hash is invalid" };
  return { id, createdAt: instantIn(row, "created_ms"), gun: textIn(row, "gun"), version, sha256, category };
}
