/** Images that the flags of docker's builders name beside the build's own: caches, front-ends, and the scanner that lists packages. */
import { parseBoolean } from "../command-line/boolean.ts";
import type { EngineInvocation } from "../command-line/invocation.ts";
import { buildArguments, readCsv, refused, withMember } from "./build-flags.ts";
import { type FlagReader, type FlagValues, type ImageFlagSettings, pinnedImage } from "./image-in-flag.ts";

/** A cache from a registry can replace any layer that would have been built. */
async function caches(invocation: EngineInvocation, settings: ImageFlagSettings): Promise<readonly FlagValues[]> {
  const given = invocation.flags.get("cache-from") ?? [];
  if (given.length === 0) return [];
  const values: string[] = [];
  for (const text of given) values.push(await cacheValue(text, settings));
  return [["cache-from", values]];
}

async function cacheValue(text: string, settings: ImageFlagSettings): Promise<string> {
  const value = readCsv("cache-from", text);
  if (value.plain !== undefined) {
    const names: string[] = [];
    for (const name of value.plain.split(","))
      names.push(name === "" ? name : await pinnedImage(name, "cache-from", settings));
    return names.join(",");
  }
  const members = new Map(value.members);
  const type = members.get("type");
  if (type !== "registry" && type !== undefined) {
    settings.warn(`--cache-from type=${type} is not covered by content trust: what it holds is used as it is`);
    return text;
  }
  const image = members.get("ref");
  if (image === undefined) throw refused(`--cache-from ${text} is not understood`);
  return withMember(value, "ref", await pinnedImage(image, "cache-from", settings));
}

/** `--build-arg BUILDKIT_SYNTAX=…` names a front-end as `# syntax=` does. */
async function syntaxArgument(
  invocation: EngineInvocation,
  settings: ImageFlagSettings,
): Promise<readonly FlagValues[]> {
  const name = "BUILDKIT_SYNTAX";
  const text = buildArguments(invocation, settings.kind, settings.env).get(name)?.trim() ?? "";
  if (text === "") return [];
  const [image = ""] = text.split(" ", 1);
  const pinned = await pinnedImage(image, `build-arg ${name}`, settings);
  const others = (invocation.flags.get("build-arg") ?? []).filter(
    (given) => given !== name && !given.startsWith(`${name}=`),
  );
  return [["build-arg", [...others, `${name}=${pinned}${text.slice(image.length)}`]]];
}

const defaultScanner = "docker/buildkit-syft-scanner:stable-1";

/** The scanner that lists a build's packages is also an image, and sees everything. */
async function scanners(invocation: EngineInvocation, settings: ImageFlagSettings): Promise<readonly FlagValues[]> {
  const changed: FlagValues[] = [];
  for (const flag of ["attest", "provenance", "sbom"] as const) {
    const given = invocation.flags.get(flag) ?? [];
    const values: string[] = [];
    for (const text of given) values.push(await scannerValue(flag, text, settings));
    if (given.length > 0) changed.push([flag, values]);
  }
  return changed;
}

type AttestationFlag = "attest" | "provenance" | "sbom";

/**
 * Whether a value of one of these flags makes BuildKit start the scanner. buildx takes `--provenance VALUE` for `--attest type=provenance,VALUE`, and
 * the last type counts.
 *
 * @throws UsageError `DOCKERFILE_REFUSED` for quotes in it
 */
export function startsScanner(flag: AttestationFlag, text: string): boolean {
  const { members: given, plain } = readCsv(flag, text);
  const members = new Map(given);
  const isOff = parseBoolean(plain ?? "") === false || parseBoolean(members.get("disabled") ?? "") === true;
  return !isOff && (flag === "sbom" || members.get("type") === "sbom" || plain === "sbom");
}

async function scannerValue(flag: AttestationFlag, text: string, settings: ImageFlagSettings): Promise<string> {
  if (!startsScanner(flag, text)) return text;
  const value = readCsv(flag, text);
  const generator = new Map(value.members).get("generator") ?? defaultScanner;
  const pinned = await pinnedImage(generator, flag, settings);
  if (value.plain === undefined) return withMember(value, "generator", pinned);
  return flag === "sbom" ? `generator=${pinned}` : `type=sbom,generator=${pinned}`;
}

const readers: readonly FlagReader[] = [caches, syntaxArgument, scanners];

/**
 * Resolves the images in these flags.
 *
 * @returns the flags whose values change
 * @throws UsageError `DOCKERFILE_REFUSED` for what is not understood; TagsealError of resolving, with the name of the flag
 */
export async function buildKitImageFlags(
  invocation: EngineInvocation,
  settings: ImageFlagSettings,
): Promise<readonly FlagValues[]> {
  const changed: FlagValues[] = [];
  for (const read of readers) changed.push(...(await read(invocation, settings)));
  return changed;
}
