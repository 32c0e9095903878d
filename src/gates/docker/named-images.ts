/** The images that a request to docker's engine names. */
import { isJsonObject, type JsonObject, type JsonValue } from "../../encoding/json.ts";
import { UsageError } from "../../errors.ts";
import { isDigest } from "../../reference/digest.ts";
import { type ImageReference, parseImageReference } from "../../reference/image-reference.ts";
import { onlyMember } from "./engine-call.ts";

/** The image of a pull; undefined for an import, which names none. A tag beside the name replaces that in it, and may be a digest. */
export function pulledImage(query: ReadonlyMap<string, string>): ImageReference | undefined {
  const from = query.get("fromImage") ?? "";
  if (from === "") return undefined;
  const named = parseImageReference(from.replace(/:$/u, ""));
  const tag = query.get("tag") ?? "";
  if (tag === "") return named;
  if (isDigest(tag)) return { ...named, tag: undefined, digest: tag };
  return parseImageReference(
    `${named.registry}/${named.repository}:${tag}${named.digest === undefined ? "" : `@${named.digest}`}`,
  );
}

/**
 * The images of a container: its own, and those that it mounts.
 *
 * @throws UsageError `USAGE` when the body is missing or names no image
 */
export function containerImages(body: JsonObject | undefined): readonly string[] {
  if (body === undefined) throw missingBody();
  const image = onlyMember(body, "Image");
  if (typeof image !== "string" || image === "") throw new UsageError("USAGE", "the container has no image");
  // old clients have the members of HostConfig beside the image
  return [image, ...[body, onlyMember(body, "HostConfig")].flatMap((host) => mountedImages(host))];
}

/**
 * The images of a service's tasks.
 *
 * @throws UsageError `USAGE` when the body is missing, names no image or runs a plugin
 */
export function serviceImages(body: JsonObject | undefined): readonly string[] {
  if (body === undefined) throw missingBody();
  const task = onlyMember(body, "TaskTemplate");
  const pluginSpec = onlyMember(task, "PluginSpec");
  if (pluginSpec !== undefined && pluginSpec !== null)
    throw new UsageError("USAGE", "a service with a plugin of docker cannot be decided about");
  const container = onlyMember(task, "ContainerSpec");
  const image = onlyMember(container, "Image");
  if (typeof image !== "string" || image === "") throw new UsageError("USAGE", "the service has no image");
  return [image, ...mountedImages(container)];
}

function mountedImages(host: JsonValue | undefined): readonly string[] {
  const mounts = onlyMember(host, "Mounts");
  if (mounts === undefined || mounts === null) return [];
  if (!Array.isArray(mounts)) throw new UsageError("USAGE", "the mounts of the container are not understood");
  return mounts.filter(isJsonObject).flatMap((mount) => {
    const source = onlyMember(mount, "Source");
    if (onlyMember(mount, "Type") !== "image") return [];
    return typeof source === "string" ? [source] : [""];
  });
}

function missingBody(): UsageError {
  return new UsageError("USAGE", "the engine did not show the content of the request, so it cannot be decided about", {
    hint: "Send JSON of less than 1 MiB with Content-Type: application/json and its length.",
  });
}
