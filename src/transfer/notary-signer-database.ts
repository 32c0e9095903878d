/**
 * The database of Notary's signer, read and never written: rows are untrusted until they are bounded here and verified by the caller.
 *
 * @see Notary v1: tables
 */

import type { SourceDatabase } from "./source-database.ts";
import { textIn, integerIn, instantIn, bytesIn, requireTable } from "./source-row.ts";

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

/** A key is a few hundred bytes. */
const maxKeyBytes = 64 * 1024;

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
      id: integerIn(row, "id"),
      keyId: textIn(row, "key_id"),
      gun: textIn(row, "gun"),
      role: textIn(row, "role"),
      algorithm: textIn(row, "algorithm"),
      alias: textIn(row, "passphrase_alias"),
      publicKey: bytesIn(row, "public"),
      sealed: Buffer.from(bytesIn(row, "private")).toString("latin1"),
      createdAt: instantIn(row, "created_ms"),
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
