/** What an image adds to every build that starts from it: the instructions of its `ONBUILD` triggers, and its environment. */
import { isJsonObject, type JsonObject, type JsonValue, memberNames } from "../../encoding/json.ts";
import type { Digest } from "../../reference/digest.ts";
import { configurationOf, imagesBelow, registryParts } from "../../registry/image-tree.ts";
import { type Descriptor, malformed } from "../../registry/manifest.ts";
import type { RegistryClient } from "../../registry/registry-client.ts";
import type { ImageConfiguration } from "./base-image.ts";

const maxPlatforms = 64;
const maxTexts = 1000;

/**
 * Reads from its registry what an image adds to builds; of an index, that of every platform.
 *
 * @throws NetworkError as requests do, `IMAGE_MALFORMED`, `RESPONSE_TOO_LARGE`
 * @see OCI image-spec 1.1; docker's image specification 1.2, OnBuild
 */
export async function registryConfigurations(
  registry: RegistryClient,
  digest: Digest,
): Promise<readonly ImageConfiguration[]> {
  const parts = registryParts(registry);
  // the registry might serve the missing image to the engine, so this is an error
  const limits = { maxImages: maxPlatforms, isWanted: mayBeBase };
  const images = await imagesBelow(await registry.manifest(digest), parts, limits);
  const byConfig = new Map(images.map(({ manifest }) => [manifest.config.digest, manifest]));
  const configurations: ImageConfiguration[] = [];
  for (const image of byConfig.values()) configurations.push(imageConfiguration(await configurationOf(image, parts)));
  return configurations;
}

/** Attestations are listed as unknown/unknown: they are never built from. */
function mayBeBase({ platform }: Descriptor): boolean {
  return platform?.os !== "unknown";
}

/** Go ignores the case of members, so this code must do so to find what an engine finds. */
function membersLike(object: JsonObject, name: string): readonly JsonValue[] {
  return memberNames(object, name)
    .map((key) => object[key] ?? null)
    .filter((value) => value !== null);
}

/**
 * What an image's configuration adds to builds.
 *
 * @throws NetworkError `IMAGE_MALFORMED`, also when triggers or environment are not a list of strings
 */
export function imageConfiguration(configuration: JsonObject): ImageConfiguration {
  const configs = membersLike(configuration, "config").map((config) => {
    if (isJsonObject(config)) return config;
    throw malformed("its configuration is not an object");
  });
  return {
    triggers: configs.flatMap((config) => membersLike(config, "onbuild").flatMap((list) => textList(list, "OnBuild"))),
    environment: configs.flatMap((config) => membersLike(config, "env").flatMap((list) => textList(list, "Env"))),
  };
}

/** A list of strings in a configuration. @throws NetworkError `IMAGE_MALFORMED` when it is not one */
export function textList(list: JsonValue, name: string): readonly string[] {
  if (!Array.isArray(list) || list.length > maxTexts) throw malformed(`its ${name} is not a list`);
  return list.map((text) => {
    if (typeof text !== "string") throw malformed(`a member of its ${name} is not a string`);
    return text;
  });
}
