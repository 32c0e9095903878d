/** Images in a build's flags: resolved and written as digests, like those of its Dockerfile. */
import { isDigest } from "../../reference/digest.ts";
import { parseImageReference, withDefaultTag } from "../../reference/image-reference.ts";
import { reworded, TagsealError } from "../../errors.ts";
import { parseBoolean } from "../command-line/boolean.ts";
import { type EngineInvocation, type EngineKind, flagValue } from "../command-line/invocation.ts";
import type { Environment } from "../../environment/environment.ts";
import type { BaseImage, BaseImageSource, BuildContexts, BuildContextSource } from "./base-image.ts";
import { contextName } from "./dockerfile/names-in-dockerfile.ts";
import { buildArguments, buildContexts, readCsv, refused, withMember } from "./build-flags.ts";

/** The values of one flag for the engine. */
export type FlagValues = readonly [name: string, values: readonly string[]];

/** The context in which flags are read. */
export interface ImageFlagSettings {
  readonly kind: EngineKind;
  readonly env: Environment;
  readonly images: BaseImageSource;
  /** warns about caches, which are never signed */
  readonly warn: (message: string) => void;
}

/** The images in the flags of a build, all resolved. */
export interface TrustedFlags {
  /** the flags whose values change */
  readonly changed: readonly FlagValues[];
  readonly contexts: BuildContexts;
  /** podman's `--from` */
  readonly firstBase: BaseImage | "scratch" | undefined;
}

/**
 * Resolves the images in a build's flags. Their triggers are checked where the Dockerfile names them.
 *
 * @throws UsageError `DOCKERFILE_REFUSED` for what is not understood; TagsealError of resolving, with the name of the flag
 */
export async function trustImageFlags(
  invocation: EngineInvocation,
  settings: ImageFlagSettings,
): Promise<TrustedFlags> {
  const { kind } = settings;
  const contexts = await trustedContexts(invocation, settings);
  const firstBase = kind === "podman" ? await firstBaseOf(invocation, settings) : undefined;
  const changed = [...contexts.changed, ...(firstBase === undefined ? [] : [["from", [nameOf(firstBase)]] as const])];
  for (const read of kind === "docker" ? dockersReaders : []) changed.push(...(await read(invocation, settings)));
  return { changed, contexts: contexts.sources, firstBase };
}

function nameOf(base: BaseImage | "scratch"): string {
  return base === "scratch" ? base : base.name;
}

type FlagReader = (invocation: EngineInvocation, settings: ImageFlagSettings) => Promise<readonly FlagValues[]>;

async function resolved(text: string, flag: string, { images }: ImageFlagSettings): Promise<string> {
  return (await resolvedImage(text, flag, images)).name;
}

async function resolvedImage(text: string, flag: string, images: BaseImageSource): Promise<BaseImage> {
  try {
    return await images.resolve(withDefaultTag(parseImageReference(text)));
  } catch (error) {
    if (!(error instanceof TagsealError) || error.code === "CANCELLED") throw error;
    throw reworded(error, { message: `--${flag}: ${text}: ${error.message}` });
  }
}

/** Prefixes that make the value of a build context an image; docker knows only the first. */
const imageSchemes: Readonly<Record<EngineKind, readonly string[]>> = {
  docker: ["docker-image://"],
  podman: ["docker-image://", "container-image://", "docker://"],
};

interface TrustedContexts {
  readonly changed: readonly FlagValues[];
  readonly sources: BuildContexts;
}

async function trustedContexts(invocation: EngineInvocation, settings: ImageFlagSettings): Promise<TrustedContexts> {
  const given = buildContexts(invocation);
  const sources = new Map<string, BuildContextSource>();
  const values: string[] = [];
  for (const [name, value] of given) {
    if (name.includes("::")) throw refused(`--build-context ${name} for one platform only is not understood`);
    const { text, source } = await trustedContext(name, value, settings);
    values.push(`${name}=${text}`);
    sources.set(settings.kind === "podman" ? name : contextName(name), source);
  }
  return { changed: given.length === 0 ? [] : [["build-context", values]], sources };
}

interface TrustedContext {
  readonly text: string;
  readonly source: BuildContextSource;
}

async function trustedContext(name: string, value: string, settings: ImageFlagSettings): Promise<TrustedContext> {
  const scheme = imageSchemes[settings.kind].find((prefix) => value.startsWith(prefix));
  if (scheme === undefined) {
    if (settings.kind === "docker") refuseUnknownContext(name, value);
    return { text: value, source: { kind: "files" } };
  }
  const written = value.slice(scheme.length);
  if (written === "scratch") return { text: value, source: { kind: "image", image: undefined } };
  const image = await resolvedImage(written, "build-context", settings.images);
  return { text: scheme + image.name, source: { kind: "image", image } };
}

/** podman takes everything else for a file or a URL. */
function refuseUnknownContext(name: string, value: string): void {
  if (value.startsWith("oci-layout://")) {
    if (isDigest(value.slice(value.lastIndexOf("@") + 1))) return;
    throw refused(`--build-context ${name}=${value} names no digest`, "write @sha256:… behind the directory");
  }
  if (/^[a-z0-9+.-]+:\/\//i.test(value) && !/^(?:https?|git|ssh):\/\//i.test(value)) {
    throw refused(`--build-context ${name}=${value} is not understood`);
  }
}

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
  const text = buildArguments(invocation, settings.kind, settings.env).get(name)?.trim() ?? "";
  if (text === "") return [];
  const [image = ""] = text.split(" ", 1);
  const pinned = await resolved(image, `build-arg ${name}`, settings);
  const others = (invocation.flags.get("build-arg") ?? []).filter(
    (given) => given !== name && !given.startsWith(`${name}=`),
  );
  return [["build-arg", [...others, `${name}=${pinned}${text.slice(image.length)}`]]];
}

const defaultScanner = "docker/buildkit-syft-scanner:stable-1";

/** The scanner that lists a build's packages is also an image, and sees everything. */
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

/** podman: another base for the first stage. The name of a build context stays one. */
async function firstBaseOf(
  invocation: EngineInvocation,
  { images }: ImageFlagSettings,
): Promise<BaseImage | "scratch" | undefined> {
  const image = flagValue(invocation, "from");
  if (image === undefined || image === "") return undefined;
  if (image === "scratch") return image;
  if (buildContexts(invocation).some(([name]) => name === image)) {
    throw refused(`--from ${image} is a build context, too`, "give the build context another name");
  }
  return await resolvedImage(image, "from", images);
}

const dockersReaders: readonly FlagReader[] = [caches, syntaxArgument, scanners];
