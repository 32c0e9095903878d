/**
 * What the replicas of a gate accepted of one collection, in a database that they share: a replica, or a restart, trusts nothing older than any
 * replica has accepted. A file is replaced only if it is the one that was verified against, or has a lower version; a replica that was overtaken on the
 * way refuses its own reading, and reads again.
 */
import { sha256Hex } from "../crypto/sha256.ts";
import { MetadataError } from "../errors.ts";
import type { SqlDatabase, SqlSession } from "../server/storage/sql/sql-database.ts";
import type { Tables } from "../server/storage/sql/tables.ts";
import type { TrustCache } from "../trust/ports.ts";
import { claimedVersion } from "../trust/trust-directory/claimed-version.ts";
import type { RoleName } from "../tuf/metadata.ts";

/** Confirming more often than this costs every reading a write and says nothing new. */
const granularityMs = 10_000;

type Row = Tables["tagseal_remembered"];

/** See the top of this file. Opened for each reading; the database stays open. */
export class DatabaseTrustCache implements TrustCache {
  readonly #database: SqlDatabase;
  readonly #gun: string;
  readonly #now: () => Date;
  /** what this reading verifies against: SHA-256 by role, undefined where nothing was remembered */
  readonly #seen = new Map<RoleName, string | undefined>();

  constructor(database: SqlDatabase, gun: string, now: () => Date) {
    this.#database = database;
    this.#gun = gun;
    this.#now = now;
  }

  /** @throws MetadataError `METADATA_CACHE_CORRUPT`; TagsealError `STORAGE_FAILED` */
  async load(role: RoleName): Promise<Uint8Array | undefined> {
    const row = await this.#database.read(async (session) => await this.#row(session, role));
    if (row !== undefined) requireWhole(row);
    this.#seen.set(role, row?.sha256);
    return row?.data;
  }

  /** @throws MetadataError `METADATA_CACHE_CORRUPT` when another replica accepted something newer; TagsealError `STORAGE_FAILED`, `STORAGE_CONFLICT` */
  async store(role: RoleName, bytes: Uint8Array): Promise<void> {
    const next = this.#rowOf(role, bytes, claimedVersion(bytes) ?? 0);
    await this.#database.write(async (session) => {
      const known = await this.#row(session, role);
      if (known === undefined) await session.change(this.#queries.insertInto("tagseal_remembered").values(next));
      else if (known.sha256 !== next.sha256) await this.#replace(session, known, next);
    });
    this.#seen.set(role, next.sha256);
    if (role === "timestamp") await this.confirm(role);
  }

  /** @throws TagsealError `STORAGE_FAILED` */
  async keepPastRoot(version: number, bytes: Uint8Array): Promise<void> {
    await this.#database.write(async (session) => await this.#keepPast(session, version, bytes));
  }

  /** @throws MetadataError `METADATA_CACHE_CORRUPT`; TagsealError `STORAGE_FAILED` */
  async pastRoot(version: number): Promise<Uint8Array | undefined> {
    const row = await this.#database.read(async (session) => await this.#row(session, pastRootName(version)));
    if (row !== undefined) requireWhole(row);
    return row?.data;
  }

  /** When a replica last saw that the server has exactly the remembered timestamp. */
  async confirmedAt(role: RoleName): Promise<Date | undefined> {
    const row = await this.#timestamp(role);
    return row && new Date(row.confirmed_at);
  }

  /** When a replica saw the remembered timestamp for the first time. */
  async firstSeenAt(role: RoleName): Promise<Date | undefined> {
    const row = await this.#timestamp(role);
    return row && new Date(row.first_seen_at);
  }

  /** Records that the server still has the timestamp that this reading verified. */
  async confirm(role: RoleName): Promise<void> {
    const sha256 = this.#seen.get(role);
    if (role !== "timestamp" || sha256 === undefined) return;
    const now = this.#now().getTime();
    const update = this.#queries
      .updateTable("tagseal_remembered")
      .set({ confirmed_at: now })
      .where("id", "=", this.#idOf(role))
      .where("sha256", "=", sha256)
      .where("confirmed_at", "<=", now - granularityMs);
    await this.#database.write(async (session) => await session.change(update));
  }

  get #queries() {
    return this.#database.engine.queries;
  }

  async #timestamp(role: RoleName): Promise<Row | undefined> {
    if (role !== "timestamp") return undefined;
    return await this.#database.read(async (session) => await this.#row(session, role));
  }

  async #row(session: SqlSession, name: string): Promise<Row | undefined> {
    const query = this.#queries.selectFrom("tagseal_remembered").selectAll().where("id", "=", this.#idOf(name));
    return (await session.rows(query))[0];
  }

  async #replace(session: SqlSession, known: Row, next: Row): Promise<void> {
    const isVerifiedAgainst = this.#seen.get(known.name) === known.sha256;
    const isOtherFirstRoot = known.name === "root" && this.#seen.has("root") && this.#seen.get("root") === undefined;
    if (isOtherFirstRoot || (!isVerifiedAgainst && known.version >= next.version)) throw overtaken(known);
    if (known.name === "root") await this.#keepPast(session, known.version, known.data);
    const update = this.#queries
      .updateTable("tagseal_remembered")
      .set(next)
      .where("id", "=", known.id)
      .where("sha256", "=", known.sha256);
    if ((await session.change(update)) === 0) throw overtaken(known);
  }

  async #keepPast(session: SqlSession, version: number, bytes: Uint8Array): Promise<void> {
    const name = pastRootName(version);
    if ((await this.#row(session, name)) !== undefined) return;
    await session.change(this.#queries.insertInto("tagseal_remembered").values(this.#rowOf(name, bytes, version)));
  }

  #rowOf(name: string, bytes: Uint8Array, version: number): Row {
    const at = this.#now().getTime();
    const data = Buffer.from(bytes);
    const identity = { id: this.#idOf(name), gun: this.#gun, name, version, sha256: sha256Hex(bytes) };
    return { ...identity, data, first_seen_at: at, confirmed_at: at };
  }

  #idOf(name: string): string {
    return sha256Hex(Buffer.from(JSON.stringify([this.#gun, name])));
  }
}

/** A space separates it from every role. */
function pastRootName(version: number): string {
  return `past root ${version}`;
}

function requireWhole({ gun, name, data, sha256 }: Row): void {
  if (sha256Hex(data) === sha256) return;
  throw new MetadataError("METADATA_CACHE_CORRUPT", `what the database remembers as ${name} of ${gun} was changed`, {
    hint: "Restore the database from a backup. Do not delete the rows: then an older state would be accepted.",
  });
}

function overtaken({ gun, name }: Row): MetadataError {
  const message = `${name} of ${gun}: another replica accepted a newer one a moment ago`;
  return new MetadataError("METADATA_CACHE_CORRUPT", message, {
    hint: "Try again: it is then verified against that one.",
  });
}
