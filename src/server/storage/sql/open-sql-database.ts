/** From an address to a database whose schema is up to date. */

import { unattended, type WatchParts } from "../../../service/watching/watched-files.ts";
import { parseDatabaseAddress } from "./database-address.ts";
import { migrateSchema, missingSteps, type SchemaName } from "./migrate-schema.ts";
import { openDatabaseTls } from "./database-tls.ts";
import { loadMysqlEngine } from "./mysql-engine.ts";
import { loadPostgresEngine } from "./postgres-engine.ts";
import { SqlDatabase, type SqlLimits } from "./sql-database.ts";
import { refuseUnimportedNotary } from "./unimported-notary.ts";

/** Settings that are not part of an address. */
export interface SqlOptions {
  readonly limits?: Partial<SqlLimits> | undefined;
  /** receives a sentence for the operator about the database */
  readonly onWarning?: ((warning: string) => void) | undefined;
  /** for a server, as opposed to an import: refuse a database whose Notary content was not imported yet */
  readonly refuseUnimported?: boolean | undefined;
  /** watches the certificate files that the address names; without it they are read when a connection is opened */
  readonly watching?: WatchParts | undefined;
}

/** Opens a shared database and brings one of its schemas up to date. @throws TagsealError `STORAGE_FAILED`, `SERVER_CONFIGURATION` */
export async function openSqlDatabase(url: string, schema: SchemaName, options: SqlOptions): Promise<SqlDatabase> {
  const database = await databaseAt(url, options);
  try {
    await migrateSchema(database, schema);
    if (options.refuseUnimported === true) await refuseUnimportedNotary(database);
    await warn(database, options);
    return database;
  } catch (error) {
    await database.close();
    throw error;
  }
}

/**
 * Brings one schema of a shared database up to date, and closes it again.
 *
 * @returns how many steps were run
 * @throws TagsealError `STORAGE_FAILED`, `SERVER_CONFIGURATION`
 */
export async function migrateDatabase(url: string, schema: SchemaName, options: SqlOptions): Promise<number> {
  const database = await databaseAt(url, options);
  try {
    return await migrateSchema(database, schema);
  } finally {
    await database.close();
  }
}

/**
 * Connects, and changes nothing.
 *
 * @returns how many steps its schema lacks @throws TagsealError `STORAGE_FAILED`, `SERVER_CONFIGURATION`
 */
export async function lookAtDatabase(url: string, schema: SchemaName, options: SqlOptions): Promise<number> {
  const database = await databaseAt(url, options);
  try {
    await warn(database, options);
    return await missingSteps(database, schema);
  } finally {
    await database.close();
  }
}

async function databaseAt(url: string, { limits, watching }: SqlOptions): Promise<SqlDatabase> {
  const address = parseDatabaseAddress(url);
  const tls = await openDatabaseTls(address.tls, watching ?? unattended());
  const engine = await (address.engine === "postgres" ? loadPostgresEngine() : loadMysqlEngine());
  return new SqlDatabase(engine, { address, tls }, limits);
}

async function warn(database: SqlDatabase, { onWarning }: SqlOptions): Promise<void> {
  const { engine, address } = database;
  const warnings = await database.withConnection((connection) => engine.inspect(connection, address));
  for (const warning of warnings) onWarning?.(warning);
}
