/**
 * Brings a schema up to date. Several replicas may start at once, with an account that may change tables or with one that may not: a current schema
 * is only read.
 */

import { hasCode, TagsealError } from "../../../errors.ts";
import { migrationText } from "../migration-text.ts";
import type { SqlConnection, SqlResult } from "./sql-engine.ts";
import type { SqlDatabase } from "./sql-database.ts";

/** Steps of each schema, oldest first; the version of a schema is the number of steps run. A step is frozen once released. */
const migrations = {
  metadata: ["0001-metadata.sql", "0002-metadata.sql", "0003-metadata.sql", "0004-metadata.sql"],
  signer: ["0001-signer.sql"],
  memory: ["0001-memory.sql"],
} as const;

/** Which of the schemas: they may share a database. */
export type SchemaName = keyof typeof migrations;

const timeoutMs = 120_000;
const maxAttempts = 10;

/**
 * Runs the missing steps.
 *
 * @returns the number of steps run
 * @throws TagsealError `SERVER_CONFIGURATION` when a newer release wrote the schema, `STORAGE_FAILED`
 */
export async function migrateSchema(database: SqlDatabase, name: SchemaName): Promise<number> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await database.withConnection((connection) => new Migration(database, connection, name).run());
    } catch (error) {
      // Another node of a cluster, which the lock does not reach, came first: now fewer steps are missing, or none.
      if (!hasCode(error, "STORAGE_CONFLICT") || attempt >= maxAttempts) throw error;
    }
  }
}

/** How many steps are missing; none is run. @throws TagsealError `SERVER_CONFIGURATION`, `STORAGE_FAILED` */
export async function missingSteps(database: SqlDatabase, name: SchemaName): Promise<number> {
  return await database.withConnection((connection) => new Migration(database, connection, name).countMissing());
}

class Migration {
  readonly #database: SqlDatabase;
  readonly #connection: SqlConnection;
  readonly #name: SchemaName;

  constructor(database: SqlDatabase, connection: SqlConnection, name: SchemaName) {
    this.#database = database;
    this.#connection = connection;
    this.#name = name;
  }

  /** @returns how many steps were run */
  async run(): Promise<number> {
    if ((await this.#missing()).length === 0) return 0;
    try {
      return await this.#runLocked();
    } finally {
      // Releases the lock and, after a failure, ends the transaction.
      this.#connection.close();
    }
  }

  async countMissing(): Promise<number> {
    return (await this.#missing()).length;
  }

  async #runLocked(): Promise<number> {
    const { engine } = this.#database;
    await this.#plainly(engine.begin);
    await engine.lockMigration(this.#connection);
    await this.#plainly(schemaTable);
    // Checked again: another replica may have run them while this one waited for the lock.
    const missing = await this.#missing();
    for (const file of missing) await this.#runFile(file);
    await this.#record();
    await this.#plainly("COMMIT");
    return missing.length;
  }

  async #runFile(file: string): Promise<void> {
    for (const statement of statementsOf(migrationText(file))) await this.#plainly(statement);
  }

  /** Files of `migrations/` that were not run yet. */
  async #missing(): Promise<readonly string[]> {
    const version = await this.#version();
    const known = migrations[this.#name];
    if (version > known.length) throw tooNew(this.#database.address.display, this.#name, version, known.length);
    return known.slice(version).map((file) => `${this.#database.engine.name}-${file}`);
  }

  async #version(): Promise<number> {
    const { queries, engine } = this.#database;
    const query = queries.selectFrom("tagseal_schema").select("version").where("component", "=", this.#name).compile();
    try {
      return (await this.#connection.run<{ version: number }>(query, timeoutMs)).rows[0]?.version ?? 0;
    } catch (error) {
      if (engine.isMissingTable(error)) return 0;
      throw error;
    }
  }

  async #record(): Promise<void> {
    const { queries, engine } = this.#database;
    // DDL that cannot be rolled back has ended the transaction.
    if (!engine.canRollBackDdl) await this.#plainly(engine.begin);
    const row = { component: this.#name, version: migrations[this.#name].length };
    await this.#connection.run(
      queries.deleteFrom("tagseal_schema").where("component", "=", this.#name).compile(),
      timeoutMs,
    );
    await this.#connection.run(queries.insertInto("tagseal_schema").values(row).compile(), timeoutMs);
  }

  #plainly(sql: string): Promise<SqlResult<unknown>> {
    return this.#connection.run({ sql, parameters: [] }, timeoutMs);
  }
}

const schemaTable =
  "CREATE TABLE IF NOT EXISTS tagseal_schema (component varchar(64) NOT NULL PRIMARY KEY, version integer NOT NULL)";

/** A semicolon at the end of a line ends a statement: the files are written that way. */
function statementsOf(text: string): string[] {
  return text
    .split(/;\s*$/mu)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== "");
}

function tooNew(display: string, name: SchemaName, found: number, known: number): TagsealError {
  return new TagsealError(
    "SERVER_CONFIGURATION",
    `Cannot use ${display}: its ${name} schema is version ${found}, this release knows versions up to ${known}`,
    { hint: "Start the release that wrote it, or a later one." },
  );
}
