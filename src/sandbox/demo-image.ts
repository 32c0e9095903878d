/**
 * Makes a real, small OCI image from nothing, as an image layout on disk: two gzipped tar layers, a config and a manifest.
 * The bytes depend on `version` alone, so that the same version always has the same digest.
 */
import { createHash } from "node:crypto";
import { arch } from "node:os";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { sha256Hex } from "../crypto/sha256.ts";

/** Where an image was written, and what it is. */
export interface DemoImage {
  /** the layout's directory, for `oci:DIR` */
  readonly directory: string;
  readonly manifestDigest: string;
  /** size of the manifest in bytes */
  readonly manifestSize: number;
  /** digest of the layer that carries the application */
  readonly layerDigest: string;
}

/** What goes into an image: its version and the text its application file holds. */
export interface DemoImageContent {
  readonly version: string;
  readonly message: string;
}

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

const created = "2026-01-01T00:00:00Z";

/** Writes an image layout into `directory`, which is made when missing. */
export async function writeDemoImage(directory: string, content: DemoImageContent): Promise<DemoImage> {
  await mkdir(join(directory, "blobs/sha256"), { recursive: true });
  const base = tar([["etc/os-release", 'NAME="Tagseal demo"\nID=tagseal-demo\n']]);
  const app = tar([
    ["app/message.txt", `${content.message}\n`],
    ["app/version.txt", `${content.version}\n`],
    ["app/data.bin", filler(content.version)],
  ]);
  const layers = [await blob(directory, gzipSync(base), layerType), await blob(directory, gzipSync(app), layerType)];
  const config = await blob(directory, imageConfig([base, app], content), "application/vnd.oci.image.config.v1+json");
  const manifest = await blob(directory, imageManifest(config, layers), manifestType);
  await writeFile(join(directory, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  await writeFile(join(directory, "index.json"), indexJson(manifest, content.version));
  return {
    directory,
    manifestDigest: manifest.digest,
    manifestSize: manifest.size,
    layerDigest: layers[1]?.digest ?? "",
  };
}

const layerType = "application/vnd.oci.image.layer.v1.tar+gzip";
const manifestType = "application/vnd.oci.image.manifest.v1+json";

async function blob(directory: string, bytes: Uint8Array, mediaType: string): Promise<Descriptor> {
  const hex = sha256Hex(bytes);
  await writeFile(join(directory, "blobs/sha256", hex), bytes);
  return { mediaType, digest: `sha256:${hex}`, size: bytes.length };
}

function imageConfig(layers: readonly Uint8Array[], { version }: DemoImageContent): Buffer {
  return json({
    created,
    architecture: arch() === "arm64" ? "arm64" : "amd64",
    os: "linux",
    config: { Cmd: ["/app/message.txt"], Labels: { "org.opencontainers.image.version": version } },
    rootfs: { type: "layers", diff_ids: layers.map((layer) => `sha256:${sha256Hex(layer)}`) },
    history: layers.map((_, index) => ({ created, created_by: `tagseal sandbox, layer ${index + 1}` })),
  });
}

function imageManifest(config: Descriptor, layers: readonly Descriptor[]): Buffer {
  return json({ schemaVersion: 2, mediaType: manifestType, config, layers });
}

function indexJson(manifest: Descriptor, version: string): Buffer {
  const annotations = { "org.opencontainers.image.ref.name": version };
  return json({ schemaVersion: 2, manifests: [{ ...manifest, annotations }] });
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

/** A quarter of a megabyte that does not compress away: something for a progress bar and a tamperer to work on. */
function filler(seed: string): Buffer {
  const parts: Buffer[] = [];
  for (let index = 0; index < 8192; index++) parts.push(createHash("sha256").update(`${seed} ${index}`).digest());
  return Buffer.concat(parts);
}

const blockSize = 512;

/** A POSIX ustar archive of plain files with fixed owner and time. Only what this image needs: short names, small files. */
function tar(files: readonly (readonly [string, string | Buffer])[]): Buffer {
  const parts = files.flatMap(([name, content]) => {
    const bytes = Buffer.from(content);
    return [tarHeader(name, bytes.length), bytes, Buffer.alloc((blockSize - (bytes.length % blockSize)) % blockSize)];
  });
  return Buffer.concat([...parts, Buffer.alloc(2 * blockSize)]);
}

function tarHeader(name: string, size: number): Buffer {
  const header = Buffer.alloc(blockSize);
  const octal = (value: number, at: number, digits: number): void => {
    header.write(`${value.toString(8).padStart(digits, "0")}\0`, at, "latin1");
  };
  header.write(name, 0, "latin1");
  octal(0o644, 100, 7);
  octal(0, 108, 7);
  octal(0, 116, 7);
  octal(size, 124, 11);
  octal(Date.parse(created) / 1000, 136, 11);
  header.write("        ", 148, "latin1");
  header.write("0", 156, "latin1");
  header.write("ustar\u000000", 257, "latin1");
  octal(
    header.reduce((sum, byte) => sum + byte, 0),
    148,
    6,
  );
  return header;
}
