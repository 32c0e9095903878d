/** Opens images outside registries, for reading and writing. */
import { createReadStream, existsSync, fstatSync, type ReadStream } from "node:fs";
import { UsageError } from "../../errors.ts";
import { type ImageReference, parseImageReference } from "../../reference/image-reference.ts";
import type { ImageSink, ImageSource } from "../../registry/image-store.ts";
import type { ImageLocation } from "../options/image-location.ts";

/** Opens an image for reading. @throws UsageError `FILE_UNREADABLE`, `USAGE`; NetworkError `IMAGE_MALFORMED` */
export async function openSource({ kind, path, name }: ImageLocation, signal: AbortSignal): Promise<ImageSource> {
  const stream = kind === "docker-archive" ? standardInput(path) : undefined;
  if (stream === undefined && !existsSync(path)) throw notThere(kind, path);
  if (kind === "oci") return await (await import("../../registry/image-layout.ts")).openImageLayout(path, name);
  const { openDockerArchive } = await import("../../registry/docker-archive.ts");
  return await openDockerArchive({ file: path, stream, signal }, name);
}

/** Standard input, under any of its names. A file there is read in place; a pipe or socket has no path that all code can open. */
function standardInput(path: string): ReadStream | undefined {
  const isNamed = ["/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"].includes(path);
  if (path !== "-" && (!isNamed || fstatSync(0).isFile())) return undefined;
  return createReadStream("", { fd: 0, autoClose: false });
}

function notThere(kind: ImageLocation["kind"], path: string): UsageError {
  const [what, hint] =
    kind === "oci"
      ? ["image layout", `write one there: skopeo copy docker-daemon:NAME:TAG oci:${path}`]
      : ["archive", `write one there: docker save --output ${path} NAME:TAG`];
  return new UsageError("FILE_UNREADABLE", `there is no ${what} at ${path}`, { hint });
}

/** Opens a place to write an image to. The image gets the given `name`, or the one in the reference. */
export async function openSink({ kind, path, name }: ImageLocation, reference: ImageReference): Promise<ImageSink> {
  if (kind === "oci") {
    const { createImageLayout } = await import("../../registry/image-layout-sink.ts");
    return createImageLayout(path, name ?? reference.tag);
  }
  const { createDockerArchive } = await import("../../registry/docker-archive-sink.ts");
  return createDockerArchive(path, name === undefined ? reference : parseImageReference(name));
}
