/** The images below a manifest or index, which may be nested: finds the one for a platform, and checks that each has all its layers. */
import type { JsonObject } from "../encoding/json.ts";
import { hasCode, NetworkError } from "../errors.ts";
import type { Digest } from "../reference/digest.ts";
import { hasImageConfiguration, readConfiguration, requireNamedLayers } from "./image-configuration.ts";
import type { ImageSource } from "./image-store.ts";
import {
  type Descriptor,
  type ImageManifest,
  type IndexManifest,
  isManifestType,
  type ManifestContent,
  malformed,
  parseManifest,
} from "./manifest.ts";
import {
  formatPlatform,
  isUnknownPlatform,
  parsePlatformJson,
  type Platform,
  platformRank,
  runsOn,
} from "./platform.ts";
import type { RegistryClient } from "./registry-client.ts";

/** The source of the parts of an image. */
export interface ImageParts {
  /** for messages: a registry's repository, a directory, a file */
  readonly location: string;
  /** a manifest or index, verified */
  manifest(descriptor: Descriptor): Promise<ManifestContent>;
  /** a blob's bytes; the reader verifies them */
  blob(descriptor: Descriptor): AsyncIterable<Uint8Array>;
}

const maxDepth = 4;
/** The most entries without a platform in one index that are inspected. */
const maxUnlabelled = 64;
const defaultMaxImages = 2_000;
/** How many configurations are requested at once. */
const atOnce = 4;

/** The parts of images in a repository. */
export function registryParts(registry: RegistryClient): ImageParts {
  return {
    location: `${registry.registry}/${registry.repository}`,
    manifest: (descriptor) => registry.manifest(descriptor),
    blob: (descriptor) => registry.blob(descriptor),
  };
}

/** The parts of an image on disk. */
export function sourceParts(source: ImageSource): ImageParts {
  return {
    location: source.location,
    manifest: (descriptor) => source.manifest(descriptor),
    blob: (descriptor) => source.blob(descriptor).open(0),
  };
}

/** True when an entry of an index is a build's attestation, which is no image. @see BuildKit: attestation storage */
export function isAttestation({ platform, annotations }: Descriptor): boolean {
  const type = annotations?.get("vnd.docker.reference.type");
  return type === "attestation-manifest" || (platform !== undefined && isUnknownPlatform(platform));
}

/**
 * The image for a platform, by containerd's rules: the entry with the best variant that the platform can run, of equals the first; an index in
 * an index is searched; an entry without a platform comes after all that have one, and its configuration gives its platform.
 *
 * @throws NetworkError `PLATFORM_NOT_FOUND`, listing what there is; `IMAGE_MALFORMED`, and as the parts are read
 */
export async function imageForPlatform(
  root: ManifestContent,
  wanted: Platform,
  parts: ImageParts,
): Promise<ManifestContent> {
  const search = new PlatformSearch(wanted, parts);
  const found = await search.find(root, undefined, 1);
  if (found !== undefined) return found;
  const offered = [...search.offered];
  const isIndex = parseManifest(root.bytes, root.descriptor.mediaType).kind === "index";
  const none = isIndex ? "It names no platforms." : "It does not name its platform.";
  const are = isIndex ? `It is available for ${offered.join(", ")}.` : `It is for ${offered.join(", ")} only.`;
  throw new NetworkError("PLATFORM_NOT_FOUND", `the image is not available for ${formatPlatform(wanted)}`, {
    hint: offered.length === 0 ? none : are,
  });
}

class PlatformSearch {
  /** what there is, for the message */
  readonly offered = new Set<string>();
  readonly #wanted: Platform;
  readonly #parts: ImageParts;
  #unlabelled = 0;

  constructor(wanted: Platform, parts: ImageParts) {
    this.#wanted = wanted;
    this.#parts = parts;
  }

