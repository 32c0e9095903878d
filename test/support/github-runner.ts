/**
 * Runs jobs of workflows, and the composite actions that they use, as GitHub's runner does: one shell for each step, with the files in which a
 * step hands variables, directories of PATH and outputs on to the next.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseYaml } from "./deploy-tools.ts";
import { type Contexts, GithubFiles } from "./github-files.ts";
import { type Environment, findExecutable, run, type Scope } from "./processes.ts";

/** One step of a job or of a composite action. */
export interface Step {
  readonly id?: string;
  readonly if?: string;
  readonly run?: string;
  readonly shell?: string;
  readonly uses?: string;
  readonly with?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, unknown>>;
}

interface Action {
  readonly inputs: Readonly<Record<string, { readonly default?: string }>>;
  readonly outputs: Readonly<Record<string, { readonly value: string }>>;
  readonly runs: { readonly steps: readonly Step[] };
}

/** The machine that jobs run on. */
export interface RunnerOptions {
  /** home, engine and everything else that is there before a job starts */
  readonly env: Environment;
  /** directories of actions, by what follows `uses:`; an undefined one does nothing, as a checkout does here */
  readonly actions: Readonly<Record<string, string | undefined>>;
  /** `secrets`, `vars`, `github` and what else expressions may name */
  readonly contexts?: Contexts;
}

/** What came of the steps of a job. */
export interface JobResult {
  readonly success: boolean;
  /** everything that was printed */
  readonly log: string;
  /** what later steps find: variables and the first directories of PATH */
  readonly env: Readonly<Record<string, string>>;
  readonly paths: readonly string[];
  readonly outputs: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

type Outputs = Record<string, { outputs: Record<string, string> }>;

/** What came of one step. */
interface StepResult {
  readonly success: boolean;
  readonly outputs: Record<string, string>;
}

class Job {
  readonly #options: RunnerOptions;
  readonly #files: GithubFiles;
  readonly #directory: string;
  readonly env: Record<string, string> = {};
  readonly paths: string[] = [];
  log = "";
  #count = 0;

