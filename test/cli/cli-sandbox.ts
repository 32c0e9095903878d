/** A sandbox in this process and command lines run against it, for journeys that need no separate process. */
import { cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
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
export type CallOptions = Partial<Pick<Io, "env" | "now" | "prompter" | "signal">>;

/** A running sandbox with a user; the clock of both sides can be set. */
export class CliSandbox implements AsyncDisposable {
  readonly sandbox: Sandbox;
  readonly directory: string;
  readonly #scope: Scope;

  private constructor(scope: Scope, sandbox: Sandbox) {
    this.#scope = scope;
    this.sandbox = sandbox;
    this.directory = scope.directory;
  }

  /** @param now the trust server's clock */
  static async start(name: string, now: () => Date = () => new Date()): Promise<CliSandbox> {
    const scope = new Scope(name);
    return new CliSandbox(scope, await startSandbox({ directory: scope.path("sandbox"), now }));
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

  /** A configuration directory that knows the sandbox's certificate authority and nothing else. */
  stranger(name: string): Record<string, string> {
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
    await this.sandbox.close();
    await this.#scope.close();
  }
}

/** Parses what a command printed with `--json`. */
export function json({ stdout }: Outcome): unknown {
  return JSON.parse(stdout);
}