  async find(
    content: ManifestContent,
    label: Platform | undefined,
    depth: number,
  ): Promise<ManifestContent | undefined> {
    if (depth > maxDepth) throw tooDeep();
    const { descriptor } = content;
    const manifest = parseManifest(content.bytes, descriptor.mediaType);
    if (manifest.kind === "index") return await this.#findIn(manifest, depth);
    const platform = label ?? (await this.#platformOf(manifest, descriptor.mediaType));
    if (platform === undefined) return undefined;
    this.#note(platform);
    return runsOn(platform, this.#wanted) ? content : undefined;
  }

  async #findIn(index: IndexManifest, depth: number): Promise<ManifestContent | undefined> {
    const entries = index.manifests.filter((entry) => isManifestType(entry.mediaType) && !isAttestation(entry));
    for (const { platform } of entries) if (platform !== undefined) this.#note(platform);
    for (const entry of inOrderFor(entries, this.#wanted)) {
      if (entry.platform === undefined && ++this.#unlabelled > maxUnlabelled) return undefined;
      const found = await this.find(await this.#parts.manifest(entry), entry.platform, depth + 1);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  async #platformOf(manifest: ImageManifest, mediaType: string): Promise<Platform | undefined> {
    if (!hasImageConfiguration(manifest, mediaType)) return undefined;
    return parsePlatformJson(await configurationOf(manifest, this.#parts));
  }

  #note(platform: Platform): void {
    if (!isUnknownPlatform(platform)) this.offered.add(formatPlatform(platform));
  }
}

/** Entries that may hold the image for a platform, best first. */
function inOrderFor(entries: readonly Descriptor[], wanted: Platform): readonly Descriptor[] {
  const ranked = entries.flatMap((entry) => {
    const rank = entry.platform === undefined ? -1 : platformRank(entry.platform, wanted);
    return rank === undefined ? [] : [{ entry, rank }];
  });
  return ranked.toSorted((a, b) => b.rank - a.rank).map(({ entry }) => entry);
}

/** An image that is part of another, or all of it. */
export interface ImageBelow {
  readonly manifest: ImageManifest;
  /** the manifest's own */
  readonly mediaType: string;
}

/** Which images {@link imagesBelow} finds. */
export interface ImagesBelowOptions {
  /** the most images; more are refused (2,000) */
  readonly maxImages?: number;
  /** true for an entry of an index to include; default all */
  readonly isWanted?: (entry: Descriptor) => boolean;
  /** skip missing images, since registries and layouts may have only some of the platforms; otherwise they are an error */
  readonly mayBeMissing?: boolean;
}

/**
 * Every image (or artifact) below a manifest or index, each once, indexes in indexes included.
 *
 * @throws NetworkError `IMAGE_MALFORMED` for too many or too deep ones, and as the parts are read
 */
export async function imagesBelow(
  root: ManifestContent,
  parts: ImageParts,
  options: ImagesBelowOptions = {},
): Promise<readonly ImageBelow[]> {
  const { maxImages = defaultMaxImages, isWanted = () => true, mayBeMissing = false } = options;
  const images = new Map<Digest, ImageBelow>();
  const seen = new Set<Digest>();
  const visit = async ({ bytes, descriptor }: ManifestContent, depth: number): Promise<void> => {
    if (depth > maxDepth) throw tooDeep();
    const { digest, mediaType } = descriptor;
    const manifest = parseManifest(bytes, mediaType);
    if (manifest.kind === "image") {
      images.set(digest, { manifest, mediaType });
      return;
    }
    for (const entry of manifest.manifests) {
      if (!isManifestType(entry.mediaType) || seen.has(entry.digest) || !isWanted(entry)) continue;
      if (seen.add(entry.digest).size > maxImages) throw malformed(`it names more than ${maxImages} images`);
      const child = await (mayBeMissing ? manifestIfThere(entry, parts) : parts.manifest(entry));
      if (child !== undefined) await visit(child, depth + 1);
    }
  };
  await visit(root, 1);
  return [...images.values()];
}

async function manifestIfThere(entry: Descriptor, parts: ImageParts): Promise<ManifestContent | undefined> {
  try {
    return await parts.manifest(entry);
  } catch (error) {
    if (hasCode(error, "REGISTRY_NOT_FOUND")) return undefined;
    throw error;
  }
}

/** An image's configuration. @throws NetworkError `RESPONSE_TOO_LARGE`, `REGISTRY_DIGEST_MISMATCH`, `IMAGE_MALFORMED` */
export async function configurationOf({ config }: ImageManifest, parts: ImageParts): Promise<JsonObject> {
  const { data } = config;
  return await readConfiguration(config, data === undefined ? parts.blob(config) : [data], parts.location);
}

/**
 * Checks that every image below a manifest or index has the layers its configuration names. A missing image is no failure.
 *
 * @throws NetworkError `IMAGE_MALFORMED`, and as the parts are read
 */
export async function requireWholeImages(root: ManifestContent, parts: ImageParts): Promise<void> {
  const images = await imagesBelow(root, parts, { mayBeMissing: true });
  const rest = images.filter(({ manifest, mediaType }) => hasImageConfiguration(manifest, mediaType)).values();
  const worker = async (): Promise<void> => {
    for (const { manifest } of rest)
      requireNamedLayers(manifest, await configurationOf(manifest, parts), parts.location);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

/**
 * The manifest of a tag or digest in a registry, checked before it is signed: its images have their layers.
 *
 * @throws NetworkError `IMAGE_MALFORMED`, and as {@link RegistryClient.manifest} does
 */
export async function resolveWhole(registry: RegistryClient, tagOrDigest: string): Promise<Descriptor> {
  const content = await registry.manifest(tagOrDigest);
  await requireWholeImages(content, registryParts(registry));
  return content.descriptor;
}

function tooDeep(): NetworkError {
  return malformed(`its indexes are nested deeper than ${maxDepth}`);
}
