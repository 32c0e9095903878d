/** Which rules read the names in a Dockerfile: docker's or podman's, of which version, for which platforms. */
import { frontEndVersion } from "./buildkit-version.ts";
import { syntaxUses } from "./dockerfile/directives.ts";
import { DockerNames, type Names, usesPlatform, usesVariables } from "./dockerfile/names-in-dockerfile.ts";
import { PodmanNames } from "./dockerfile/podman-names.ts";
import type { readDockerfile } from "./dockerfile/read-dockerfile.ts";
import { buildKitRules, classicRules } from "./dockerfile/shell-grammar.ts";
import type { DockerfileFacts } from "./dockerfile/dockerfile-facts.ts";
import type { DockerfileSettings } from "./dockerfile-settings.ts";

/** A Dockerfile in every way that its engine may read it. */
export type Readings = ReturnType<typeof readDockerfile>;

/** How to read the names in a file, before and after it is rewritten. */
export type Naming = (readings: Readings) => Names;

/** Chooses the naming of the engine that will build, and asks for its version and platforms only if a name depends on them. */
export async function namingOf(facts: DockerfileFacts, source: string, settings: DockerfileSettings): Promise<Naming> {
  const { engine, buildArguments, environmentNames, contexts } = settings;
  if (engine === "podman") {
    const needsPlatforms = source.includes("$") && /(?:TARGET|BUILD)(?:PLATFORM|OS|ARCH|VARIANT)/.test(source);
    const platforms = needsPlatforms ? await settings.podmanPlatforms() : [];
    return (readings) => new PodmanNames(readings, { buildArguments, environmentNames, contexts, platforms });
  }
  const isClassic = usesVariables(facts) && (await settings.isClassic());
  const hasPlatforms = usesPlatform(facts) && !isClassic;
  const platformVariables = hasPlatforms ? await settings.platformVariables() : [new Map<string, string>()];
  const known = { buildArguments, contexts, platformVariables };
  const any = { ...known, rules: isClassic ? classicRules : buildKitRules() };
  if (isClassic || !usesVariables(facts) || !new DockerNames(facts, any).dependsOnVersion())
    return ([reading]) => new DockerNames(reading, any);
  const versions = await versionsOf(source, settings);
  return ([reading]) => new DockerNames(reading, { ...known, rules: buildKitRules(versions) });
}

/** A named front-end reads the file, whatever the engine is. */
async function versionsOf(source: string, settings: DockerfileSettings): Promise<readonly number[] | undefined> {
  const argument = settings.buildArguments.get("BUILDKIT_SYNTAX") ?? "";
  const named = [...syntaxUses(source).map(({ image }) => image), ...(argument === "" ? [] : [argument])];
  if (named.length === 0) return await settings.buildKitVersions();
  const versions = named.map(frontEndVersion);
  return versions.every((version) => version !== undefined) ? versions : undefined;
}
