/**
 * Which process holds a lock, so that another one can check whether it is still running. Process numbers mean nothing on another machine, in
 * another container or after a restart, and are reused: so the record also has the machine's start, the namespace the number belongs
 * to, and the process's start. Only Linux provides all of them; elsewhere a lock says nothing about its owner.
 */
import { readFileSync, readlinkSync } from "node:fs";
import { getPriority } from "node:os";
import { isSystemError } from "./system-error.ts";

/** A process, as written into a lock. */
export interface LockOwner {
  /** one start of one machine, and a namespace of process numbers on it */
  readonly machine: string;
  readonly pid: number;
  /** in the kernel's ticks since the machine started */
  readonly startedAt: string;
}

/** This process; undefined where the system does not provide the details. */
export function thisProcess(): LockOwner | undefined {
  try {
    const stat = readFileSync("/proc/self/stat", "latin1");
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
    const machine = `${boot}/${readlinkSync("/proc/self/ns/pid")}`;
    return { machine, pid: Number.parseInt(stat, 10), startedAt: fieldsOf(stat).startedAt };
  } catch (error) {
    if (isSystemError(error)) return undefined;
    throw error;
  }
}

/** An owner as one line of text without its end; {@link parseOwner} reads it. */
export function ownerText({ machine, pid, startedAt }: LockOwner): string {
  return `${machine} ${pid} ${startedAt}`;
}

/** Reads {@link ownerText}; undefined for anything else. */
export function parseOwner(text: string): LockOwner | undefined {
  const match = /^(?<machine>\S{1,200}) (?<pid>\d{1,10}) (?<startedAt>\d{1,20})$/u.exec(text);
  const { machine, pid, startedAt } = match?.groups ?? {};
  if (machine === undefined || pid === undefined || startedAt === undefined) return undefined;
  return { machine, pid: Number(pid), startedAt };
}

/** What is known about an owner. `unknown` also for a stopped process: it may never continue. */
export type OwnerState = "runs" | "ended" | "unknown";

/** Finds out whether an owner is still running. */
export function stateOf(owner: LockOwner, us: LockOwner | undefined): OwnerState {
  if (owner.machine !== us?.machine) return "unknown";
  try {
    const { state, startedAt } = fieldsOf(readFileSync(`/proc/${owner.pid}/stat`, "latin1"));
    // Another process with the same number; or one that ended, whose parent has not read its status yet.
    if (startedAt !== owner.startedAt || state === "Z" || state === "X") return "ended";
    return state === "T" || state === "t" ? "unknown" : "runs";
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return isUnknownToKernel(owner.pid) ? "ended" : "unknown";
  }
}

/** `/proc` may hide other users' processes; the kernel's scheduler does not. */
function isUnknownToKernel(pid: number): boolean {
  try {
    getPriority(pid);
    return false;
  } catch (error) {
    return error instanceof Error && /\bESRCH\b/u.test(error.message);
  }
}

/** The name of a program may hold anything, so what follows it is counted from its last parenthesis. */
function fieldsOf(stat: string): { readonly state: string; readonly startedAt: string } {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return { state: fields[0] ?? "", startedAt: fields[19] ?? "" };
}
