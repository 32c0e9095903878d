/** What an image brings into every build that starts from it: the instructions of its `ONBUILD` triggers, and its environment. */
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
import type { ImageConfiguration } from "./base-image.ts";
import type { RegistryClient } from "../../registry/registry-client.ts";

/** A configuration says little more than environment and history; more than this is an attack. */
const maxConfigBytes = 8 * 1024 * 1024;
const maxPlatforms = 64;
const maxTexts = 1000;

/**
 * Reads what an image brings into builds from its registry; of an index, that of every platform.
 *
 * @throws NetworkError as requests do, `IMAGE_MALFORMED`, `RESPONSE_TOO_LARGE`
 * @see OCI image-spec 1.1; docker's image specification 1.2, OnBuild
 */
export async function registryConfigurations(
  registry: RegistryClient,
  digest: Digest,
): Promise<readonly ImageConfiguration[]> {
  const manifests = await platformManifests(registry, await registry.manifest(digest));
  const configs = new Map(manifests.map((content) => [configOf(content).digest, configOf(content)]));
  const configurations: ImageConfiguration[] = [];
  for (const config of configs.values()) configurations.push(imageConfiguration(await readConfig(registry, config)));
  return configurations;
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
 * What an image's configuration brings into builds.
 *
 * @throws NetworkError `IMAGE_MALFORMED`, also when triggers or environment are no list of texts
 */
export function imageConfiguration(configuration: Uint8Array): ImageConfiguration {
  const configs = membersLike(parseDocument(configuration), "config").map((config) => {
    if (isJsonObject(config)) return config;
    throw malformed("its configuration is no object");
  });
  return {
    triggers: configs.flatMap((config) => membersLike(config, "onbuild").flatMap((list) => textList(list, "OnBuild"))),
    environment: configs.flatMap((config) => membersLike(config, "env").flatMap((list) => textList(list, "Env"))),
  };
}

/** A list of texts in a configuration. @throws NetworkError `IMAGE_MALFORMED` when it is none */
export function textList(list: JsonValue, name: string): readonly string[] {
  if (!Array.isArray(list) || list.length > maxTexts) throw malformed(`its ${name} is no list`);
  return list.map((text) => {
    if (typeof text !== "string") throw malformed(`a member of its ${name} is no text`);
    return text;
  });
}
