/** Images that a build's flags bring in: resolved and written as digests, like those of its Dockerfile. */
import { isDigest } from "../../reference/digest.ts";
import { parseImageReference, withDefaultTag } from "../../reference/image-reference.ts";
import { reworded, TagsealError } from "../../errors.ts";
import { parseBoolean } from "../command-line/boolean.ts";
import type { EngineInvocation, EngineKind } from "../command-line/invocation.ts";
import type { Env } from "../trust-switch.ts";
import type { BaseImage, BaseImageSource } from "./base-images.ts";
import { readTrigger } from "./dockerfile/reading.ts";
import { buildArguments, buildContexts, readCsv, refused, withMember } from "./build-flags.ts";

/** The values of one flag, as the engine is to get them. */
export type FlagValues = readonly [name: string, values: readonly string[]];

/** What the flags are read with. */
export interface ImageFlagSettings {
  readonly kind: EngineKind;
  readonly env: Env;
  readonly images: BaseImageSource;
  /** told about caches, which nobody signs */
  readonly warn: (message: string) => void;
}

/**
 * Resolves the images in a build's flags.
 *
 * @returns the flags whose values change
 * @throws UsageError `DOCKERFILE_REFUSED` for what is not understood; TagsealError as resolving throws, with the flag named
 */
export async function trustImageFlags(
  invocation: EngineInvocation,
  settings: ImageFlagSettings,
): Promise<readonly FlagValues[]> {
  const readers = settings.kind === "docker" ? [...shared, ...dockers] : [...shared, ...podmans];
  const changed: FlagValues[] = [];
  for (const read of readers) changed.push(...(await read(invocation, settings)));
  return changed;
}

type FlagReader = (invocation: EngineInvocation, settings: ImageFlagSettings) => Promise<readonly FlagValues[]>;

async function resolved(text: string, flag: string, { images }: ImageFlagSettings): Promise<string> {
  return (await resolvedImage(text, flag, images)).name;
}

/** An image that a stage may begin with: its triggers run in this build. */
async function resolvedBase(text: string, flag: string, { images, kind }: ImageFlagSettings): Promise<string> {
  const image = await resolvedImage(text, flag, images);
  for (const trigger of await images.triggers(image)) {
    const uses = readTrigger(Buffer.from(trigger, "utf8").toString("latin1"), kind);
    if (uses.every(({ written }) => written.includes("@"))) continue;
    throw refused(`--${flag}: ${text} has an ONBUILD trigger that names an image without its digest`);
  }
  return image.name;
}

async function resolvedImage(text: string, flag: string, images: BaseImageSource): Promise<BaseImage> {
  try {
    return await images.resolve(withDefaultTag(parseImageReference(text)));
  } catch (error) {
    if (!(error instanceof TagsealError) || error.code === "CANCELLED") throw error;
    throw reworded(error, { message: `--${flag}: ${text}: ${error.message}` });
  }
}

const imageContext = /^(docker-image:\/\/|container-image:\/\/|docker:\/\/)(.*)$/s;

async function contexts(invocation: EngineInvocation, settings: ImageFlagSettings): Promise<readonly FlagValues[]> {
  const given = buildContexts(invocation);
  if (given.length === 0) return [];
  const values: string[] = [];
  for (const [name, value] of given) values.push(`${name}=${await contextValue(name, value, settings)}`);
  return [["build-context", values]];
}

async function contextValue(name: string, value: string, settings: ImageFlagSettings): Promise<string> {
  if (name.includes("::")) throw refused(`--build-context ${name} for one platform only is not understood`);
  // nothing at all, by docker's name for it
  if (settings.kind === "docker" && value === "docker-image://scratch") return value;
  const [, scheme, image] = imageContext.exec(value) ?? [];
  if (scheme !== undefined && image !== undefined) {
    return scheme + (await resolvedBase(image, "build-context", settings));
  }
  if (value.startsWith("oci-layout://")) {
    const digest = value.slice(value.lastIndexOf("@") + 1);
    if (isDigest(digest)) return value;
    throw refused(`--build-context ${name}=${value} names no digest`, "write @sha256:… behind the directory");
  }
  if (/^[a-z0-9+.-]+:\/\//i.test(value) && !/^(?:https?|git|ssh):\/\//i.test(value)) {
    throw refused(`--build-context ${name}=${value} is not understood`);
  }
  return value;
}

/** A cache from a registry can put any layer in the place of one that would have been built. */
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
      names.push(name === "" ? name : await resolved(name, "cache-from", settings));
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
  return withMember(value, "ref", await resolved(image, "cache-from", settings));
}

/** `--build-arg BUILDKIT_SYNTAX=…` names a front-end as `# syntax=` does. */
async function syntaxArgument(
  invocation: EngineInvocation,
  settings: ImageFlagSettings,
): Promise<readonly FlagValues[]> {
  const name = "BUILDKIT_SYNTAX";
  const text = buildArguments(invocation, settings.env).get(name)?.trim() ?? "";
  if (text === "") return [];
  const [image = ""] = text.split(" ", 1);
  const pinned = await resolved(image, `build-arg ${name}`, settings);
  const others = (invocation.flags.get("build-arg") ?? []).filter(
    (given) => given !== name && !given.startsWith(`${name}=`),
  );
  return [["build-arg", [...others, `${name}=${pinned}${text.slice(image.length)}`]]];
}

const defaultScanner = "docker/buildkit-syft-scanner:stable-1";

/** The scanner that lists a build's packages is an image, too, and sees everything. */
async function scanners(invocation: EngineInvocation, settings: ImageFlagSettings): Promise<readonly FlagValues[]> {
  const changed: FlagValues[] = [];
  for (const flag of ["attest", "sbom"]) {
    const given = invocation.flags.get(flag) ?? [];
    const values: string[] = [];
    for (const text of given) values.push(await scannerValue(flag, text, settings));
    if (given.length > 0) changed.push([flag, values]);
  }
  return changed;
}

async function scannerValue(flag: string, text: string, settings: ImageFlagSettings): Promise<string> {
  const value = readCsv(flag, text);
  const members = new Map(value.members);
  const isOff = parseBoolean(value.plain ?? "") === false || parseBoolean(members.get("disabled") ?? "") === true;
  const isSbom = flag === "sbom" || members.get("type") === "sbom" || value.plain === "sbom";
  if (!isSbom || isOff) return text;
  const pinned = await resolved(members.get("generator") ?? defaultScanner, flag, settings);
  if (value.plain === undefined) return withMember(value, "generator", pinned);
  return flag === "sbom" ? `generator=${pinned}` : `type=sbom,generator=${pinned}`;
}

/** podman: another base for the first stage. */
async function firstBase(invocation: EngineInvocation, settings: ImageFlagSettings): Promise<readonly FlagValues[]> {
  const image = invocation.flags.get("from")?.at(-1);
  return image === undefined || image === "scratch" ? [] : [["from", [await resolvedBase(image, "from", settings)]]];
}

const shared: readonly FlagReader[] = [contexts, caches];
const dockers: readonly FlagReader[] = [syntaxArgument, scanners];
const podmans: readonly FlagReader[] = [firstBase];
