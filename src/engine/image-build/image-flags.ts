/** Images in a build's flags: resolved and written as digests, like those of its Dockerfile. */
import { isDigest } from "../../reference/digest.ts";
import { type EngineInvocation, type EngineKind, flagValue } from "../command-line/invocation.ts";
import type { BaseImage, BuildContexts, BuildContextSource } from "./base-image.ts";
import { contextName } from "./dockerfile/names-in-dockerfile.ts";
import { buildContexts, refused } from "./build-flags.ts";
import { buildKitImageFlags } from "./buildkit-image-flags.ts";
import { type FlagValues, type ImageFlagSettings, resolvedImage } from "./image-in-flag.ts";

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
  if (kind === "docker") changed.push(...(await buildKitImageFlags(invocation, settings)));
  return { changed, contexts: contexts.sources, firstBase };
}

function nameOf(base: BaseImage | "scratch"): string {
  return base === "scratch" ? base : base.name;
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
