/** Tiny images for tests: made by the real docker, or written as an OCI layout without any engine. */
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pack } from "tar-stream";
import type { Client } from "./clients.ts";
import { findExecutable, type Scope } from "./processes.ts";

/** Builds `FROM scratch` with a static busybox as `tag` in the client's engine. `label` makes its digest differ. */
export async function buildImage(scope: Scope, client: Client, tag: string, label: string): Promise<void> {
  const context = scope.path(`context-${label}`);
  mkdirSync(context, { recursive: true });
  copyFileSync(findExecutable("busybox") ?? "busybox", join(context, "busybox"));
  const lines = ["FROM scratch", "COPY busybox /bin/busybox", `LABEL build=${label}`, 'ENTRYPOINT ["/bin/busybox"]'];
  writeFileSync(join(context, "Dockerfile"), `${lines.join("\n")}\n`);
  await client.dockerOk(["build", "-q", "-t", tag, context], { env: { DOCKER_CONTENT_TRUST: undefined } });
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

/** Writes a one-layer OCI layout whose only file says `content`; equal content gives equal digests. */
export async function writeLayout(directory: string, content: string): Promise<LayoutImage> {
  const blobs = join(directory, "blobs", "sha256");
  mkdirSync(blobs, { recursive: true });
  const put = (mediaType: string, bytes: Uint8Array | string): Descriptor => {
    const hex = createHash("sha256").update(bytes).digest("hex");
    writeFileSync(join(blobs, hex), bytes);
    return { mediaType, digest: `sha256:${hex}`, size: Buffer.byteLength(bytes) };
  };
  const layer = put("application/vnd.oci.image.layer.v1.tar", await tarOf("content.txt", content));
  const rootfs = { type: "layers", diff_ids: [layer.digest] };
  const config = put(
    "application/vnd.oci.image.config.v1+json",
    JSON.stringify({ architecture: "amd64", os: "linux", config: {}, rootfs }),
  );
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const manifest = put(mediaType, JSON.stringify({ schemaVersion: 2, mediaType, config, layers: [layer] }));
  writeFileSync(join(directory, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  writeFileSync(join(directory, "index.json"), JSON.stringify({ schemaVersion: 2, manifests: [manifest] }));
  return { directory, manifest, layer };
}
