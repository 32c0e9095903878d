/** How a demonstration on a sandbox is told: each step is shown, and counts only if what must happen really happened. */
import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { type DemoImage, writeDemoImage } from "./demo-image.ts";
import type { Sandbox } from "./sandbox.ts";

/** What a command did. */
export interface CommandOutcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a line of the story is, so that a terminal may dress it. */
export type LineKind = "title" | "heading" | "text" | "command" | "output" | "good" | "bad";

/** The stage the story plays on. */
export interface DemoStage {
  readonly sandbox: Sandbox;
  /** for images, backups and the other machine's configuration */
  readonly directory: string;
  /** runs a Tagseal command line with the sandbox's environment; `env` is added */
  run(argv: readonly string[], env?: Readonly<Record<string, string>>): Promise<CommandOutcome>;
  say(kind: LineKind, line: string): void;
  /** moves the clock all commands see */
  setClientClock(offsetMs: number): void;
  /** stops the trust server's clock where it is, or lets it run again at this offset */
  setServerClock(clock: "stopped" | { readonly offsetMs: number }): void;
}

/** What must happen for a step to count. */
export interface Expectation {
  readonly exitCode: number;
  /** the error code a refusal must carry */
  readonly code?: string;
  /** text that must stand on standard output */
  readonly stdout?: string;
}

/** Tells a story on a stage, and counts what happened. */
export class Narrator {
  readonly stage: DemoStage;
  readonly #results: { readonly what: string; readonly ok: boolean }[] = [];

  constructor(stage: DemoStage) {
    this.stage = stage;
  }

  heading(text: string): void {
    this.stage.say("heading", text);
  }

  say(kind: LineKind, line: string): void {
    this.stage.say(kind, line);
  }

  /** A file of the story. */
  path(name: string): string {
    return join(this.stage.directory, name);
  }

  /** Writes an image for the story. */
  async image(version: string, message: string): Promise<DemoImage> {
    return await writeDemoImage(this.path(`image-${version}`), { version, message });
  }

  /** Keeps the trust server's files in `keepIn`, and gives it those of `from`, if any. */
  async replaceServerFiles(keepIn: string, from?: string): Promise<void> {
    const { sandbox } = this.stage;
    await sandbox.stopTrustServer();
    await cp(sandbox.serverDirectory, keepIn, { recursive: true });
    if (from !== undefined) {
      await rm(sandbox.serverDirectory, { recursive: true });
      await cp(from, sandbox.serverDirectory, { recursive: true });
    }
    await sandbox.startTrustServer();
  }

  /** A step the story needs; when it fails the rest cannot be told truthfully, and is counted against it. */
  async must(argv: readonly string[]): Promise<void> {
    const outcome = await this.#show(argv);
    if (outcome.exitCode !== 0) this.#results.push({ what: `tagseal ${argv[0] ?? ""} worked`, ok: false });
  }

  /** A command that must end as told. */
  async expect(
    what: string,
    argv: readonly string[],
    expected: Expectation,
    env?: Readonly<Record<string, string>>,
  ): Promise<void> {
    const outcome = await this.#show(argv, env);
    this.count(
      what,
      meets(outcome, expected),
      `exit status ${expected.exitCode} and ${expected.code ?? expected.stdout}`,
    );
  }

  /** Counts a step. @param wanted what must have happened, for when it did not */
  count(what: string, ok: boolean, wanted: string): void {
    this.#results.push({ what, ok });
    this.say(ok ? "good" : "bad", ok ? what : `${what}: this did NOT happen; expected ${wanted}`);
  }

  /** The end of the story. @returns true when everything happened as told */
  summary(sentence: string): boolean {
    const failed = this.#results.filter(({ ok }) => !ok);
    this.heading("Summary");
    for (const { what, ok } of this.#results) this.say(ok ? "good" : "bad", what);
    const all = failed.length === 0;
    this.say(
      all ? "title" : "bad",
      all ? sentence : `${failed.length} of ${this.#results.length} did not happen as they must.`,
    );
    return all;
  }

  async #show(argv: readonly string[], env?: Readonly<Record<string, string>>): Promise<CommandOutcome> {
    this.say("command", `tagseal ${argv.join(" ")}`);
    const outcome = await this.stage.run(argv, env);
    for (const line of `${outcome.stdout}${outcome.stderr}`.trimEnd().split("\n")) {
      if (line !== "") this.say("output", line);
    }
    if (outcome.exitCode !== 0) this.say("output", `(exit status ${outcome.exitCode})`);
    return outcome;
  }
}

function meets({ exitCode, stdout, stderr }: CommandOutcome, expected: Expectation): boolean {
  return (
    exitCode === expected.exitCode &&
    (expected.code === undefined || stderr.includes(`[${expected.code}]`)) &&
    (expected.stdout === undefined || stdout.includes(expected.stdout))
  );
}
