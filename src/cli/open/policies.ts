/** The policies of this machine: the system's, and the user's or the one that a command names. Where there is one, content trust is on. */
import { lstatSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { readSettings } from "../../docker-config/settings-file.ts";
import { parseBoolean } from "../../engine/command-line/boolean.ts";
import { trustVariable } from "../../engine/trust-switch.ts";
import { UsageError } from "../../errors.ts";
import { isErrno } from "../../files/system-error.ts";
import type { Policy } from "../../policy/policy.ts";
import { requirementsFor, type Requirements } from "../../policy/requirements.ts";
import { type ImageReference, withDefaultTag } from "../../reference/image-reference.ts";
import type { Io } from "../io.ts";
import { policyVariable } from "../options/policy-flag.ts";
import { homeOf, trustDirectoryOf } from "./directories.ts";

/** The policy of the machine, which a user's cannot loosen. */
export const systemPolicyPath = "/etc/tagseal/policy.json";

/** The file of a policy. */
export interface PolicyFile {
  readonly path: string;
  /** the machine's: no user can switch it off */
  readonly isSystems: boolean;
}

/**
 * The files of the policies here, the system's first. A file that cannot be examined counts: what it holds is in force.
 *
 * @throws UsageError `POLICY_INVALID` for a variable or flag that names no file
 */
export function policyFiles(io: Io): readonly PolicyFile[] {
  const named = io.env[policyVariable];
  // an unset variable in a script must not switch off the policy that it was to name
  if (named === "")
    throw new UsageError("POLICY_INVALID", "no file with a policy is named", {
      hint: `Name a file behind --policy or in ${policyVariable}, or leave both out.`,
    });
  const usual = [{ path: io.systemPolicy ?? systemPolicyPath, isSystems: true }, ...usersFile(io, named)];
  return usual.filter(({ path }) => path === named || isThere(path));
}

/** An account without a home directory has no such file. */
function usersFile(io: Io, named: string | undefined): readonly PolicyFile[] {
  if (named !== undefined) return [{ path: named, isSystems: false }];
  const hasDirectory = (io.env["DOCKER_CONFIG"] ?? "") !== "" || homeOf(io) !== undefined;
  return hasDirectory ? [{ path: join(trustDirectoryOf(io), "policy.json"), isSystems: false }] : [];
}

function isThere(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch (error) {
    return !isErrno(error, "ENOENT", "ENOTDIR");
  }
}

/**
 * Reads the policies here.
 *
 * @throws UsageError `POLICY_INVALID`, with line and column; `FILE_UNREADABLE`
 */
export async function loadPolicies(io: Io): Promise<readonly Policy[]> {
  const files = policyFiles(io);
  if (files.length === 0) return [];
  const { parsePolicy } = await import("../../policy/policy-parser.ts");
  const { invalidPolicy } = await import("../../policy/policy-document.ts");
  return files.map(({ path }) => {
    const text = readSettings(path);
    if (text === undefined) throw invalidPolicy(path, "no such file or directory");
    if (isOpenToAll(path)) throw invalidPolicy(path, "every user can write it: run chmod o-w on it");
    return parsePolicy(text, {
      source: path,
      read: (named) => readNamed(resolve(dirname(path), named)),
    });
  });
}

/**
 * What the policies here require of an image; `latest` where it has neither tag nor digest.
 *
 * @throws UsageError `POLICY_INVALID`; MetadataError `POLICY_REFUSED`
 */
export async function requirementsHere(io: Io, reference: ImageReference): Promise<Requirements> {
  return requirementsFor(await loadPolicies(io), withDefaultTag(reference));
}

/**
 * The surroundings in which content trust is on because a policy is in force. `DOCKER_CONTENT_TRUST=0` puts the user's own policy aside, not the
 * system's.
 */
export function withPolicySwitch(io: Io): Io {
  const files = policyFiles(io);
  const isPutAside = parseBoolean(io.env[trustVariable] ?? "") === false;
  if (!files.some(({ isSystems }) => isSystems || !isPutAside)) return io;
  return { ...io, env: { ...io.env, [trustVariable]: "1" } };
}

/** Refuses to switch content trust off where the system's policy is in force. @throws UsageError `POLICY_REFUSED` */
export function refuseSwitchingOff(io: Io): void {
  const file = policyFiles(io).find(({ isSystems }) => isSystems);
  if (file === undefined) return;
  throw new UsageError("POLICY_REFUSED", `--disable-content-trust does not switch off the policy ${file.path}`, {
    hint: 'Have a rule with mode "skip" written for this image.',
  });
}

/** What any user can rewrite decides nothing. */
function isOpenToAll(path: string): boolean {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats !== undefined && (stats.mode & 0o002) !== 0;
}

function readNamed(path: string): string {
  const text = readSettings(path);
  if (text === undefined) throw new UsageError("FILE_UNREADABLE", `${path}: no such file or directory`);
  return text;
}
