/** Database drivers are optional packages, loaded when an address needs one. */

import { TagsealError } from "../../../errors.ts";

/**
 * Loads an optional package.
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
