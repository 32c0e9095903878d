/** The file in containerd's directory of image verifiers that starts this program. containerd runs every file in there. */
import { chmodSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { UsageError } from "../../errors.ts";
import { readSettings } from "../../docker-config/settings-file.ts";
import { statIfThere } from "../../files/stat-if-there.ts";
import { systemReason } from "../../files/system-error.ts";
import { writeAtomically } from "../../files/write-atomically.ts";
import { linkTarget } from "../installation.ts";
import { shellPath } from "../doctor/finding.ts";
import type { Io } from "../io.ts";
import { dockerConfigDir } from "../open/directories.ts";
import { policyVariable } from "../options/policy-flag.ts";
import { pinningVariable, serverVariable } from "../options/trust-flags.ts";

const marker = "# Written by tagseal gate containerd --install; it is replaced, not edited.";

/** Settings that hold for the installing command and then for containerd's calls, which see no user's environment. */
const kept: readonly { readonly name: string; readonly isPath: boolean }[] = [
  { name: serverVariable, isPath: false },
  { name: policyVariable, isPath: true },
  { name: pinningVariable, isPath: true },
];

/** The path of the script in a directory of verifiers. */
export function verifierScriptPath(binDir: string): string {
  return join(resolve(binDir), "tagseal");
}

/**
 * Writes the script.
 *
 * @returns false when it was right already
 * @throws UsageError `FILE_UNWRITABLE` when another file is there, or every user may change the directory
 */
export async function installVerifierScript(binDir: string, io: Io): Promise<boolean> {
  const path = verifierScriptPath(binDir);
  const script = verifierScript(io);
  const present = readOurs(path);
  refuseOpenDirectory(dirname(path));
  if (present === script && isExecutable(path)) return false;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    await writeAtomically(path, script, { surviveCrash: true });
    // until here containerd cannot start it, and refuses
    chmodSync(path, 0o755);
  } catch (cause) {
    throw new UsageError("FILE_UNWRITABLE", `cannot write ${path}: ${systemReason(cause)}`, { cause });
  }
  return true;
}

/**
 * Removes the script.
 *
 * @returns false when there is none
 * @throws UsageError `FILE_UNWRITABLE` when another file is there, or it cannot be removed
 */
export function removeVerifierScript(binDir: string): boolean {
  const path = verifierScriptPath(binDir);
  if (readOurs(path) === undefined) return false;
  try {
    rmSync(path);
  } catch (cause) {
    throw new UsageError("FILE_UNWRITABLE", `cannot remove ${path}: ${systemReason(cause)}`, { cause });
  }
  return true;
}

/** The script in a directory of verifiers; undefined when there is none, or another file. */
export function verifierScriptIn(binDir: string): string | undefined {
  const text = readSettings(verifierScriptPath(binDir));
  return text?.includes(marker) === true ? text : undefined;
}

function readOurs(path: string): string | undefined {
  const text = readSettings(path);
  if (text === undefined || text.includes(marker)) return text;
  throw new UsageError("FILE_UNWRITABLE", `${path} is there already and is not Tagseal's`, {
    hint: "Move it away, or choose another directory with --bin-dir.",
  });
}

/** Any user could put a program there that containerd runs as root. */
function refuseOpenDirectory(directory: string): void {
  const stats = statIfThere(directory);
  if (stats === undefined || (stats.mode & 0o002) === 0) return;
  throw new UsageError("FILE_UNWRITABLE", `every user can write to ${directory}, from which containerd runs programs`, {
    hint: `Run: chmod o-w ${directory}`,
  });
}

function isExecutable(path: string): boolean {
  return ((statIfThere(path)?.mode ?? 0) & 0o111) === 0o111;
}

function verifierScript(io: Io): string {
  const settings = kept.flatMap(({ name, isPath }) => {
    const value = io.env[name] ?? "";
    return value === "" ? [] : [`export ${name}=${shellPath(isPath ? resolve(value) : value, undefined)}`];
  });
  const words = [linkTarget(io), "--config", resolve(dockerConfigDir(io))]
    .map((word) => shellPath(word, undefined))
    .join(" ");
  return ["#!/bin/sh", marker, ...settings, `exec ${words} gate containerd "$@"`, ""].join("\n");
}
