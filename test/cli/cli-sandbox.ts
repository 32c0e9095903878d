/** A sandbox in this process and command lines run against it, for journeys that need no separate process. */
import assert from "node:assert/strict";
import { cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before } from "node:test";
import { captured } from "../../src/cli/captured-io.ts";
import type { Io } from "../../src/cli/io.ts";
import { main } from "../../src/cli/main.ts";
import { type DemoImage, writeDemoImage } from "../../src/sandbox/demo-image.ts";
import { type Sandbox, startSandbox } from "../../src/sandbox/sandbox.ts";
import { Scope } from "../support/processes.ts";

/** What a command line did. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What differs from an ordinary call. */
export type CallOptions = Partial<Pick<Io, "env" | "now" | "prompter" | "signal" | "systemPolicy">>;

/** A running sandbox with a user; the clock of both sides can be set. */
export class CliSandbox implements AsyncDisposable {
  readonly #scope: Scope;
  #sandbox: Sandbox | undefined;
  #given = 0;

  private constructor(name: string) {
    this.#scope = new Scope(name);
  }

  /** @param now the trust server's clock */
  static async start(name: string, now: () => Date = () => new Date()): Promise<CliSandbox> {
    const stage = new CliSandbox(name);
    await stage.#start(now);
    return stage;
  }

  /** The same for the suite that calls this: started before its tests and its further hooks, closed after them. */
  static forSuite(name: string, now: () => Date = () => new Date()): CliSandbox {
    const stage = new CliSandbox(name);
    before(async () => await stage.#start(now));
    after(async () => await stage[Symbol.asyncDispose]());
    return stage;
  }

  async #start(now: () => Date): Promise<void> {
    this.#sandbox = await startSandbox({ directory: this.path("sandbox"), now });
  }

  get sandbox(): Sandbox {
    return this.#sandbox ?? assert.fail("the sandbox is not started");
  }

  get directory(): string {
    return this.#scope.directory;
  }

  /** A name that begins with `prefix` and was not given out before. */
  fresh(prefix: string): string {
    return `${prefix}-${(this.#given += 1)}`;
  }

  /** `team/app` in the sandbox's registry. */
  repository(path = "team/app"): string {
    return `${this.sandbox.registryHost}/${path}`;
  }

  path(name: string): string {
    return this.#scope.path(name);
  }

  async image(version: string): Promise<DemoImage> {
    return await writeDemoImage(this.path(`image-${version}`), { version, message: `image ${version}` });
  }

  /** Pushes an image under these names, signed by the sandbox's user. */
  async publish({ directory }: DemoImage, ...names: readonly string[]): Promise<void> {
    for (const name of names) await this.ok(["push", "-q", "--from", `oci:${directory}`, name]);
  }

  /** A configuration directory that knows the sandbox's certificate authority and nothing else. */
  stranger(name = this.fresh("stranger")): Record<string, string> {
    const config = this.path(name);
    mkdirSync(config);
    cpSync(join(this.sandbox.environment["DOCKER_CONFIG"] ?? "", "tls"), join(config, "tls"), { recursive: true });
    return { ...this.sandbox.environment, DOCKER_CONFIG: config };
  }

  async run(argv: readonly string[], options: CallOptions = {}): Promise<Outcome> {
    const { io, stdout, stderr } = captured({ env: this.sandbox.environment, now: () => new Date(), ...options });
    const code = await main(argv, io);
    return { code, stdout: stdout(), stderr: stderr() };
  }

  /** @throws Error with everything printed when the exit status is not 0 */
  async ok(argv: readonly string[], options: CallOptions = {}): Promise<Outcome> {
    const outcome = await this.run(argv, options);
    if (outcome.code === 0) return outcome;
    throw new Error(`tagseal ${argv.join(" ")}: exit status ${outcome.code}\n${outcome.stdout}${outcome.stderr}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sandbox?.close();
    await this.#scope.close();
  }
}

/** Parses what a command printed with `--json`. */
export function json({ stdout }: Outcome): unknown {
  return JSON.parse(stdout);
}
