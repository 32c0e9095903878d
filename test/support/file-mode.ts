import { statSync } from "node:fs";

/** Who may read, write and run a file or a directory, such as 0o600. */
export function modeOf(path: string): number {
  return statSync(path).mode & 0o777;
}
