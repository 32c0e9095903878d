/** Finds where DOCKER_CONTENT_TRUST is set, and its value. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { parseBoolean } from "../../engine/command-line/boolean.ts";
import { candidates } from "../../engine/executable.ts";
import { isTrustOn, trustVariable } from "../../engine/trust-switch.ts";
import type { Io } from "../io.ts";
import { ciSystemHere, lastingHere } from "./ci-system.ts";
import { checkPolicies } from "./policy-check.ts";
import { type Finding, ok, problem, shellPath, warning } from "./finding.ts";
import { textOf } from "./text-of.ts";

/** Files that set variables for the machine, then for the user's shells. */
const machineFiles = ["/etc/environment", "/etc/profile", "/etc/bash.bashrc", "/etc/zsh/zshenv", "/etc/zshenv"];
const personalFiles = [
  ".profile",
  ".bash_profile",
  ".bashrc",
  ".zshenv",
  ".zprofile",
  ".zshrc",
  ".config/fish/config.fish",
  ".pam_environment",
];

/** Profiles and scripts are far smaller; a larger file is a program, which sets no variables. */
const maxFileBytes = 256 * 1024;

/** `DOCKER_CONTENT_TRUST=1`, `export …`, fish's `set -gx DOCKER_CONTENT_TRUST 1`; not the variables whose names begin with it. */
const setting = /^[^#\n]*\bDOCKER_CONTENT_TRUST(?:=|\s+)["']?([^\s"';]*)/mu;

/** Checks what switches content trust on: a policy, else the variable in this process's environment, with the files that set it. */
export async function checkSwitch(io: Io): Promise<readonly Finding[]> {
  const policies = await checkPolicies(io);
  return policies === undefined ? await checkVariable(io) : [policies];
}

async function checkVariable(io: Io): Promise<readonly Finding[]> {
  const value = io.env[trustVariable];
  const places = await findSettings(io);
  const list = places.map(({ path, value: set }) => `${shellPath(path, io.env["HOME"])} (${set})`).join(", ");
  const turnOn = lastingHere(io.env).setVariable(trustVariable, "1");
  const alsoSet = list === "" ? "" : `; set in ${list}`;
  if (value === undefined || value === "") {
    const said =
      list === ""
        ? "content trust is off: DOCKER_CONTENT_TRUST is not set"
        : `content trust is off in this shell${alsoSet}`;
    return [problem("switch", said, turnOn)];
  }
  if (!isTrustOn(io.env, undefined)) {
    return [problem("switch", `content trust is off: DOCKER_CONTENT_TRUST=${value}${alsoSet}`, turnOn)];
  }
  if (parseBoolean(value) === undefined) {
    const message = `DOCKER_CONTENT_TRUST=${value} is not a boolean; it counts as on${alsoSet}`;
    return [warning("switch", message, turnOn)];
  }
  // the variables of a job last as long as the job
  if (ciSystemHere(io.env) !== undefined) return [ok("switch", `content trust is on in this job${alsoSet}`)];
  return [
    list === ""
      ? warning(
          "switch",
          "content trust is on in this shell only: no profile sets DOCKER_CONTENT_TRUST",
          "echo 'export DOCKER_CONTENT_TRUST=1' >> ~/.profile",
        )
      : ok("switch", `content trust is on${alsoSet}`),
  ];
}

/** A file that sets the variable. */
export interface Setting {
  readonly path: string;
  readonly value: string;
}

async function findSettings({ env, program }: Io): Promise<readonly Setting[]> {
  const home = env["HOME"];
  const own = home === undefined ? [] : personalFiles.map((name) => join(home, name));
  const profiles = (await namesIn("/etc/profile.d")).map((name) => join("/etc/profile.d", name));
  // Some users put a script called docker in front, which sets the variable.
  const scripts = candidates("docker", { env, self: program.files }).map(({ path }) => path);
  const found = [...machineFiles, ...profiles, ...own, ...scripts].map(settingIn);
  return found.filter((place) => place !== undefined);
}

function settingIn(path: string): Setting | undefined {
  const value = setting.exec(textOf(path, maxFileBytes))?.[1];
  return value === undefined ? undefined : { path, value };
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch {
    return []; // no such directory on this system
  }
}
