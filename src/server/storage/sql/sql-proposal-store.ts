import {
  type KeepingProposal,
  type ProposalEntry,
  type ProposalStore,
  requireKeepable,
  type StoredProposal,
} from "../proposal-store.ts";
import type { SqlDatabase, SqlSession } from "./sql-database.ts";
import type { Queries } from "./sql-engine.ts";

/** Proposals in a database that several servers share. A change locks the row of the repository, as publications do. */
export class SqlProposalStore implements ProposalStore {
  readonly #database: SqlDatabase;

  constructor(database: SqlDatabase) {
    this.#database = database;
  }

  async list(gun: string): Promise<readonly ProposalEntry[]> {
    const query = this.#queries
      .selectFrom("tagseal_proposals")
      .select(["id", "created_at", "expires_at"])
      .select(({ fn }) => fn<number>("octet_length", ["data"]).as("length"))
      .where("gun", "=", gun)
      .orderBy("created_at")
      .orderBy("id");
    const rows = await this.#database.read((session) => session.rows(query));
    return rows.map(({ id, created_at, expires_at, length }) => {
      return { id, createdAt: new Date(created_at), expiresAt: new Date(expires_at), length };
    });
  }

  async find(gun: string, id: string): Promise<StoredProposal | undefined> {
    const query = this.#queries.selectFrom("tagseal_proposals").selectAll().where("gun", "=", gun).where("id", "=", id);
    const [row] = await this.#database.read((session) => session.rows(query));
    if (row === undefined) return undefined;
    const { sha256, created_at, expires_at, data: bytes } = row;
    return { id, sha256, createdAt: new Date(created_at), expiresAt: new Date(expires_at), bytes };
  }

  async keep(gun: string, proposal: StoredProposal, how: KeepingProposal): Promise<void> {
    await this.#database.write((session) => this.#keep(session, gun, proposal, how));
  }

  async forget(gun: string, id: string): Promise<boolean> {
    const one = this.#queries.deleteFrom("tagseal_proposals").where("gun", "=", gun).where("id", "=", id);
    return await this.#database.write(async (session) => (await session.change(one)) > 0);
  }

  async forgetExpired(now: Date): Promise<number> {
    const ended = this.#queries.deleteFrom("tagseal_proposals").where("expires_at", "<=", now.getTime());
    return await this.#database.write((session) => session.change(ended));
  }

  async #keep(
    session: SqlSession,
    gun: string,
    { id, sha256, createdAt, expiresAt, bytes }: StoredProposal,
    how: KeepingProposal,
  ): Promise<void> {
    await this.#lock(session, gun);
    const ofGun = this.#queries.selectFrom("tagseal_proposals").select(["id", "sha256"]).where("gun", "=", gun);
    const kept = new Map((await session.rows(ofGun)).map((row) => [row.id, row.sha256]));
    // Committed before, and the answer was lost.
    if (session.mayBeCommitted && kept.get(id) === sha256) return;
    requireKeepable(gun, how, { sha256: kept.get(id), count: kept.size });
    await session.change(this.#queries.deleteFrom("tagseal_proposals").where("gun", "=", gun).where("id", "=", id));
    const row = { gun, id, sha256, created_at: createdAt.getTime(), expires_at: expiresAt.getTime(), data: bytes };
    await session.change(this.#queries.insertInto("tagseal_proposals").values(row));
  }

  async #lock(session: SqlSession, gun: string): Promise<void> {
    await session.rows(
      this.#queries.selectFrom("tagseal_collections").select("revision").where("gun", "=", gun).forUpdate(),
    );
  }

  get #queries(): Queries {
    return this.#database.queries;
  }
}
