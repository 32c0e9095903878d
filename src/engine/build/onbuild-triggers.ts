/** The `ONBUILD` triggers a base image brings along: instructions that run in every build that starts from it. */
import { isJsonObject, type JsonObject, type JsonValue } from "../../encoding/json.ts";
import { NetworkError } from "../../errors.ts";
import type { Digest } from "../../reference/digest.ts";
import {
  type Descriptor,
  isManifestType,
  malformed,
  type ManifestContent,
  parseDocument,
  parseManifest,
} from "../../registry/manifest.ts";
import type { RegistryClient } from "../../registry/registry-client.ts";

/** A configuration says little more than environment and history; more than this is an attack. */
const maxConfigBytes = 8 * 1024 * 1024;
const maxPlatforms = 64;
const maxTriggers = 1000;

/**
 * Reads the triggers of an image from its registry; of an index, those of every platform.
 *
 * @throws NetworkError as requests do, `IMAGE_MALFORMED`, `RESPONSE_TOO_LARGE`
 * @see OCI image-spec 1.1; docker's image specification 1.2, OnBuild
 */
export async function registryTriggers(registry: RegistryClient, digest: Digest): Promise<readonly string[]> {
  const manifests = await platformManifests(registry, await registry.manifest(digest));
  const configs = new Map(manifests.map((content) => [configOf(content).digest, configOf(content)]));
  const triggers = new Set<string>();
  for (const config of configs.values()) {
    for (const trigger of configurationTriggers(await readConfig(registry, config))) triggers.add(trigger);
  }
  return [...triggers];
}

async function platformManifests(
  registry: RegistryClient,
  content: ManifestContent,
): Promise<readonly ManifestContent[]> {
  const manifest = parseManifest(content.bytes, content.descriptor.mediaType);
  if (manifest.kind === "image") return [content];
  const images = manifest.manifests.filter(isImage);
  if (images.length > maxPlatforms)
    throw malformed(`the index names ${images.length} images, more than ${maxPlatforms}`);
  const contents: ManifestContent[] = [];
  for (const image of images) contents.push(await registry.manifest(image));
  return contents;
}

/** Attestations are listed as unknown/unknown: nothing is built from them. */
function isImage({ mediaType, platform }: Descriptor): boolean {
  return isManifestType(mediaType) && platform?.os !== "unknown";
}

function configOf({ bytes, descriptor }: ManifestContent): Descriptor {
  const manifest = parseManifest(bytes, descriptor.mediaType);
  if (manifest.kind === "image") return manifest.config;
  throw malformed("an index in an index is no base image");
}

async function readConfig(registry: RegistryClient, config: Descriptor): Promise<Uint8Array> {
  if (config.size > maxConfigBytes) {
    throw new NetworkError("RESPONSE_TOO_LARGE", `the configuration ${config.digest} has ${config.size} bytes`);
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of registry.blob(config)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Go reads members whatever their case: so must whoever looks for what an engine will find. */
function membersLike(object: JsonObject, name: string): readonly JsonValue[] {
  const names = Object.keys(object).filter((key) => key.toLowerCase() === name);
  return names.map((key) => object[key] ?? null).filter((value) => value !== null);
}

/**
 * The triggers in an image's configuration.
 *
 * @throws NetworkError `IMAGE_MALFORMED`, also when they are no list of texts
 */
export function configurationTriggers(configuration: Uint8Array): readonly string[] {
  return membersLike(parseDocument(configuration), "config").flatMap((config) => {
    if (!isJsonObject(config)) throw malformed("its configuration is no object");
    return membersLike(config, "onbuild").flatMap(triggerList);
  });
}

/** A list of triggers. @throws NetworkError `IMAGE_MALFORMED` when it is none */
export function triggerList(list: JsonValue): readonly string[] {
  if (!Array.isArray(list) || list.length > maxTriggers) throw malformed("its OnBuild is no list");
  return list.map((trigger) => {
    if (typeof trigger !== "string") throw malformed("a trigger in its OnBuild is no text");
    return trigger;
  });
}
