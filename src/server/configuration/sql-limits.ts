import type { SqlLimits } from "../storage/sql/sql-database.ts";

/** What a setting of connections means to a database; undefined, like the setting, for what applies anyway. */
export function sqlLimits(connections: number | undefined): Partial<SqlLimits> | undefined {
  return connections === undefined ? undefined : { connections };
}
