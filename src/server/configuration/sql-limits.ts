import type { SqlLimits } from "../storage/sql/sql-database.ts";

/** The limits of a database for a setting of connections; undefined, like the setting, for the defaults. */
export function sqlLimits(connections: number | undefined): Partial<SqlLimits> | undefined {
  return connections === undefined ? undefined : { connections };
}
