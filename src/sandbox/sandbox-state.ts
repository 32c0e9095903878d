/** The file `sandbox.json`: the ports of a sandbox, and its secrets, which are worth nothing. */

import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { systemCode, UsageError } from "../errors.ts";
import { createThrowawayTls, type ThrowawayTls } from "./throwaway-tls.ts";

/** What a sandbox remembers between runs, in `sandbox.json`. */
export interface SandboxState {
  readonly registryPort: number;
  readonly serverPort: number;
  readonly passphrase: string;
  readonly tls: ThrowawayTls;
  readonly tlsMadeAt: string;
}

const fileName = "sandbox.json";
const tlsLifetimeMs = 25 * 86_400_000;

/**
 * The state that {@link saveSandboxState} wrote; undefined for a new sandbox. An outdated certificate is replaced.
 *
 * @throws UsageError `FILE_UNREADABLE`, also when it is damaged
 */
export async function loadSandboxState(directory: string): Promise<SandboxState | undefined> {
  let text: string;
  try {
    text = await readFile(join(directory, fileName), "utf8");
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw new UsageError("FILE_UNREADABLE", `cannot read ${join(directory, fileName)}`, { cause: error });
  }
  const state = parsedState(text);
  // A sandbox left alone for longer than its certificate lives gets a new one, and its clients a new CA file.
  const age = Date.now() - Date.parse(state.tlsMadeAt);
  return age < tlsLifetimeMs ? state : { ...state, ...newTls(new Date()) };
}

/** Writes it for the next run, readable by its owner only. */
export async function saveSandboxState(directory: string, state: SandboxState): Promise<void> {
  await writeFile(join(directory, fileName), `${JSON.stringify(state, undefined, 2)}\n`, { mode: 0o600 });
}

function parsedState(text: string): SandboxState {
  try {
    // The file is this sandbox's own, in a directory only its owner can write.
    return JSON.parse(text) as SandboxState;
  } catch (error) {
    throw new UsageError("FILE_UNREADABLE", `${fileName} is damaged`, {
      cause: error,
      hint: "Choose another --data directory, or delete this one: a sandbox holds nothing of value.",
    });
  }
}

/** The secrets of a new sandbox. */
export function newSandboxSecrets(now: Date): Pick<SandboxState, "passphrase" | "tls" | "tlsMadeAt"> {
  return { passphrase: randomBytes(12).toString("hex"), ...newTls(now) };
}

function newTls(now: Date): Pick<SandboxState, "tls" | "tlsMadeAt"> {
  return { tls: createThrowawayTls(now), tlsMadeAt: now.toISOString() };
}
