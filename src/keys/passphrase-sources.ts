import { spawn } from "node:child_process";
import { createReadStream } from "node:fs";
import type { Readable } from "node:stream";
import { KeyStoreError, hasCode } from "../errors.ts";
import { describeKey } from "./passphrase.ts";
import type { PassphraseRequest, PassphraseSource } from "./passphrase.ts";

/** Environment variables, by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

const maxPassphraseBytes = 4096;
const commandTimeoutMs = 60_000;

/** Environment variables that hold passphrases, and a password of notary's. They, and those of a trust server's signer, are never handed on to a child process. */
export const passphraseVariables: readonly string[] = [
  "DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE",
  "DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE",
  "NOTARY_ROOT_PASSPHRASE",
  "NOTARY_TARGETS_PASSPHRASE",
  "NOTARY_SNAPSHOT_PASSPHRASE",
  "NOTARY_DELEGATION_PASSPHRASE",
  "NOTARY_AUTH",
];

/** Passphrases of signers have names that their operators choose. */
const signerVariable = /^(?:TAGSEAL_SIGNER_PASSPHRASE|NOTARY_SIGNER_.*)$/;

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
      const set = variablesFor(request.role).filter((name) => Boolean(environment[name]));
      if (set.length === 0) return fallback === undefined ? unset(request) : fallback.passphraseFor(request);
      const passphrase = environment[set[request.attempt - 1] ?? ""];
      if (passphrase) return passphrase;
      throw wrong(request, `the one in ${set.join(" or ")}`);
    },
  };
}

function variablesFor(role: string): string[] {
  const docker = role === "root" ? "ROOT" : "REPOSITORY";
  const notary = ["root", "targets", "snapshot"].includes(role) ? role.toUpperCase() : "DELEGATION";
  return [`DOCKER_CONTENT_TRUST_${docker}_PASSPHRASE`, `NOTARY_${notary}_PASSPHRASE`];
}

function unset(request: PassphraseRequest): never {
  throw new KeyStoreError(
    "PASSPHRASE_UNAVAILABLE",
    `No passphrase for ${describeKey(request)}: ${variablesFor(request.role).join(" and ")} are not set`,
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

async function readDescriptor(descriptor: number): Promise<string> {
  try {
    return await firstLine(createReadStream("", { fd: descriptor, autoClose: false }), "until newline");
  } catch (cause) {
    if (cause instanceof KeyStoreError) throw cause;
    throw new KeyStoreError("PASSPHRASE_UNAVAILABLE", `Cannot read a passphrase from file descriptor ${descriptor}`, {
      cause,
      hint: "The program that starts this one has to open it, for example: 3< passphrase.txt",
    });
  }
}

/**
 * Takes passphrases from a command: the first line it prints. It learns what is wanted from TAGSEAL_KEY_ROLE,
 * TAGSEAL_KEY_ID, TAGSEAL_KEY_GUN and TAGSEAL_KEY_PURPOSE (`new` or `unlock`), runs without a shell, sees no passphrase
 * variables, and has a minute.
 *
 * @param command the program and its arguments
 * @param environment what it inherits
 */
export function fromCommand(command: readonly [string, ...string[]], environment: Environment): PassphraseSource {
  return oneAnswer(`the one printed by ${command[0]}`, async (request) => runCommand(command, environment, request));
}

/** Asks each source in turn until one has a passphrase for the request. */
export function chained(...sources: readonly PassphraseSource[]): PassphraseSource {
  return {
    interactive: sources.some((source) => source.interactive),
    async passphraseFor(request) {
      let unavailable: unknown = new KeyStoreError(
        "PASSPHRASE_UNAVAILABLE",
        `No passphrase for ${describeKey(request)}`,
      );
      for (const source of sources) {
        try {
          return await source.passphraseFor(request);
        } catch (error) {
          // Only a source that has nothing to say passes the question on; one that failed is an answer.
          if (!hasCode(error, "PASSPHRASE_UNAVAILABLE")) throw error;
          unavailable = error;
        }
      }
      throw unavailable;
    },
  };
}

/** A source that has one answer and would only repeat it. */
function oneAnswer(what: string, answer: (request: PassphraseRequest) => Promise<string>): PassphraseSource {
  return {
    interactive: false,
    async passphraseFor(request) {
      if (request.previousFailure === "wrong") throw wrong(request, what);
      const passphrase = await answer(request);
      if (passphrase !== "") return passphrase;
      throw new KeyStoreError("PASSPHRASE_UNAVAILABLE", `No passphrase for ${describeKey(request)}: ${what} is empty`);
    },
  };
}

async function runCommand(
  [program, ...parameters]: readonly [string, ...string[]],
  environment: Environment,
  request: PassphraseRequest,
): Promise<string> {
  const child = spawn(program, parameters, {
    env: childEnvironment(environment, request),
    stdio: ["ignore", "pipe", "inherit"],
    timeout: commandTimeoutMs,
  });
  const ended = new Promise<void>((resolve, reject) => {
    const fail = (reason: string, cause?: unknown) =>
      reject(
        new KeyStoreError("PASSPHRASE_UNAVAILABLE", `Passphrase command ${program} ${reason}`, cause ? { cause } : {}),
      );
    child.once("error", (error) => fail("could not be started", error));
    child.once("close", (code) => (code === 0 ? resolve() : fail(`failed with ${code ?? "a signal"}`)));
  });
  const [line] = await Promise.all([firstLine(child.stdout, "until end"), ended]);
  return line;
}

function childEnvironment(environment: Environment, request: PassphraseRequest): Record<string, string | undefined> {
  const handedOn = Object.entries(environment).filter(
    ([name]) => !passphraseVariables.includes(name) && !signerVariable.test(name),
  );
  return {
    ...Object.fromEntries(handedOn),
    TAGSEAL_KEY_ROLE: request.role,
    TAGSEAL_KEY_ID: request.keyId,
    TAGSEAL_KEY_GUN: request.gun ?? "",
    TAGSEAL_KEY_PURPOSE: request.purpose,
  };
}

/** A person may keep a pipe open after the line; a command that is cut off while printing more would fail. */
async function firstLine(stream: Readable, extent: "until newline" | "until end"): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    if (length <= maxPassphraseBytes) chunks.push(chunk);
    length += chunk.length;
    if (extent === "until newline" && (length > maxPassphraseBytes || chunk.includes(0x0a))) break;
  }
  const [line = ""] = Buffer.concat(chunks).toString("utf8").split("\n");
  if (Buffer.byteLength(line) > maxPassphraseBytes)
    throw new KeyStoreError("PASSPHRASE_UNAVAILABLE", `A passphrase is longer than ${maxPassphraseBytes} bytes`);
  return line.replace(/\r$/, "");
}

function wrong(request: PassphraseRequest, what: string): KeyStoreError {
  return new KeyStoreError(
    "PASSPHRASE_WRONG",
    `Wrong passphrase for ${describeKey(request)}: ${what} does not open it`,
  );
}
