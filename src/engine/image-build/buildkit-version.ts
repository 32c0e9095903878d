/** The version of BuildKit that reads a Dockerfile, as far as it can be determined. Versions are given as the number after their `0.`. */
import { type EngineInvocation, flagValue } from "../command-line/invocation.ts";
import type { Engine } from "../engine.ts";

/** Later than every known difference. */
const current = 17;

/** The BuildKits that came with docker's engines, by the first number of their version. */
const ofEngines: ReadonlyMap<number, readonly number[]> = new Map([
  [18, [3]],
  [19, [6]],
  [20, [8]],
  [22, [10]],
  [23, [10]],
  [24, [11]],
  [25, [12]],
  [26, [13]],
  [27, [14, 15, current]],
]);

/**
 * The versions that may build: those of the builder that buildx has chosen, or the engine's where docker builds without buildx.
 *
 * @returns undefined when neither reports it
 */
export async function buildKitVersions(
  engine: Pick<Engine, "run">,
  invocation: EngineInvocation,
): Promise<readonly number[] | undefined> {
  const { commandPath } = invocation;
  const ask = async (...args: readonly string[]): Promise<string> => {
    const { exitCode, stdout } = await engine.run(args, { stdin: "ignore", capture: true });
    return exitCode === 0 ? stdout : "";
  };
  const isBuildx = commandPath[0] === "buildx" || (await ask(...commandPath, "--help")).includes("buildx build");
  const builder = flagValue(invocation, "builder");
  const versions = isBuildx
    ? ofBuilder(await ask("buildx", "inspect", ...(builder === undefined ? [] : [builder])))
    : ofEngine(await ask("version", "--format", "{{.Server.Version}}"));
  return versions.length === 0 ? undefined : versions;
}

/** One for each node; empty when a node does not report its version. */
function ofBuilder(description: string): readonly number[] {
  const lines = description.matchAll(/^\s*BuildKit(?: version)?:\s*(.*)$/gim);
  const minors = [...lines].map(([, version = ""]) => Number(/^v?0\.(\d+)\./.exec(version)?.[1] ?? 0));
  return minors.includes(0) ? [] : minors;
}

function ofEngine(version: string): readonly number[] {
  const major = Number(/^v?(\d+)\./.exec(version.trim())?.[1] ?? Number.NaN);
  if (Number.isNaN(major)) return [];
  return ofEngines.get(major) ?? (major > 27 ? [current] : []);
}

/** The version of a front-end that is named by its image: `docker/dockerfile:1` is the current one. undefined: not known. */
export function frontEndVersion(image: string): number | undefined {
  const named = /^(?:docker\.io\/)?docker\/dockerfile(?::([\w.-]+))?$/.exec(image);
  if (named === null) return undefined;
  const [, tag = "latest"] = named;
  const [, minor] = /^1\.(\d+)(?:\.\d+)?(?:-labs)?$/.exec(tag) ?? [];
  if (minor !== undefined) return Number(minor) + 6;
  return ["1", "latest", "1-labs", "labs"].includes(tag) ? current : undefined;
}
