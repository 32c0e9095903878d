import { homedir } from "node:os";
import { join } from "node:path";
import type { Io } from "../io.ts";

/** docker's configuration directory: `$DOCKER_CONFIG` (or `--config`), else `~/.docker`. */
export function dockerConfigDir(io: Io): string {
  const configured = io.env["DOCKER_CONFIG"];
  return configured === undefined || configured === "" ? join(homedir(), ".docker") : configured;
}
