/** Image configurations: the blob of a manifest that describes its layers and its platform. */
import { gather } from "../encoding/gathered-bytes.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../encoding/json.ts";
import { NetworkError } from "../errors.ts";
import {
  type Descriptor,
  type ImageManifest,
  malformed,
  mediaTypes,
  member,
  parseDocument,
  verifyContent,
} from "./manifest.ts";

/** A configuration has little more than environment and history; a larger one is an attack. */
const maxConfigBytes = 8 * 1024 * 1024;

const dockerConfig = "application/vnd.docker.container.image.v1+json";
/** The media types that old versions of docker and registries used for an image's configuration, which docker still accepts. */
const oldDockerConfigs: ReadonlySet<string> = new Set(["application/octet-stream", "application/json", "text/html"]);
/** Layers that become a file system, as opposed to the content of an artifact. */
const filesystemLayer = /^application\/vnd\.(?:oci\.image\.layer|docker\.image\.rootfs)\./;

/**
 * Answers whether a manifest is an image's, with a configuration that names its layers. Artifacts have the manifest of an image and
 * another configuration, such as an empty one (`application/vnd.oci.empty.v1+json`).
 *
 * @param mediaType of the manifest
 */
export function hasImageConfiguration(manifest: ImageManifest, mediaType: string): boolean {
  const { mediaType: type } = manifest.config;
  return (
    type === mediaTypes.ociConfig ||
    type === dockerConfig ||
    (mediaType === mediaTypes.dockerManifest && oldDockerConfigs.has(type))
  );
}

/**
 * Reads a configuration from its bytes, checked against its descriptor.
 *
 * @param where the source of the bytes, for messages
 * @throws NetworkError `RESPONSE_TOO_LARGE`, `REGISTRY_DIGEST_MISMATCH`, `IMAGE_MALFORMED`, and as `chunks` does
 */
export async function readConfiguration(
  config: Descriptor,
  chunks: AsyncIterable<Uint8Array> | readonly Uint8Array[],
  where: string,
): Promise<JsonObject> {
  const tooLarge = (): NetworkError =>
    new NetworkError("RESPONSE_TOO_LARGE", `the configuration ${config.digest} is larger than ${maxConfigBytes} bytes`);
  if (config.size > maxConfigBytes) throw tooLarge();
  const bytes = await gather(chunks, maxConfigBytes, tooLarge);
  verifyContent(bytes, config, `${where} holds a wrong configuration`);
  return parseDocument(bytes);
}

/**
 * The digests of an image's unpacked layers, in order.
 *
 * @returns undefined when the configuration has no `rootfs`, or no list of layers in it
 * @see OCI image-spec 1.1, config, rootfs
 */
export function layerDiffIds(configuration: JsonObject): readonly string[] | undefined {
  const rootfs = member(configuration, "rootfs");
  if (!isJsonObject(rootfs)) return undefined;
  const diffIds: JsonValue = member(rootfs, "diff_ids") ?? [];
  const isList = Array.isArray(diffIds) && diffIds.every((id) => typeof id === "string");
  return isList ? diffIds.map(String) : undefined;
}

/**
 * Checks that an image has as many layers as its configuration names. Engines refuse to run an image where these
 * differ, or run something other than what was built.
 *
 * @param where the source of the image, for messages
 * @throws NetworkError `IMAGE_MALFORMED`
 */
export function requireNamedLayers(manifest: ImageManifest, configuration: JsonObject, where: string): void {
  const named = layerDiffIds(configuration)?.length ?? 0;
  const { layers } = manifest;
  if (layers.length === named) return;
  // an artifact with an image's configuration type names no layers, and has no file systems
  if (named === 0 && !layers.some(({ mediaType }) => filesystemLayer.test(mediaType))) return;
  throw malformed(
    `${where} holds ${layers.length} layers where the configuration ${manifest.config.digest} names ${named}`,
    "the image lost layers where it was saved or copied: save it again from where it was built",
  );
}
