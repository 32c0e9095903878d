/**
 * Runs a job of a GitLab pipeline as GitLab's runner does: `extends` and variables merged, `before_script` and `script` in one shell,
 * `after_script` in another.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { deployPackages, parseYaml } from "./deploy-tools.ts";
import { type Environment, type Finished, run, runOk, type Scope } from "./processes.ts";

interface Job {
  readonly extends?: string;
  readonly variables?: Readonly<Record<string, string>>;
  readonly before_script?: readonly string[];
  readonly script?: readonly string[];
  readonly after_script?: readonly string[];
}

/** A pipeline: its files, those it includes first. */
export type Pipeline = Readonly<Record<string, Job>>;

/** Reads the files of a pipeline; jobs of later files replace those of the same name. */
export function pipelineOf(...texts: readonly string[]): Pipeline {
  return Object.assign({}, ...texts.map((text) => parseYaml(text) as Pipeline)) as Pipeline;
}

/** What a job needs to run. */
export interface GitlabRun {
  /** the shell of the job's image, with the words that start it */
  readonly shell: readonly [string, ...string[]];
  /** variables of the project, of jobs that came before, and of the machine */
  readonly env: Environment;
}

/**
 * Runs all jobs of a pipeline with gitlab-ci-local, which checks the files against GitLab's schema and has no GitLab behind it.
 *
 * @param files by their paths in the project
 */
export async function runGitlabPipeline(
  scope: Scope,
  files: Readonly<Record<string, string>>,
  env: Environment,
  variables: Environment,
): Promise<Finished> {
  const project = scope.path(`gitlab-project-${process.hrtime.bigint()}`);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(project, path)), { recursive: true });
    writeFileSync(join(project, path), text);
  }
  const git = async (...args: readonly string[]): Promise<Finished> => await runOk("git", args, { cwd: project, env });
  await git("init", "--quiet");
  await git("remote", "add", "origin", "https://gitlab.example.com/group/project.git");
  await git("add", "--all");
  const words = Object.entries(variables).flatMap(([name, value]) => ["--variable", `${name}=${value}`]);
  const program = join(deployPackages, "gitlab-ci-local/dist/index.js");
  const options = ["--shell-executor-no-image", "--force-shell-executor", ...words];
  return await run(process.execPath, [program, ...options], { cwd: project, env });
}

let jobs = 0;

/** Runs a job to its end. `dotenv` has the variables that it reports to jobs that need it. */
export async function runGitlabJob(
  scope: Scope,
  pipeline: Pipeline,
  name: string,
  { shell: [shell, ...options], env }: GitlabRun,
): Promise<Finished & { readonly dotenv: Readonly<Record<string, string>> }> {
  const { variables, before_script: before = [], script = [], after_script: after = [] } = merged(pipeline, name);
  const directory = scope.path(`gitlab-${process.hrtime.bigint()}`);
  mkdirSync(directory);
  writeFileSync(`${directory}/script`, [...before, ...script].join("\n"));
  writeFileSync(`${directory}/after`, after.join("\n"));
  const all = { ...env, ...expanded(variables ?? {}, env), CI: "true", GITLAB_CI: "true", CI_JOB_ID: `${(jobs += 1)}` };
  const finished = await run(shell, [...options, "-e", `${directory}/script`], { cwd: directory, env: all });
  await run(shell, [...options, "-e", `${directory}/after`], { cwd: directory, env: all });
  const report = `${directory}/tagseal.env`;
  const lines = existsSync(report) ? readFileSync(report, "utf8").trimEnd().split("\n") : [];
  return {
    ...finished,
    dotenv: Object.fromEntries(lines.map((line) => /^(\w+)=(.*)$/u.exec(line)?.slice(1) ?? [line, ""])) as Record<
      string,
      string
    >,
  };
}

/** Variables are merged one by one; everything else of a job replaces what it extends. */
function merged(pipeline: Pipeline, name: string): Job {
  const job = pipeline[name];
  if (job === undefined) throw new Error(`no job ${name}`);
  const base = job.extends === undefined ? {} : merged(pipeline, job.extends);
  return { ...base, ...job, variables: { ...base.variables, ...job.variables } };
}

/** `$NAME` in a variable of a job is that of the project. */
function expanded(variables: Readonly<Record<string, string>>, env: Environment): Record<string, string> {
  const expand = (value: string): string => value.replaceAll(/\$(\w+)/gu, (_whole, name: string) => env[name] ?? "");
  return Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, expand(value)]));
}
