import { userInfo } from "node:os";
import { isAbsolute, join } from "node:path";
import { UsageError } from "../../errors.ts";
import type { Io } from "../io.ts";

/**
 * docker's configuration directory: `$DOCKER_CONFIG` (or `--config`), else `~/.docker`.
 *
 * @throws UsageError `USAGE` for an account without a home directory
 */
export function dockerConfigDir(io: Io): string {
  const configured = io.env["DOCKER_CONFIG"];
  if (configured !== undefined && configured !== "") return configured;
  const home = homeOf(io);
  if (home !== undefined) return join(home, ".docker");
  throw new UsageError("USAGE", "this account has no home directory, so the place of keys and trust data is unknown", {
    hint: "Set DOCKER_CONFIG to the directory that holds docker's config.json and trust/.",
  });
}

/** Where docker, notary and Tagseal keep private keys and what this machine trusts: `trust` in docker's configuration directory. */
export function trustDirectoryOf(io: Io): string {
  return join(dockerConfigDir(io), "trust");
}

/**
 * The user's home directory: `$HOME`, else the account's, as docker and podman find it; undefined when there is none. An empty variable
 * counts as unset: otherwise trust data would go to the current directory.
 */
export function homeOf(io: Io): string | undefined {
  const home = io.env["HOME"] || homeOfAccount();
  return home !== undefined && isAbsolute(home) ? home : undefined;
}

/** An account without an entry in the user database, as in containers, has none. */
function homeOfAccount(): string | undefined {
  try {
    return userInfo().homedir;
  } catch {
    return undefined;
  }
}
