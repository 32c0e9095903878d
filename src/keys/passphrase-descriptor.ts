/** A passphrase from a file descriptor that the calling program opened. */

import { closeSync, constants, fstatSync, openSync, readdirSync, readFileSync, readlinkSync, readSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { hasCode, KeyStoreError } from "../errors.ts";
import { firstLine } from "./first-line.ts";

/** How long to wait before a silent pipe is read again, in milliseconds. */
const pollIntervalMs = 20;

/**
 * The first line of a descriptor, which stays open.
 *
 * @throws KeyStoreError `PASSPHRASE_UNAVAILABLE` when the caller did not open it, or it cannot be read
 */
export async function readDescriptor(descriptor: number): Promise<string> {
  requireOpen(descriptor);
  try {
    return await firstLine(chunksOf(descriptor), "until newline");
  } catch (cause) {
    if (hasCode(cause, "PASSPHRASE_UNAVAILABLE")) throw cause;
    throw unreadable(descriptor, cause);
  }
}

/**
 * Checks whether a descriptor can hold a passphrase, without reading from it. The runtime has descriptors too, with numbers that a user might
 * name by mistake: reading one of those would wait for ever.
 *
 * @throws KeyStoreError `PASSPHRASE_UNAVAILABLE`
 */
export function requireOpen(descriptor: number): void {
  let isReadable: boolean;
  try {
    const stat = fstatSync(descriptor);
    isReadable = stat.isFile() || stat.isFIFO() || stat.isSocket() || stat.isCharacterDevice();
  } catch (cause) {
    throw unreadable(descriptor, cause);
  }
  if (!isReadable || accessMode(descriptor) === constants.O_WRONLY || isOwnPipe(descriptor))
    throw unreadable(descriptor, undefined);
}

function unreadable(descriptor: number, cause: unknown): KeyStoreError {
  return new KeyStoreError("PASSPHRASE_UNAVAILABLE", `Cannot read a passphrase from file descriptor ${descriptor}`, {
    cause,
    hint: `The program that starts this one has to open it, for example: ${descriptor}< passphrase.txt`,
  });
}

/** A pipe whose other end is in this process does not come from the caller. */
function isOwnPipe(descriptor: number): boolean {
  const pipe = linkOf(descriptor);
  if (pipe?.startsWith("pipe:") !== true) return false;
  return openDescriptors().some((other) => linkOf(other) === pipe && accessMode(other) === constants.O_WRONLY);
}

function openDescriptors(): number[] {
  return readdirSync("/proc/self/fd").map(Number);
}

/** What a descriptor refers to; undefined where the system does not provide it, and for a closed one. */
function linkOf(descriptor: number): string | undefined {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`);
  } catch {
    return undefined;
  }
}

/** `O_RDONLY`, `O_WRONLY` or `O_RDWR`; undefined where the system does not provide it. */
function accessMode(descriptor: number): number | undefined {
  try {
    const flags = /^flags:\s*([0-7]+)$/mu.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, "utf8"))?.[1];
    return flags === undefined ? undefined : Number.parseInt(flags, 8) & 3;
  } catch {
    return undefined;
  }
}

/** A blocking read of a silent pipe could not be interrupted, not even by Ctrl-C. */
async function* chunksOf(descriptor: number): AsyncGenerator<Uint8Array> {
  const reopened = fstatSync(descriptor).isFIFO() ? reopenedWithoutBlocking(descriptor) : undefined;
  try {
    for (;;) {
      const chunk = readNow(reopened ?? descriptor);
      if (chunk === undefined) await pause(pollIntervalMs);
      else if (chunk.length === 0) return;
      else yield chunk;
    }
  } finally {
    if (reopened !== undefined) closeSync(reopened);
  }
}

/** @returns undefined when there is nothing to read yet */
function readNow(descriptor: number): Uint8Array | undefined {
  const buffer = Buffer.alloc(4096);
  try {
    return buffer.subarray(0, readSync(descriptor, buffer));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EAGAIN") return undefined;
    throw error;
  }
}

/** The same pipe, opened again: a change to the given descriptor would affect every process that shares it. */
function reopenedWithoutBlocking(descriptor: number): number | undefined {
  try {
    return openSync(`/proc/self/fd/${descriptor}`, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    return undefined; // no such directory on this system, or another user's pipe: read as it is
  }
}