  constructor(scope: Scope, options: RunnerOptions, files: GithubFiles) {
    this.#options = options;
    this.#files = files;
    this.#directory = scope.path(`job-${process.hrtime.bigint()}`);
    for (const name of ["temp", "work"]) mkdirSync(join(this.#directory, name), { recursive: true });
  }

  /** False once a step failed; those behind it do not run. */
  async steps(steps: readonly Step[], contexts: Contexts, env: Environment, outputs: Outputs): Promise<boolean> {
    const runner = { temp: join(this.#directory, "temp"), os: "Linux" };
    for (const step of steps) {
      const known = { ...contexts, env: { ...env, ...this.env }, steps: outputs, runner };
      if (step.if !== undefined && this.#files.evaluate(step.if, known) !== "true") continue;
      const result = await this.#step(step, known, { ...env, ...this.#files.interpolateAll(step.env, known) });
      if (step.id !== undefined) outputs[step.id] = { outputs: result.outputs };
      if (!result.success) return false;
    }
    return true;
  }

  async #step(step: Step, contexts: Contexts, env: Environment): Promise<StepResult> {
    if (step.run !== undefined) return await this.#shell(this.#files.interpolate(step.run, contexts), step.shell, env);
    const name = step.uses ?? "";
    if (!Object.hasOwn(this.#options.actions, name)) throw new Error(`no action ${name}`);
    const directory = this.#options.actions[name];
    if (directory === undefined) return { success: true, outputs: {} };
    return await this.#action(directory, this.#files.interpolateAll(step.with, contexts), env);
  }

  /** A required input that is missing is no error, as on GitHub. */
  async #action(directory: string, given: Readonly<Record<string, string>>, env: Environment): Promise<StepResult> {
    const { inputs, outputs, runs } = parseYaml(readFileSync(join(directory, "action.yml"), "utf8")) as Action;
    const unknown = Object.keys(given).find((name) => !Object.hasOwn(inputs, name));
    if (unknown !== undefined) throw new Error(`${directory}/action.yml has no input ${unknown}`);
    const defaults = Object.entries(inputs).map(([name, input]) => [name, input.default ?? ""] as const);
    const inner = { inputs: { ...Object.fromEntries(defaults), ...given }, github: {} };
    const steps: Outputs = {};
    const success = await this.steps(runs.steps, inner, { ...env, GITHUB_ACTION_PATH: directory }, steps);
    const values = Object.fromEntries(Object.entries(outputs).map(([name, { value }]) => [name, value]));
    return { success, outputs: this.#files.interpolateAll(values, { ...inner, steps }) };
  }

  async #shell(text: string, shell: string | undefined, env: Environment): Promise<StepResult> {
    const file = (name: string): string => join(this.#directory, `${name}-${this.#count}`);
    this.#count += 1;
    writeFileSync(file("script"), text);
    const handed = { GITHUB_ENV: file("env"), GITHUB_PATH: file("path"), GITHUB_OUTPUT: file("output") };
    for (const path of Object.values(handed)) writeFileSync(path, "");
    // Without `shell:` a failure inside a pipeline goes unnoticed; composite actions must name one.
    const options = shell === "bash" ? ["--noprofile", "--norc", "-eo", "pipefail"] : ["-e"];
    const PATH = [...this.paths, process.env["PATH"]].join(":");
    const fixed = { CI: "true", GITHUB_ACTIONS: "true", RUNNER_TEMP: join(this.#directory, "temp"), PATH };
    const finished = await run(findExecutable("bash") ?? "bash", [...options, file("script")], {
      cwd: join(this.#directory, "work"),
      env: { ...this.#options.env, ...this.env, ...env, ...handed, ...fixed },
    });
    this.log += finished.stdout + finished.stderr;
    Object.assign(this.env, assignments(handed.GITHUB_ENV));
    const added = readFileSync(handed.GITHUB_PATH, "utf8").split("\n").filter(Boolean);
    this.paths.unshift(...added.toReversed());
    return { success: finished.code === 0, outputs: assignments(handed.GITHUB_OUTPUT) };
  }
}

/** `NAME=value`, and `NAME<<DELIMITER`, the lines of the value, and the delimiter. */
function assignments(file: string): Record<string, string> {
  const found: Record<string, string> = {};
  const lines = readFileSync(file, "utf8").split("\n");
  while (lines.length > 0) {
    const line = lines.shift() ?? "";
    const [, name = "", operator = "", rest = ""] = /^([\w-]+)(=|<<)(.*)$/u.exec(line) ?? [];
    if (operator === "=") found[name] = rest;
    else if (operator === "<<")
      found[name] = lines
        .splice(0, lines.indexOf(rest) + 1)
        .slice(0, -1)
        .join("\n");
    else if (line !== "") throw new Error(`${file} has a line that GitHub refuses: ${line}`);
  }
  return found;
}

/** Runs the only job of a workflow. */
export async function runWorkflow(scope: Scope, text: string, options: RunnerOptions): Promise<JobResult> {
  const { jobs } = parseYaml(text) as {
    jobs: Record<string, { steps: readonly Step[]; env?: Record<string, string> }>;
  };
  const [found, ...others] = Object.values(jobs);
  if (found === undefined || others.length > 0) throw new Error("a workflow with one job was expected");
  return await runSteps(scope, found.steps, options, found.env);
}

/** Runs steps as those of a job. */
export async function runSteps(
  scope: Scope,
  steps: readonly Step[],
  options: RunnerOptions,
  env: Readonly<Record<string, unknown>> = {},
): Promise<JobResult> {
  const files = await GithubFiles.load();
  const job = new Job(scope, options, files);
  const contexts = { secrets: {}, vars: {}, github: {}, ...options.contexts };
  const outputs: Outputs = {};
  const success = await job.steps(steps, contexts, files.interpolateAll(env, contexts), outputs);
  const results = Object.entries(outputs).map(([id, found]) => [id, found.outputs] as const);
  return { success, log: job.log, env: job.env, paths: job.paths, outputs: Object.fromEntries(results) };
}
