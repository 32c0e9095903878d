/** Where the frozen steps of every schema lie: beside this file, and in a build beside the bundle that holds it. */

import { readFileSync } from "node:fs";

/** The SQL of one file of `migrations/`. */
export function migrationText(name: string): string {
  return readFileSync(new URL(`./migrations/${name}`, import.meta.url), "utf8");
}
