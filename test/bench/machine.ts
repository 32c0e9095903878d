/** What a run says of the machine and the programs it measured, so that its figures can be compared with others. */
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus, loadavg, release, totalmem } from "node:os";
import { findGoPeer } from "../support/go-peers.ts";
import { findExecutable } from "../support/peers.ts";
import type { Run } from "./results.ts";

/** True where the processor counts the instructions of a process, which virtual machines often hide. */
export const countsInstructions =
  findExecutable("perf") !== undefined &&
  /^\d+,/mu.test(spawnSync("perf", ["stat", "-x,", "-e", "instructions:u", "true"], { encoding: "utf8" }).stderr);

function firstMatch(command: string | undefined, args: readonly string[], pattern: RegExp): string | undefined {
  if (command === undefined) return undefined;
  const { stdout, stderr } = spawnSync(command, args, { encoding: "utf8" });
  return pattern.exec(`${stdout}${stderr}`)?.[1];
}

/** name, program, arguments, and where its version stands */
const programs: readonly (readonly [string, string | undefined, readonly string[], RegExp])[] = [
  ["docker", findExecutable("docker"), ["--version"], /version ([\d.]+)/u],
  // Debian's notary does not know its version.
  ["notary", findExecutable("dpkg-query"), ["-W", "-f=${Version}", "notary"], /^([\d.]+)/u],
  ["skopeo", findExecutable("skopeo"), ["--version"], /version (\S+)/u],
  ["PostgreSQL", findExecutable("postgres"), ["--version"], /PostgreSQL\) ([\d.]+)/u],
  ["distribution", findGoPeer("registry"), ["--version"], / v?([\d.]+)/u],
  ["cosign", findGoPeer("cosign"), ["version"], /GitVersion:\s+(\S+)/u],
  ["notation", findGoPeer("notation"), ["version"], /Version:\s+(\S+)/u],
];

/** The run that begins now. */
export function describeRun(quick: boolean): Run {
  const [processor] = cpus();
  const gibibytes = (totalmem() / 2 ** 30).toFixed(0);
  const found = programs.map(([name, command, args, pattern]) => [name, firstMatch(command, args, pattern)] as const);
  return {
    begun: new Date().toISOString(),
    commit: commit(),
    quick,
    load: loadavg()[0] ?? 0,
    machine: {
      processor: `${cpus().length} × ${processor?.model.trim() ?? "unknown"}`,
      memory: `${gibibytes} GiB`,
      kernel: `${/^NAME="?([^"\n]*)/mu.exec(readFileSync("/etc/os-release", "utf8"))?.[1] ?? "Linux"}, Linux ${release()}`,
      instructions: countsInstructions ? "counted" : "not counted: this machine does not show them",
    },
    versions: {
      "Node.js": process.versions.node,
      ...Object.fromEntries(found.filter(([, version]) => version !== undefined)),
    },
  };
}

/** With a mark when the sources are not as committed. */
function commit(): string {
  try {
    return execFileSync("git", ["describe", "--always", "--abbrev=12", "--dirty=+changes"], {
      cwd: import.meta.dirname,
      encoding: "utf8",
    }).trim();
  } catch {
    return "unknown";
  }
}

/** What a process has in memory now, in MB. */
export function residentMb({ pid }: { readonly pid: number }): number {
  const [, kilobytes = Number.NaN] = /^VmRSS:\s+(\d+) kB$/mu.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kilobytes) / 1024;
}
