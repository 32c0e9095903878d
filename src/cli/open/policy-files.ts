/**
 * Where the policies of this machine are, and that content trust is on where there is one. Every start asks this, so it reads no file; `policies.ts`
 * reads them.
 */
import { lstatSync } from "node:fs";
import { join } from "node:path";
import { parseBoolean } from "../../engine/command-line/boolean.ts";
import { trustVariable } from "../../engine/trust-switch.ts";
import { UsageError } from "../../errors.ts";
import { isErrno } from "../../files/system-error.ts";
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
 * The surroundings in which content trust is on because a policy is in force. `DOCKER_CONTENT_TRUST=0` puts the user's own policy aside, not the
 * system's.
 */
export function withPolicySwitch(io: Io): Io {
  const files = policyFiles(io);
  const isPutAside = parseBoolean(io.env[trustVariable] ?? "") === false;
  if (!files.some(({ isSystems }) => isSystems || !isPutAside)) return io;
  return { ...io, env: { ...io.env, [trustVariable]: "1" } };
}

/** The machine's policy, where one is in force: no user can put it aside. */
export function systemPolicyOf(io: Io): string | undefined {
  return policyFiles(io).find(({ isSystems }) => isSystems)?.path;
}

/** Refuses to switch content trust off where the system's policy is in force. @throws UsageError `POLICY_REFUSED` */
export function refuseSwitchingOff(io: Io): void {
  const path = systemPolicyOf(io);
  if (path === undefined) return;
  throw new UsageError("POLICY_REFUSED", `--disable-content-trust does not switch off the policy ${path}`, {
    hint: 'Leave the flag out. If this image need not be signed, have a rule with mode "skip" written for it.',
  });
}
