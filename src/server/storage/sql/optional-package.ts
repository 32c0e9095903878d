/** Drivers come only with an installation that wants them: they are loaded when an address asks for one. */

import { TagsealError } from "../../../errors.ts";

/**
 * Loads what lies outside this package.
 *
 * @throws TagsealError `SERVER_CONFIGURATION` when it is not installed
 */
export async function loadPackage<Module>(name: string, load: () => Promise<Module>): Promise<Module> {
  try {
    return await load();
  } catch (cause) {
    throw new TagsealError("SERVER_CONFIGURATION", `Cannot load ${name}, which databases other than SQLite need`, {
      cause,
      hint: "Install the drivers beside tagseal: npm install kysely pg (PostgreSQL) or kysely mysql2 (MySQL, MariaDB).",
    });
  }
}
