/** The `manifest.json` of docker's archive layout: which images an archive holds, and which of them is wanted. */
import { isJsonObject, type JsonValue, parseOrdinaryJsonOr } from "../encoding/json.ts";
import { hasCode, UsageError } from "../errors.ts";
import { parseImageReference, withDefaultTag } from "../reference/image-reference.ts";
import type { LayoutFiles } from "./image-layout.ts";
import { malformed, maxManifestBytes, member } from "./manifest.ts";

const maxLayers = 1_000;

/** The complete form of an image name, so that two spellings can be compared; undefined for an invalid name. */
export function normalName(name: string): string | undefined {
  try {
    const { registry, repository, tag } = withDefaultTag(parseImageReference(name));
    return `${registry}/${repository}:${tag}`;
  } catch (error) {
    if (hasCode(error, "REFERENCE_INVALID")) return undefined;
    throw error;
  }
}

/** An image by the names of its files in the archive. */
export interface LegacyImage {
  readonly config: string;
  readonly layers: readonly string[];
  readonly tags: readonly string[];
}

/** The images of an archive. @throws NetworkError `IMAGE_MALFORMED` */
export async function legacyImages(files: LayoutFiles): Promise<LegacyImage[]> {
  if ((await files.size("manifest.json")) === undefined) {
    throw malformed(`${files.location} holds neither an OCI layout nor a manifest.json`);
  }
  const images = parseList(await files.read("manifest.json", maxManifestBytes));
  return images.map((image) => {
    const config = isJsonObject(image) ? member(image, "Config") : undefined;
    const layers = isJsonObject(image) ? strings(member(image, "Layers") ?? []) : undefined;
    if (!isJsonObject(image) || typeof config !== "string" || layers === undefined || layers.length > maxLayers) {
      throw malformed(`${files.location} has a broken manifest.json`);
    }
    return { config, layers, tags: strings(member(image, "RepoTags")) ?? [] };
  });
}

function parseList(bytes: Uint8Array): JsonValue[] {
  const value = parseOrdinaryJsonOr(() => malformed("manifest.json is broken JSON"), bytes);
  if (!Array.isArray(value)) throw malformed("manifest.json is not a list");
  return value;
}

function strings(value: JsonValue | undefined): string[] | undefined {
  return Array.isArray(value) && value.every((entry) => typeof entry === "string") ? value.map(String) : undefined;
}

/** The image of a name, or the only one. @throws UsageError `USAGE` with the names there are */
export function chooseLegacyImage(
  images: readonly LegacyImage[],
  name: string | undefined,
  location: string,
): LegacyImage {
  const wanted = name === undefined ? undefined : (normalName(name) ?? name);
  const found =
    wanted === undefined ? images : images.filter(({ tags }) => tags.some((tag) => normalName(tag) === wanted));
  const [image] = found;
  if (image !== undefined && found.length === 1) return image;
  const problem =
    image === undefined ? (name === undefined ? "no image" : `no image ${JSON.stringify(name)}`) : "several images";
  const tags = images.flatMap((candidate) => candidate.tags).slice(0, 20);
  throw new UsageError("USAGE", `${location} holds ${problem}`, {
    hint: tags.length === 0 ? "None of its images has a name." : `Name one of ${tags.join(", ")}.`,
  });
}
