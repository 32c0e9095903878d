/** How well the private keys on this machine are protected: their permissions, their encryption, and how slow guessing is. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { TagsealError } from "../../errors.ts";
import { findKeyFiles } from "../../keys/key-directory.ts";
import { type KeyFile, readKeyFile } from "../../keys/key-file.ts";
import { protectionOf } from "../../keys/key-protection.ts";
import type { Io } from "../io.ts";
import { trustDirectoryOf } from "../open/directories.ts";
import { type Finding, ok, problem, shellPath, warning } from "./finding.ts";

/** Below this, the passphrase of a stolen file can be guessed too soon; docker and notary write 2,048. */
const fewRounds = 100_000;

/** Checks every key file below docker's trust directory. */
export async function checkKeys(io: Io): Promise<readonly Finding[]> {
  const directory = join(trustDirectoryOf(io), "private");
  const paths = [...(await findKeyFiles(directory)).values()].toSorted();
  if (paths.length === 0) return [ok("key", "no private keys here")];
  const judged = (await Promise.all(paths.map(async (path) => await judgeFile(path, io)))).flat();
  const bad = [...(await judgeDirectory(directory, io)), ...judged];
  return bad.length > 0
    ? bad
    : [ok("key", `${paths.length} private key${paths.length === 1 ? "" : "s"}, encrypted and readable by you only`)];
}

async function judgeDirectory(directory: string, io: Io): Promise<Finding[]> {
  const { mode } = await stat(directory);
  const name = shellPath(directory, io.env["HOME"]);
  return (mode & 0o077) === 0 ? [] : [warning("key", `others may look into ${name}`, `chmod 700 ${name}`)];
}

async function judgeFile(path: string, io: Io): Promise<Finding[]> {
  const name = shellPath(path, io.env["HOME"]);
  try {
    const file = await readKeyFile(path);
    return file === undefined ? [] : judgeKey(file, name);
  } catch (error) {
    if (!(error instanceof TagsealError)) throw error;
    const fix = error.code === "KEY_FILE_UNSAFE" ? `chmod 600 ${name}` : `mv ${name} ${name}.damaged`;
    return [problem("key", error.message, fix)];
  }
}

/** Key files are named after their keys. */
function keyIdIn(name: string): string {
  return /[0-9a-f]{64}/u.exec(name)?.[0] ?? "KEYID";
}

function judgeKey({ block, isLoose, role }: KeyFile, name: string): Finding[] {
  const what = `${role} key ${name}`;
  const protection = protectionOf(block);
  const findings: Finding[] = [];
  if (isLoose) findings.push(problem("key", `others may read the ${what}`, `chmod 600 ${name}`));
  const again = `tagseal trust key passphrase ${keyIdIn(name)}`;
  if (protection.kind === "none") findings.push(problem("key", `the ${what} is not encrypted`, again));
  else if (protection.kind === "unreadable")
    findings.push(problem("key", `the ${what} cannot be opened: ${protection.reason}`, `mv ${name} ${name}.damaged`));
  else if (
    block.label === "ENCRYPTED PRIVATE KEY" &&
    protection.kind === "passphrase" &&
    protection.rounds < fewRounds
  ) {
    const rounds = protection.rounds.toLocaleString("en");
    findings.push(warning("key", `the ${what} is encrypted with ${rounds} rounds only`, again));
  }
  return findings;
}
