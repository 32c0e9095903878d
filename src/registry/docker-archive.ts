/**
 * Archives as `docker save` and skopeo's `docker-archive:` write them. Two layouts are read: an OCI layout inside the tar (docker 25 and
 * later), and docker's own `manifest.json` with loose files (older ones, skopeo, podman).
 */
import { createReadStream, createWriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { openLegacyArchive, normalName } from "./docker-legacy-archive.ts";
import { plainFileSize, streamRange } from "./file-content.ts";
import { type LayoutFiles, openLayoutFiles } from "./image-layout.ts";
import type { ImageSource } from "./image-store.ts";
import { malformed, maxManifestBytes } from "./manifest.ts";
import { openTar } from "./tar-index.ts";

/** Images shrink to a tenth or so; what unpacks to more than this many times its size is made to fill the disk. */
const maxExpansion = 100;

/**
 * Opens an image in an archive; a gzipped one is unpacked to a temporary file first.
 *
 * @param name which image, when there are several: `alpine:3`, or its name in the layout inside
 * @throws UsageError `FILE_UNREADABLE`, `USAGE` (which image?); NetworkError `IMAGE_MALFORMED`, `REGISTRY_DIGEST_MISMATCH`
 */
export async function openDockerArchive(file: string, name?: string): Promise<ImageSource> {
  const unpacked = await unpack(file);
  try {
    const files = closing(await openTar(unpacked.path, file), unpacked.remove);
    const hasLayout = (await files.size("oci-layout")) !== undefined && (await files.size("index.json")) !== undefined;
    if (hasLayout)
      return await openLayoutFiles(files, name === undefined ? undefined : await nameInLayout(files, name));
    return await openLegacyArchive(files, name);
  } catch (error) {
    await unpacked.remove();
    throw error;
  }
}

interface Unpacked {
  readonly path: string;
  readonly remove: () => Promise<void>;
}

async function unpack(file: string): Promise<Unpacked> {
  const start: number[] = [];
  for await (const chunk of streamRange(file, 0, 6)) start.push(...chunk);
  const magic = Buffer.from(start).toString("hex");
  if (magic.startsWith("1f8b")) return await gunzipToTemporary(file);
  if (/^(?:28b52ffd|fd377a58|425a68)/.test(magic)) {
    throw malformed(`${file} is compressed with something other than gzip; decompress it first`);
  }
  return { path: file, remove: () => Promise.resolve() };
}

async function gunzipToTemporary(file: string): Promise<Unpacked> {
  const directory = await mkdtemp(join(tmpdir(), "tagseal-archive-"));
  const remove = (): Promise<void> => rm(directory, { recursive: true, force: true });
  const path = join(directory, "image.tar");
  try {
    const maxBytes = Math.max(1024 ** 3, maxExpansion * ((await plainFileSize(file)) ?? 0));
    const unpacked = bounded(createReadStream(file).pipe(createGunzip()), maxBytes, file);
    await pipeline(unpacked, createWriteStream(path, { mode: 0o600 }));
    return { path, remove };
  } catch (error) {
    await remove();
    if (error instanceof Error && "code" in error && String(error.code).startsWith("Z_"))
      throw malformed(`${file} is broken gzip`);
    throw error;
  }
}

async function* bounded(
  chunks: AsyncIterable<Uint8Array>,
  maxBytes: number,
  file: string,
): AsyncGenerator<Uint8Array, void> {
  let length = 0;
  for await (const chunk of chunks) {
    length += chunk.length;
    if (length > maxBytes) throw malformed(`${file} unpacks to more than ${maxBytes} bytes`);
    yield chunk;
  }
}

function closing(files: LayoutFiles, remove: () => Promise<void>): LayoutFiles {
  return { ...files, close: remove };
}

/** Layouts inside archives know images by their complete names; people write familiar ones. */
async function nameInLayout(files: LayoutFiles, name: string): Promise<string> {
  const index = new TextDecoder().decode(await files.read("index.json", maxManifestBytes));
  const complete = normalName(name);
  return complete !== undefined && index.includes(JSON.stringify(complete)) ? complete : name;
}
