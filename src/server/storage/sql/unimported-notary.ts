import { TagsealError } from "../../../errors.ts";
import type { SqlDatabase } from "./sql-database.ts";

const timeoutMs = 10_000;

/**
 * Refuses a database with a Notary server's files and none of Tagseal's: its configuration was adopted before its content was imported. A server
 * started on it would answer every client that nothing was ever signed.
 *
 * @throws TagsealError `SERVER_CONFIGURATION`, `STORAGE_FAILED`
 */
export async function refuseUnimportedNotary(database: SqlDatabase): Promise<void> {
  if (await hasRows(database, "tagseal_collections")) return;
  if (!(await hasRows(database, "tuf_files"))) return;
  const message = `${database.address.display} holds the repositories of a Notary server, and none of them was imported`;
  throw new TagsealError("SERVER_CONFIGURATION", message, {
    hint: "Import them first: tagseal import notary-db, with the same --config and the databases of Notary's server and signer.",
  });
}

async function hasRows(database: SqlDatabase, table: "tagseal_collections" | "tuf_files"): Promise<boolean> {
  return await database.withConnection(async (connection) => {
    try {
      const sql = `SELECT 1 AS found FROM ${table} LIMIT 1`;
      return (await connection.run({ sql, parameters: [] }, timeoutMs)).rows.length > 0;
    } catch (error) {
      if (database.engine.isMissingTable(error)) return false;
      throw error;
    }
  });
}
