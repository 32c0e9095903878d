/** Users who have their keys in SoftHSM. Each command is a process, since a PIN is remembered in one. */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { tagsealCommand } from "./clients.ts";
import { run, type Environment, type Finished, type Scope } from "./processes.ts";
import { SoftHsm } from "./softhsm.ts";

/** One token of `trust key tokens --json`. */
export interface ListedToken {
  readonly label: string;
  readonly serial: string;
  readonly pin: string;
  readonly uri: string;
  readonly keys: readonly { readonly keyId: string; readonly algorithm: string; readonly uri: string }[];
}

/** What a command gets besides its arguments. */
export interface Given {
  readonly env?: Environment;
  readonly input?: string;
}

/** The tokens of a test, and the users who share them. */
export class TokenUsers {
  readonly hsm: SoftHsm;
  readonly #scope: Scope;
  readonly #environmentOf: (name: string) => Environment;

  /** @param environmentOf makes a configuration directory and says what leads to it */
  constructor(scope: Scope, environmentOf: (name: string) => Environment) {
    this.hsm = new SoftHsm(scope);
    this.#scope = scope;
    this.#environmentOf = environmentOf;
  }

  /** A user without keys; PIN and passphrases come from `more`. */
  user(name: string, more: Environment = {}): (args: readonly string[], given?: Given) => Promise<Finished> {
    const home = this.#scope.path(name);
    const env = { ...this.#environmentOf(name), ...this.hsm.env, HOME: home, ...more };
    mkdirSync(home, { recursive: true });
    return async (args, given = {}) =>
      await run(tagsealCommand, args, { cwd: home, ...given, env: { ...env, ...given.env } });
  }

  /** What is plugged in. */
  async tokens(): Promise<readonly ListedToken[]> {
    const env = { HOME: this.#scope.directory, ...this.hsm.env };
    const { stdout } = succeeds(await run(tagsealCommand, ["trust", "key", "tokens", "--json"], { env }));
    return JSON.parse(stdout) as readonly ListedToken[];
  }

  /** The state of a PIN, which costs no try. */
  async pinState(label: string): Promise<string | undefined> {
    return (await this.tokens()).find((token) => token.label === label)?.pin;
  }

  /** A program that answers with a PIN and writes a line for each question. */
  asking(name: string, answer: string): { readonly flag: string; readonly asked: () => readonly string[] } {
    const [program, log] = [this.#scope.path(`${name}.sh`), this.#scope.path(`${name}.log`)];
    const line = `"$TAGSEAL_KEY_PURPOSE $TAGSEAL_KEY_ROLE $TAGSEAL_KEY_TOKEN"`;
    writeFileSync(program, `#!/bin/sh\necho ${line} >> ${log}\necho ${answer}\n`, { mode: 0o755 });
    writeFileSync(log, "");
    return { flag: `--passphrase-command=${program}`, asked: () => readFileSync(log, "utf8").trimEnd().split("\n") };
  }
}

/** Asserts the exit status 0. */
export function succeeds(done: Finished): Finished {
  assert.equal(done.code, 0, done.stdout + done.stderr);
  return done;
}

/** Asserts a failure with this code. @returns what the user reads */
export function fails(done: Finished, code: string): string {
  assert.equal(done.code, 1, done.stdout + done.stderr);
  assert.match(done.stderr, new RegExp(`\\[${code}\\]`, "u"));
  return done.stderr;
}
