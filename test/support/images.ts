/** Tiny images for tests: made by the real docker, or written as an OCI layout without any engine. */
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pack } from "tar-stream";
import type { Client } from "./clients.ts";
import { findExecutable, type Scope } from "./processes.ts";

/**
 * Builds `FROM scratch` with a static busybox as `tag` in the client's engine. `label` makes its digest differ; a container of it
 * prints `image <label>` unless it is told something else to do.
 */
export async function buildImage(scope: Scope, client: Client, tag: string, label: string): Promise<void> {
  const start = ['ENTRYPOINT ["/bin/busybox"]', `CMD ["echo", "image ${label}"]`];
  const context = busyboxContext(scope, label, [`LABEL build=${label}`, ...start]);
  await client.dockerOk(["build", "-q", "-t", tag, context], { env: { DOCKER_CONTENT_TRUST: undefined } });
}

/** A directory to build `FROM scratch` with a static busybox from; `more` are the last lines of its Dockerfile. */
export function busyboxContext(scope: Scope, label: string, more: readonly string[]): string {
  const context = scope.path(`context-${label}`);
  mkdirSync(context, { recursive: true });
  copyFileSync(findExecutable("busybox") ?? "busybox", join(context, "busybox"));
  const lines = ["FROM scratch", "COPY busybox /bin/busybox", ...more];
  writeFileSync(join(context, "Dockerfile"), `${lines.join("\n")}\n`);
  return context;
}

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

/** An image in an OCI layout: where it lies and what a registry will call it. */
export interface LayoutImage {
  readonly directory: string;
  readonly manifest: Descriptor;
  readonly layer: Descriptor;
}

async function tarOf(name: string, content: string): Promise<Buffer> {
  const archive = pack();
  archive.entry({ name, mtime: new Date(0) }, content);
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Puts blobs into a layout's directory under their digests. */
class BlobWriter {
  readonly #directory: string;

  constructor(layout: string) {
    this.#directory = join(layout, "blobs", "sha256");
    mkdirSync(this.#directory, { recursive: true });
  }

  put(mediaType: string, bytes: Uint8Array | string): Descriptor {
    const hex = createHash("sha256").update(bytes).digest("hex");
    writeFileSync(join(this.#directory, hex), bytes);
    return { mediaType, digest: `sha256:${hex}`, size: Buffer.byteLength(bytes) };
  }
}

interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

const amd64: Platform = { os: "linux", architecture: "amd64" };

async function putImage(blobs: BlobWriter, content: string, platform: Platform): Promise<LayoutImage> {
  const layer = blobs.put("application/vnd.oci.image.layer.v1.tar", await tarOf("content.txt", content));
  const rootfs = { type: "layers", diff_ids: [layer.digest] };
  const configuration = JSON.stringify({ ...platform, config: {}, rootfs });
  const config = blobs.put("application/vnd.oci.image.config.v1+json", configuration);
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const manifest = blobs.put(mediaType, JSON.stringify({ schemaVersion: 2, mediaType, config, layers: [layer] }));
  return { directory: "", manifest, layer };
}

function finishLayout(directory: string, manifest: Descriptor): void {
  writeFileSync(join(directory, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  writeFileSync(join(directory, "index.json"), JSON.stringify({ schemaVersion: 2, manifests: [manifest] }));
}

/** Writes a one-layer OCI layout whose only file says `content`; equal content gives equal digests. */
export async function writeLayout(directory: string, content: string): Promise<LayoutImage> {
  const image = await putImage(new BlobWriter(directory), content, amd64);
  finishLayout(directory, image.manifest);
  return { ...image, directory };
}

/** A multi-architecture image in an OCI layout. */
export interface LayoutIndex {
  readonly directory: string;
  readonly index: Descriptor;
  /** manifest digests by `os/architecture[/variant]` */
  readonly platforms: ReadonlyMap<string, string>;
}

/** Writes an OCI layout with an index of an image for each platform, whose only file says `content` and the platform. */
export async function writeIndexLayout(directory: string, content: string): Promise<LayoutIndex> {
  const blobs = new BlobWriter(directory);
  const platforms = new Map<string, string>();
  const manifests: object[] = [];
  const arm64 = { os: "linux", architecture: "arm64", variant: "v8" };
  for (const platform of [amd64, arm64]) {
    const name = Object.values(platform).join("/");
    const { manifest } = await putImage(blobs, `${content} on ${name}`, platform);
    platforms.set(name, manifest.digest);
    manifests.push({ ...manifest, platform });
  }
  const mediaType = "application/vnd.oci.image.index.v1+json";
  const index = blobs.put(mediaType, JSON.stringify({ schemaVersion: 2, mediaType, manifests }));
  finishLayout(directory, index);
  return { directory, index, platforms };
}

/** Every blob of an OCI layout by its name, checked. @throws Error for one whose name is not its digest */
export function layoutBlobs(directory: string): ReadonlyMap<string, Buffer> {
  const blobs = join(directory, "blobs", "sha256");
  const names = readdirSync(blobs).toSorted();
  return new Map(
    names.map((name) => {
      const bytes = readFileSync(join(blobs, name));
      const hex = createHash("sha256").update(bytes).digest("hex");
      if (hex !== name) throw new Error(`the blob ${name} has the digest ${hex}`);
      return [name, bytes];
    }),
  );
}
