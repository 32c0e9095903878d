import type { DatabaseSync, StatementSync } from "node:sqlite";
import {
  type KeepingProposal,
  type ProposalEntry,
  type ProposalStore,
  requireKeepable,
  type StoredProposal,
} from "./proposal-store.ts";
import type { SqliteFile } from "./sqlite-database.ts";

/** Proposals in the file of the embedded store. */
export class SqliteProposalStore implements ProposalStore {
  readonly #file: SqliteFile;
  readonly #statements: ReturnType<typeof prepared>;

  constructor(file: SqliteFile) {
    this.#file = file;
    this.#statements = prepared(file.database);
  }

  async list(gun: string): Promise<readonly ProposalEntry[]> {
    return this.#file
      .read(() => this.#statements.list.all(gun))
      .map((row) => ({
        id: String(row["id"]),
        createdAt: new Date(Number(row["created_at"])),
        expiresAt: new Date(Number(row["expires_at"])),
        length: Number(row["length"]),
      }));
  }

  async find(gun: string, id: string): Promise<StoredProposal | undefined> {
    const row = this.#file.read(() => this.#statements.find.get(gun, id));
    if (row === undefined) return undefined;
    const data = row["data"] as Uint8Array; // BLOB NOT NULL in a STRICT table
    return {
      id,
      sha256: String(row["sha256"]),
      createdAt: new Date(Number(row["created_at"])),
      expiresAt: new Date(Number(row["expires_at"])),
      bytes: Buffer.from(data.buffer, data.byteOffset, data.byteLength),
    };
  }

  async keep(gun: string, proposal: StoredProposal, how: KeepingProposal): Promise<void> {
    await this.#file.write(() => {
      const { find, count, forget, insert } = this.#statements;
      const found = find.get(gun, proposal.id);
      const sha256Before = found === undefined ? undefined : String(found["sha256"]);
      requireKeepable(gun, how, { sha256: sha256Before, count: Number(count.get(gun)?.["count"]) });
      const { id, sha256, createdAt, expiresAt, bytes } = proposal;
      forget.run(gun, id);
      insert.run(gun, id, sha256, createdAt.getTime(), expiresAt.getTime(), bytes);
    });
  }

  async forget(gun: string, id: string): Promise<boolean> {
    return this.#file.write(() => Number(this.#statements.forget.run(gun, id).changes) > 0);
  }

  async forgetExpired(now: Date): Promise<number> {
    return this.#file.write(() => Number(this.#statements.forgetExpired.run(now.getTime()).changes));
  }
}

function prepared(database: DatabaseSync) {
  return {
    list: database.prepare(
      "SELECT id, created_at, expires_at, length(data) AS length FROM proposals WHERE gun = ? ORDER BY created_at, id",
    ),
    find: database.prepare("SELECT sha256, created_at, expires_at, data FROM proposals WHERE gun = ? AND id = ?"),
    count: database.prepare("SELECT count(*) AS count FROM proposals WHERE gun = ?"),
    insert: database.prepare(
      "INSERT INTO proposals (gun, id, sha256, created_at, expires_at, data) VALUES (?, ?, ?, ?, ?, ?)",
    ),
    forget: database.prepare("DELETE FROM proposals WHERE gun = ? AND id = ?"),
    forgetExpired: database.prepare("DELETE FROM proposals WHERE expires_at <= ?"),
  } satisfies Record<string, StatementSync>;
}
