/** Images outside registries: `oci:DIR[:NAME]` and `docker-archive:FILE[:NAME]`. */
import { createReadStream, existsSync, fstatSync, type ReadStream } from "node:fs";
import { UsageError } from "../../errors.ts";
import { type ImageReference, parseImageReference } from "../../reference/image-reference.ts";
import type { ImageSink, ImageSource } from "../../registry/image-store.ts";

/** A place on disk for an image. */
export interface ImageLocation {
  readonly kind: "oci" | "docker-archive";
  readonly path: string;
  /** which image of several; undefined: the only one, or, for writing, named after the tag */
  readonly name: string | undefined;
}

/**
 * Parses the value of `--from` or `--to`. A colon after the path begins the name, unless a file with the whole text as its name exists.
 *
 * @throws UsageError `USAGE` when it is missing or neither of the two kinds
 */
export function parseImageLocation(flag: "from" | "to", text: string | undefined): ImageLocation {
  const [, kind, rest = ""] = /^(oci|docker-archive):(.+)$/s.exec(text ?? "") ?? [];
  if ((kind !== "oci" && kind !== "docker-archive") || text === undefined) {
    const got = text === undefined ? `--${flag} is required` : `--${flag}: "${text}" is no place for an image`;
    throw new UsageError("USAGE", got, { hint: `Give --${flag} oci:DIRECTORY or --${flag} docker-archive:FILE.` });
  }
  const colon = rest.indexOf(":");
  if (colon <= 0 || existsSync(rest)) return { kind, path: rest, name: undefined };
  const name = rest.slice(colon + 1);
  return { kind, path: rest.slice(0, colon), name: name === "" ? undefined : name };
}

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
    const { createImageLayout } = await import("../../registry/image-layout.ts");
    return createImageLayout(path, name ?? reference.tag);
  }
  const { createDockerArchive } = await import("../../registry/docker-archive-sink.ts");
  return createDockerArchive(path, name === undefined ? reference : parseImageReference(name));
}
