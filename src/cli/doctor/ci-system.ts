/**
 * Continuous-integration systems, as far as they differ in what a step passes to the next one: most start a new shell for each step, so an
 * `export` ends with it.
 */
import type { Environment } from "../../environment/environment.ts";

/** How a setting lasts for the following steps. */
export interface Lasting {
  /** puts a directory first in PATH; the directory may hold `$HOME`, and quotes for a shell are around it */
  readonly addPath: (directory: string) => string;
  readonly setVariable: (name: string, value: string) => string;
  /** it also takes effect in the shell itself */
  readonly isNow?: boolean;
}

/** A system, recognised by its files in a project and by the variables of its jobs. */
export interface CiSystem {
  /** where the lines of {@link Lasting} belong, before the name of the file */
  readonly place: string;
  readonly files: readonly RegExp[];
  readonly isHere: (env: Environment) => boolean;
  readonly lasting: Lasting;
}

/** One shell, to its end. */
const shell: Lasting = {
  addPath: (directory) => `export PATH="${directory}:$PATH"`,
  setVariable: (name, value) => `export ${name}=${value}`,
  isNow: true,
};

const systems: readonly CiSystem[] = [
  {
    place: "put before the first step that needs it in",
    files: [/(?:^|\/)\.(?:github|gitea|forgejo)\/workflows\/[^/]+\.ya?ml$/u],
    isHere: (env) => env["GITHUB_PATH"] !== undefined,
    lasting: {
      addPath: (directory) => `echo "${directory}" >> "$GITHUB_PATH"`,
      setVariable: (name, value) => `echo ${name}=${value} >> "$GITHUB_ENV"`,
    },
  },
  {
    place: "put before the first step that needs it in",
    files: [/(?:^|\/)\.circleci\/config\.ya?ml$/u],
    isHere: (env) => env["CIRCLECI"] !== undefined && env["BASH_ENV"] !== undefined,
    lasting: {
      addPath: (directory) => `echo 'export PATH="${directory}:$PATH"' >> "$BASH_ENV"`,
      setVariable: (name, value) => `echo 'export ${name}=${value}' >> "$BASH_ENV"`,
    },
  },
  {
    place: "put before the first step that needs it in",
    files: [/(?:^|\/)azure-pipelines[^/]*\.ya?ml$/u],
    isHere: (env) => env["TF_BUILD"] !== undefined,
    lasting: {
      addPath: (directory) => `echo "##vso[task.prependpath]${directory}"`,
      setVariable: (name, value) => `echo "##vso[task.setvariable variable=${name}]${value}"`,
    },
  },
  {
    place: "put before the first step that needs it in",
    files: [/(?:^|\/)\.cirrus\.ya?ml$/u],
    isHere: (env) => env["CIRRUS_ENV"] !== undefined,
    lasting: {
      addPath: (directory) => `echo "PATH=${directory}:$PATH" >> "$CIRRUS_ENV"`,
      setVariable: (name, value) => `echo ${name}=${value} >> "$CIRRUS_ENV"`,
    },
  },
  {
    place: "put first in the script of each job that needs it in",
    files: [
      /(?:^|\/)\.gitlab-ci(?:\.[^/]+)?\.ya?ml$/u,
      /(?:^|\/)\.gitlab\/ci\/.+\.ya?ml$/u,
      /(?:^|\/)bitbucket-pipelines\.ya?ml$/u,
      /(?:^|\/)\.(?:travis|drone|woodpecker|appveyor)\.ya?ml$/u,
      /(?:^|\/)\.woodpecker\/[^/]+\.ya?ml$/u,
      /(?:^|\/)\.buildkite\/[^/]+\.ya?ml$/u,
      /(?:^|\/)(?:buildspec|cloudbuild)\.ya?ml$/u,
      /(?:^|\/)\.ci\/[^/]+$/u,
    ],
    isHere: (env) => env["CI"] !== undefined,
    lasting: shell,
  },
  {
    // each `sh` is a separate process
    place: "put first in each sh step that needs it in",
    files: [/(?:^|\/)Jenkinsfile[^/]*$/u],
    isHere: (env) => env["JENKINS_URL"] !== undefined,
    lasting: shell,
  },
  {
    // so is each line of a recipe
    place: "run in the shell that starts",
    files: [/(?:^|\/)(?:GNUmakefile|[Mm]akefile|Justfile|Taskfile\.ya?ml)$/u],
    isHere: () => false,
    lasting: shell,
  },
];

/** The system whose pipeline a file describes, by its path in the project; undefined for every other file. */
export function ciSystemOf(path: string): CiSystem | undefined {
  return systems.find(({ files }) => files.some((pattern) => pattern.test(path)));
}

/** The system in whose job this process was started. */
export function ciSystemHere(env: Environment): CiSystem | undefined {
  return systems.find(({ isHere }) => isHere(env));
}

/** How a setting lasts in the system of this process. */
export function lastingHere(env: Environment): Lasting {
  return ciSystemHere(env)?.lasting ?? shell;
}

/** The command that puts a shim in front of docker, for the steps that follow. */
export function installShim({ addPath }: Lasting): string {
  return `tagseal install --shim ~/bin && ${addPath("$HOME/bin")}`;
}
