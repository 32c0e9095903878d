/** Several publishers of one repository at once, each a process per tag, as separate build machines are. */
import { cpSync } from "node:fs";
import { tagsealCommand } from "./clients.ts";
import { run, runOk, type Environment, type Scope } from "./processes.ts";
import type { Sandbox } from "./sandbox.ts";

/** How many publishers, how many tags each, and whether they share one `$DOCKER_CONFIG` or have copies of it. */
export interface RaceOptions {
  readonly publishers: number;
  readonly tagsEach: number;
  readonly directories: "shared" | "own";
}

/** What became of the race. */
export interface RaceResult {
  /** tags whose publisher was told "signed" */
  readonly acknowledged: readonly string[];
  /** output of the publishers that were told otherwise */
  readonly failures: readonly string[];
  /** tags that are signed afterwards, as a newcomer sees them, with their digests */
  readonly signed: ReadonlyMap<string, string>;
  readonly digest: string;
}

/** Pushes the sandbox's sample image, which initialises the repository and makes the keys. @returns its digest */
async function firstPush(sandbox: Sandbox, layout: string, repository: string): Promise<string> {
  await runOk(tagsealCommand, ["push", "--from", `oci:${layout}`, `${repository}:first`], { env: sandbox.env });
  const { stdout } = await runOk(tagsealCommand, ["verify", "--json", `${repository}:first`], { env: sandbox.env });
  return (JSON.parse(stdout) as { digest: string }).digest;
}

function environments(scope: Scope, sandbox: Sandbox, repository: string, options: RaceOptions): Environment[] {
  return Array.from({ length: options.publishers }, (_, index) => {
    if (options.directories === "shared") return sandbox.env;
    const own = scope.path(`${repository.replaceAll(/\W/gu, "-")}-${index}`);
    cpSync(sandbox.env["DOCKER_CONFIG"] ?? "", own, { recursive: true });
    return { ...sandbox.env, DOCKER_CONFIG: own };
  });
}

/** Signs `publishers × tagsEach` tags of `name` for the image in `layout`, all publishers at the same time. */
export async function racePublishers(
  scope: Scope,
  sandbox: Sandbox,
  layout: string,
  name: string,
  options: RaceOptions,
): Promise<RaceResult> {
  const repository = `${sandbox.env["REGISTRY"]}/${name}`;
  const digest = await firstPush(sandbox, layout, repository);
  const acknowledged: string[] = [];
  const failures: string[] = [];
  const publish = async (env: Environment, publisher: number): Promise<void> => {
    for (let index = 0; index < options.tagsEach; index += 1) {
      const tag = `p${publisher}-${index}`;
      const { code, stdout, stderr } = await run(tagsealCommand, ["sign", `${repository}:${tag}@${digest}`], { env });
      if (code === 0) acknowledged.push(tag);
      else failures.push(`${tag}: ${stdout}${stderr}`);
    }
  };
  await Promise.all(environments(scope, sandbox, repository, options).map(publish));
  const { stdout } = await runOk(tagsealCommand, ["list", "--json", repository], { env: sandbox.env });
  const listed = JSON.parse(stdout) as readonly { readonly tag: string; readonly digest: string }[];
  return { acknowledged, failures, signed: new Map(listed.map((tag) => [tag.tag, tag.digest])), digest };
}
