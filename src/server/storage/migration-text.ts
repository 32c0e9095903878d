/** Locates the frozen steps of every schema: beside this file or, in a build, beside the bundle. */

import { readFileSync } from "node:fs";

/** The SQL of one file of `migrations/`. */
export function migrationText(name: string): string {
  return readFileSync(new URL(`./migrations/${name}`, import.meta.url), "utf8");
}
