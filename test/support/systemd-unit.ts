/**
 * Runs the service of a systemd unit without systemd: the command, variables, credentials and state directory the unit says, as an account without
 * any privilege, with a record of every system call. What the unit forbids can then be compared with what the service did.
 *
 * Booting a systemd instead would share the machine's directories with it, /tmp for one, which it empties.
 */
import { chmodSync, chownSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Machine } from "./machine.ts";
import { runOk, type Running, type Scope } from "./processes.ts";

/** An account that owns nothing, from the range systemd takes such from. */
const account = 61_184;

/** A unit's text as its settings, repeated ones in their order. */
export function unitSettings(text: string): ReadonlyMap<string, readonly string[]> {
  const settings = new Map<string, string[]>();
  for (const [, name = "", value = ""] of text.matchAll(/^([A-Z]\w*)=(.*)$/gmu)) {
    settings.set(name, [...(settings.get(name) ?? []), value]);
  }
  return settings;
}

/** The system calls of sets such as `@system-service`, with the sets in them. */
export async function systemCallsOf(...sets: readonly string[]): Promise<Set<string>> {
  const found = new Set<string>();
  for (const name of sets) {
    const { stdout } = await runOk("systemd-analyze", ["syscall-filter", "--no-pager", name]);
    for (const line of stdout.split("\n").slice(1)) {
      const entry = line.trim();
      if (entry.startsWith("@")) for (const inner of await systemCallsOf(entry)) found.add(inner);
      else if (entry !== "" && !entry.startsWith("#")) found.add(entry);
    }
  }
  return found;
}

/** How to run a unit's service. */
export interface UnitOptions {
  /** text of the unit, its paths below /opt and /etc already replaced */
  readonly unit: string;
  readonly name: string;
  readonly ready: () => Promise<boolean> | boolean;
  /** where the unit's files are and its service runs; there its paths need not be replaced. Default: this machine */
  readonly machine?: Pick<Machine, "enter" | "path">;
}

/** A running service of a unit. */
export interface UnitService {
  readonly process: Running;
  readonly stateDirectory: string;
  /** system calls so far, without their arguments but for `socket(…)`: its first one */
  systemCalls(): { readonly names: ReadonlySet<string>; readonly addressFamilies: ReadonlySet<string> };
}

function give(path: string, mode: number): void {
  chownSync(path, account, account);
  chmodSync(path, mode);
}

/** Starts it and waits until it is ready. */
export async function startUnit(scope: Scope, { unit, name, ready, machine }: UnitOptions): Promise<UnitService> {
  const settings = unitSettings(unit);
  chmodSync(scope.directory, 0o755); // the account must pass through
  const [credentials, state] = [scope.path(name, "credentials"), scope.path(name, "state")];
  const stateDirectory = `${state}/${settings.get("StateDirectory")?.[0]}`;
  for (const directory of [credentials, stateDirectory]) mkdirSync(directory, { recursive: true });
  give(stateDirectory, 0o700);
  for (const credential of settings.get("LoadCredential") ?? []) {
    const [id = "", path = ""] = credential.split(":");
    copyFileSync(machine?.path(path) ?? path, `${credentials}/${id}`);
    give(`${credentials}/${id}`, 0o400);
  }
  give(credentials, 0o500);
  const record = scope.path(name, "system-calls");
  writeFileSync(record, "");
  give(record, 0o600);

  const expanded = (text: string): string => text.replaceAll("%S", state).replaceAll("%d", credentials);
  const variables = (settings.get("Environment") ?? []).map((assignment) => {
    const [name = "", ...value] = expanded(assignment).split("=");
    return [name, value.join("=")] as const;
  });
  const powerless = [`--reuid=${account}`, `--regid=${account}`, "--clear-groups", "--no-new-privs"];
  const nothing = ["--bounding-set=-all", "--inh-caps=-all"];
  const recorder = ["strace", "-D", "-f", "-qq", "-s", "0", "-o", record];
  const service = expanded(settings.get("ExecStart")?.[0] ?? "").split(" ");
  const command = [...(machine?.enter ?? []), "setpriv", ...powerless, ...nothing, ...recorder, ...service];
  const [program = "", ...args] = command;
  const process = await scope.start(name, program, args, {
    env: Object.fromEntries(variables),
    cwd: dirname(record),
    ready,
  });
  return {
    process,
    stateDirectory,
    systemCalls: () => {
      const text = readFileSync(record, "utf8");
      const matches = (pattern: RegExp): Set<string> =>
        new Set([...text.matchAll(pattern)].map(([, first = ""]) => first));
      return {
        names: matches(/^\d+ +([a-z]\w*)\(/gmu),
        addressFamilies: matches(/^\d+ +socket\((\w+)/gmu),
      };
    },
  };
}
