/**
 * The judge: a registry that has every image that is asked for, and writes down each request for a manifest. Under content trust an engine has
 * no reason to ask for a tag, because signed tags were resolved to digests before; a tag in the log is a way past the gate. So is the
 * digest of the image behind the tags, which is signed nowhere.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";
import { pack } from "tar-stream";
import { type Digest, parseDigest } from "../../src/reference/digest.ts";
import { findExecutable, type Scope } from "../support/peers.ts";

interface Blob {
  readonly type: string;
  readonly bytes: Buffer;
}

const types = {
  manifest: "application/vnd.docker.distribution.manifest.v2+json",
  index: "application/vnd.docker.distribution.manifest.list.v2+json",
  config: "application/vnd.docker.container.image.v1+json",
  layer: "application/vnd.docker.image.rootfs.diff.tar.gzip",
} as const;

/** A running judge. */
export class JudgeRegistry {
  /** `localhost:<port>` */
  readonly host: string;
  /** files it serves besides images, by path: contexts of builds */
  readonly files = new Map<string, Buffer>();
  readonly #blobs: Map<string, Blob>;
  readonly #signed = new Set<string>();
  readonly #layer: {
    readonly diffId: string;
    readonly mediaType: string;
    readonly digest: string;
    readonly size: number;
  };
  /** the image behind all tags, which counts as unsigned */
  readonly unsigned: Digest;
  #requests: string[] = [];
  #asked = 0;

  private constructor(host: string, layer: Buffer) {
    this.host = host;
    this.#blobs = new Map();
    const packed = gzipSync(layer);
    const digest = this.#put(types.layer, packed);
    this.#layer = { diffId: digestOf(layer), mediaType: types.layer, digest, size: packed.length };
    this.unsigned = parseDigest(this.#image("unsigned", [], []));
  }

  /** Starts it on a free port. */
  static async start(scope: Scope): Promise<JudgeRegistry> {
    const layer = await rootFiles();
    const { promise, resolve } = Promise.withResolvers<number>();
    let judge: JudgeRegistry | undefined;
    const server: Server = createServer((request, response) => judge?.answer(request, response));
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : 0);
    });
    judge = new JudgeRegistry(`localhost:${await promise}`, layer);
    scope.defer(() => {
      server.closeAllConnections();
      server.close();
    });
    return judge;
  }

  /** Adds an image that counts as signed. Equal arguments give equal digests. */
  sign(
    label: string,
    triggers: readonly string[] = [],
    environment: readonly string[] = [],
  ): { readonly digest: Digest; readonly size: number } {
    const digest = this.#image(label, triggers, environment);
    this.#signed.add(digest);
    return { digest: parseDigest(digest), size: this.#blobs.get(digest)?.bytes.length ?? 0 };
  }

  /** Adds an index of one image for each architecture that counts as signed. */
  signIndex(label: string): { readonly digest: Digest; readonly size: number } {
    const manifests = ["amd64", "arm64"].map((architecture) => {
      const digest = this.#image(`${label} ${architecture}`, [], [], architecture);
      this.#signed.add(digest);
      const size = this.#blobs.get(digest)?.bytes.length ?? 0;
      return { mediaType: types.manifest, digest, size, platform: { os: "linux", architecture } };
    });
    const digest = this.#put(types.index, JSON.stringify({ schemaVersion: 2, mediaType: types.index, manifests }));
    this.#signed.add(digest);
    return { digest: parseDigest(digest), size: this.#blobs.get(digest)?.bytes.length ?? 0 };
  }

  /** The unsigned images that an engine asked for since the last call: `HEAD library/x:tag`. */
  takeUnsigned(): readonly string[] {
    const taken = this.#requests;
    this.#requests = [];
    return taken;
  }

  /** Answers whether a digest counts as signed. */
  isSigned(digest: string): boolean {
    return this.#signed.has(digest);
  }

  /** How many manifests were asked for, signed ones included. */
  get asked(): number {
    return this.#asked;
  }

  answer(request: IncomingMessage, response: ServerResponse): void {
    const file = this.files.get(request.url ?? "");
    if (file !== undefined) return void response.writeHead(200).end(file);
    const [, repository = "", kind = "", reference = ""] =
      /^\/v2\/(.+)\/(manifests|blobs)\/([^/?]+)(?:\?.*)?$/u.exec(request.url ?? "") ?? [];
    if (repository === "")
      return void response.writeHead(200, { "Docker-Distribution-Api-Version": "registry/2.0" }).end();
    if (kind === "manifests") this.#judge(request.method ?? "", repository, reference);
    const digest = kind === "manifests" && !reference.startsWith("sha256:") ? this.unsigned : reference;
    const blob = this.#blobs.get(digest);
    if (blob === undefined) return void response.writeHead(404).end();
    response.writeHead(200, {
      "Content-Type": kind === "manifests" ? blob.type : "application/octet-stream",
      "Content-Length": blob.bytes.length,
      "Docker-Content-Digest": digest,
    });
    response.end(request.method === "HEAD" ? undefined : blob.bytes);
  }

  #judge(method: string, repository: string, reference: string): void {
    this.#asked += 1;
    if (this.isSigned(reference)) return;
    const separator = reference.startsWith("sha256:") ? "@" : ":";
    this.#requests.push(`${method} ${repository}${separator}${reference}`);
  }

  #image(label: string, triggers: readonly string[], variables: readonly string[], architecture = "amd64"): string {
    const { diffId, ...layer } = this.#layer;
    const config = Buffer.from(
      JSON.stringify({
        architecture,
        os: "linux",
        config: { Env: ["PATH=/bin", ...variables], Labels: { label }, OnBuild: triggers },
        rootfs: { type: "layers", diff_ids: [diffId] },
        history: [{ created: "2026-01-01T00:00:00Z", created_by: label }],
        created: "2026-01-01T00:00:00Z",
      }),
    );
    const manifest = {
      schemaVersion: 2,
      mediaType: types.manifest,
      config: { mediaType: types.config, digest: this.#put(types.config, config), size: config.length },
      layers: [layer],
    };
    return this.#put(types.manifest, JSON.stringify(manifest));
  }

  #put(type: string, content: string | Buffer): string {
    const bytes = Buffer.from(content);
    const digest = digestOf(bytes);
    this.#blobs.set(digest, { type, bytes });
    return digest;
  }
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** A shell and two small files: enough for `RUN` and `COPY --from`. */
async function rootFiles(): Promise<Buffer> {
  const archive = pack();
  const mtime = new Date(0);
  archive.entry({ name: "bin/", type: "directory", mtime });
  archive.entry({ name: "bin/busybox", mode: 0o755, mtime }, readFileSync(findExecutable("busybox") ?? "/bin/busybox"));
  for (const name of ["sh", "true", "cat", "echo"])
    archive.entry({ name: `bin/${name}`, type: "symlink", linkname: "busybox", mtime });
  archive.entry({ name: "x", mtime }, "x\n");
  archive.entry({ name: "file.txt", mtime }, "file\n");
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
