/** A registry, ways to pull from it through something that stands in front of it, and an image that is signed there. */
import { copyFileSync, mkdirSync, readFileSync } from "node:fs";
import { createHash, randomBytes } from "node:crypto";
import type { BlobContent } from "../../src/registry/blob-upload.ts";
import { describe, type Descriptor, mediaTypes } from "../../src/registry/manifest.ts";
import { RegistryClient } from "../../src/registry/registry-client.ts";
import { digestFromHex } from "../../src/reference/digest.ts";
import { asInTheImage } from "../support/image-environment.ts";
import { contentOf, manifestBytes } from "../support/registry-story.ts";
import { freePort, runOk, type Running } from "../support/processes.ts";
import {
  certificates,
  type Certificates,
  client,
  type Client,
  portAnswers,
  type Registry,
  type Scope,
  startDockerRegistry,
  tagsealCommand,
  type TrustServer,
} from "../support/peers.ts";

/** Where the signed image can be pulled from: `https://localhost:5000/v2/team/app`. */
export interface PullSource {
  readonly name: string;
  readonly repository: string;
  readonly process: Running;
}

/** An image of a registry, and the sources to pull it from. */
export interface GatewayStand {
  readonly ca: string;
  /** the directory that has nothing but this authority */
  readonly authorities: string;
  readonly image: Descriptor;
  readonly blobs: readonly Descriptor[];
  readonly largest: Descriptor;
  readonly registry: PullSource;
  readonly gateway: PullSource;
  /** a gateway that keeps blobs on its disk */
  readonly caching: PullSource;
  /** distribution's proxy mode */
  readonly proxy: PullSource;
}

const repository = "bench/app";

/** Starts everything, and signs `v1`: an image of small blobs and one of so many bytes. */
export async function gatewayStand(scope: Scope, server: TrustServer, largestBytes: number): Promise<GatewayStand> {
  const tls = await certificates(scope);
  const registry = await startDockerRegistry(scope, { version: 3, tls });
  const user = client(scope, { server, name: "gateway-user" });
  const authorities = trustRegistry(user, registry, tls);
  const pushed = await pushImage(registry, tls, largestBytes);
  const reference = `${registry.host}/${repository}`;
  await user.tagsealOk(["sign", `${reference}:v1@${pushed.image.digest}`]);
  const { host, process } = await startDockerRegistry(scope, {
    version: 3,
    tls,
    proxyOf: { url: registry.url, ca: tls.ca },
  });
  const start = async (name: string, more: readonly string[] = []): Promise<PullSource> =>
    await startGateway(scope, user, registry, { name, tls, more });
  const stand = {
    registry: { name: "registry", repository: `${registry.url}/v2/${repository}`, process: registry.process },
    gateway: await start("gateway"),
    caching: await start("gateway with a blob cache", ["--blob-cache", scope.path("blobs")]),
    proxy: { name: "distribution as a proxy", repository: `https://${host}/v2/${repository}`, process },
  };
  // One processor for all servers, which do not work at the same time: the clients have the other.
  for (const source of Object.values(stand)) await runOk("taskset", ["-apc", "0", String(source.process.pid)]);
  return { ca: tls.ca, authorities, ...pushed, ...stand };
}

function trustRegistry({ dockerConfig }: Client, { host }: Registry, { ca }: Certificates): string {
  const directory = `${dockerConfig}/certs.d/${host}`;
  mkdirSync(directory, { recursive: true });
  copyFileSync(ca, `${directory}/ca.crt`);
  return directory;
}

interface GatewaySettings {
  readonly name: string;
  readonly tls: Certificates;
  readonly more: readonly string[];
}

async function startGateway(
  scope: Scope,
  user: Client,
  { host }: Registry,
  { name, tls, more }: GatewaySettings,
): Promise<PullSource> {
  const port = await freePort();
  const served = ["--tls-cert", tls.serverCertificate, "--tls-key", tls.serverKey, "--upstream", host, ...more];
  const process = await scope.start(
    `gateway-${port}`,
    tagsealCommand,
    ["gateway", "--listen", `127.0.0.1:${port}`, ...served],
    {
      env: asInTheImage(user.env),
      ready: () => portAnswers(port),
    },
  );
  return { name, repository: `https://localhost:${port}/v2/${host.replace(":", "_")}/${repository}`, process };
}

async function pushImage(registry: Registry, { ca }: Certificates, largestBytes: number) {
  const tls = { ca: [readFileSync(ca, "utf8")] };
  const to = RegistryClient.forReference({ registry: registry.host, repository }, { access: "push", tls });
  try {
    const layers = [contentOf(randomBytes(20_000)), contentOf(randomBytes(50_000)), largeContent(largestBytes)];
    const listed = layers.map(({ descriptor }) => descriptor);
    const rootfs = { type: "layers", diff_ids: listed.map(({ digest }) => digest) };
    const config = contentOf(JSON.stringify({ os: "linux", architecture: "amd64", rootfs }));
    for (const part of [config, ...layers]) await to.pushBlob(part);
    const image = await to.pushManifest("v1", manifestBytes(config.descriptor, listed), mediaTypes.ociManifest);
    const [small = config.descriptor, other = config.descriptor, largest = config.descriptor] = listed;
    return { image, blobs: [config.descriptor, small, other], largest };
  } finally {
    to.close();
  }
}

/** Different bytes in each piece, which do not compress. */
function largeContent(size: number): BlobContent {
  const piece = randomBytes(1024 * 1024);
  const pieces = function* (): Generator<Uint8Array, void> {
    for (let at = 0; at < size; at += piece.length) {
      const next = Buffer.from(piece.subarray(0, Math.min(piece.length, size - at)));
      next.writeUInt32LE(at / piece.length);
      yield next;
    }
  };
  const hash = createHash("sha256");
  for (const next of pieces()) hash.update(next);
  const digest = digestFromHex("sha256", hash.digest("hex"));
  return {
    descriptor: { ...describe(Buffer.alloc(0), "application/octet-stream"), digest, size },
    async *open(offset) {
      let skip = offset;
      for (const next of pieces()) {
        const wanted = next.subarray(Math.min(skip, next.length));
        skip -= next.length - wanted.length;
        if (wanted.length > 0) yield wanted;
      }
    },
  };
}
