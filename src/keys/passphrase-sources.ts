import type { Environment } from "../environment/environment.ts";
import { runHelperProgram } from "../environment/helper-program.ts";
import { findProgram } from "../environment/program-search.ts";
import { KeyStoreError } from "../errors.ts";
import { firstLine } from "./first-line.ts";
import { readDescriptor } from "./passphrase-descriptor.ts";
import { backupRole, describeKey, spareRootRole } from "./passphrase.ts";
import type { PassphraseRequest, PassphraseSource } from "./passphrase.ts";

const commandTimeoutMs = 60_000;
/** The first line counts; a program may print more below it. */
const maxOutputBytes = 256 * 1024;

/**
 * Takes passphrases from docker's and Notary's environment variables; docker's come first, and when it is wrong
 * Notary's is tried. Lengths are not checked, as docker does not check them. An empty variable counts as unset.
 *
 * @param fallback asked when no variable is set for the role
 * @see Notary v1: passphrases
 */
export function fromEnvironment(environment: Environment, fallback?: PassphraseSource): PassphraseSource {
  return {
    interactive: fallback?.interactive ?? false,
    async passphraseFor(request) {
      const set = variablesFor(request).filter((name) => Boolean(environment[name]));
      if (set.length === 0) return fallback === undefined ? unset(request) : fallback.passphraseFor(request);
      const passphrase = environment[set[request.attempt - 1] ?? ""];
      if (passphrase) return passphrase;
      throw wrong(request, `the one in ${set.join(" or ")}`);
    },
  };
}

/** Names the PIN of tokens. A passphrase is never tried as a PIN: that would use up a try. */
export const pinVariable = "TAGSEAL_TOKEN_PIN";

/** Names the passphrase of a spare root key. */
const spareVariable = "TAGSEAL_SPARE_PASSPHRASE";

function variablesFor(request: PassphraseRequest): string[] {
  const { purpose, role } = request;
  if (purpose === "pin") return [pinVariable];
  if (role === backupRole) return ["TAGSEAL_BACKUP_PASSPHRASE"];
  // A new spare gets a passphrase that was chosen for it, never the one of the key that it may have to replace.
  if (role === spareRootRole && purpose === "new") return [spareVariable];
  if (role === spareRootRole) return [spareVariable, ...variablesFor({ ...request, role: "root" })];
  const docker = role === "root" ? "ROOT" : "REPOSITORY";
  const notary = ["root", "targets", "snapshot"].includes(role) ? role.toUpperCase() : "DELEGATION";
  return [`DOCKER_CONTENT_TRUST_${docker}_PASSPHRASE`, `NOTARY_${notary}_PASSPHRASE`];
}

function unset(request: PassphraseRequest): never {
  const names = variablesFor(request);
  throw new KeyStoreError(
    "PASSPHRASE_UNAVAILABLE",
    `No passphrase for ${describeKey(request)}: ${names.join(" and ")} ${names.length === 1 ? "is" : "are"} not set`,
  );
}

/**
 * Takes one passphrase for all keys from an open file descriptor: its first line. Read once, when first needed.
 *
 * @param descriptor its number; the program that started us opened it
 */
export function fromFileDescriptor(descriptor: number): PassphraseSource {
  let line: Promise<string> | undefined;
  return oneAnswer(`the one on file descriptor ${descriptor}`, async () => {
    line ??= readDescriptor(descriptor);
    return line;
  });
}

/**
 * Takes passphrases from a command: the first line it prints. It gets the request in TAGSEAL_KEY_ROLE,
 * TAGSEAL_KEY_ID, TAGSEAL_KEY_GUN and TAGSEAL_KEY_PURPOSE (`new`, `unlock` or `pin`; then TAGSEAL_KEY_TOKEN
 * names the token), runs without a shell, gets no secrets except its own, and has a minute.
 *
 * @param command the program and its arguments
 * @param environment what it inherits
 * @param timeoutMs milliseconds until it is stopped
 */
export function fromCommand(
  command: readonly [string, ...string[]],
  environment: Environment,
  timeoutMs: number = commandTimeoutMs,
): PassphraseSource {
  return oneAnswer(`the one printed by ${command[0]}`, async (request) => {
    const [program, ...args] = command;
    const outcome = await runHelperProgram({
      command,
      kind: "passphrase-command",
      of: { program, args },
      env: environment,
      variables: wanted(request),
      errors: "shown",
      maxOutputBytes,
      timeoutMs,
    });
    if (outcome.kind === "not started") throw commandFailed(program, "could not be started", outcome.cause);
    if (outcome.kind === "too much") throw commandFailed(program, `printed more than ${maxOutputBytes} bytes`);
    if (outcome.kind !== "ended")
      throw commandFailed(program, `printed no passphrase within ${timeoutMs / 1000} seconds`);
    if (outcome.exitCode !== 0) throw commandFailed(program, `failed with ${outcome.exitCode}`);
    return await firstLine([outcome.output], "until end");
  });
}

/** A source with a single answer that would only be repeated. */
function oneAnswer(what: string, answer: (request: PassphraseRequest) => Promise<string>): PassphraseSource {
  return {
    interactive: false,
    async passphraseFor(request) {
      if (request.previousFailure === "wrong") throw wrong(request, what);
      const passphrase = await answer(request);
      if (passphrase !== "") return passphrase;
      throw new KeyStoreError("PASSPHRASE_UNAVAILABLE", `No passphrase for ${describeKey(request)}: ${what} is empty`, {
        hint: "Correct this source, or leave it out: no other source is asked while it is set.",
      });
    },
  };
}

/**
 * Checks whether a passphrase command can be started.
 *
 * @throws KeyStoreError `PASSPHRASE_UNAVAILABLE`
 */
export function requireProgram(program: string, env: Environment): void {
  if (findProgram(program, env) === undefined) throw commandFailed(program, "could not be started: no such program");
}

function commandFailed(program: string, reason: string, cause?: unknown): KeyStoreError {
  return new KeyStoreError("PASSPHRASE_UNAVAILABLE", `Passphrase command ${program} ${reason}`, {
    cause,
    hint: "Correct this source, or leave it out: no other source is asked while it is set.",
  });
}

function wanted(request: PassphraseRequest): Record<string, string> {
  return {
    TAGSEAL_KEY_ROLE: request.role,
    TAGSEAL_KEY_ID: request.keyId,
    TAGSEAL_KEY_GUN: request.gun ?? "",
    TAGSEAL_KEY_PURPOSE: request.purpose,
    ...(request.token === undefined ? {} : { TAGSEAL_KEY_TOKEN: request.token }),
  };
}

function wrong(request: PassphraseRequest, what: string): KeyStoreError {
  return new KeyStoreError(
    "PASSPHRASE_WRONG",
    `Wrong passphrase for ${describeKey(request)}: ${what} does not open it`,
  );
}
