/** Images to and from a registry without an engine: `tagseal push --from` and `pull --to`, signature included, beside `skopeo copy`. */
import { createHash, randomBytes } from "node:crypto";
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { certificates, runOk, startDockerRegistry, startTagsealServer, type Scope } from "../support/peers.ts";
import { ours } from "./clients.ts";
import { rowOf, timeInTurns, type Contender, type Row } from "./measure.ts";
import { MeteredUser } from "./meter.ts";

/** How much is copied, and how often. */
export interface TransferLoad {
  readonly layers: number;
  readonly layerBytes: number;
  readonly turns: number;
}

/** What counts, and a first look that takes seconds. */
export const transferLoads = {
  whole: { layers: 5, layerBytes: 100_000_000, turns: 5 },
  quick: { layers: 5, layerBytes: 4_000_000, turns: 1 },
} as const satisfies Readonly<Record<string, TransferLoad>>;

interface Stand {
  readonly metered: MeteredUser;
  /** in the registry */
  readonly image: string;
  readonly layout: string;
  readonly into: string;
  /** the directory that has nothing but the registry's authority */
  readonly authorities: string;
}

/** Rows of whole processes. Each push meets an empty registry, each pull an empty directory. */
export async function* transfers(scope: Scope, load: TransferLoad): AsyncGenerator<Row, void> {
  const tls = await certificates(scope);
  const registry = await startDockerRegistry(scope, { tls });
  const metered = await MeteredUser.start(scope, "transfers", await startTagsealServer(scope));
  const authorities = join(metered.user.dockerConfig, "certs.d", registry.host);
  mkdirSync(authorities, { recursive: true });
  copyFileSync(tls.ca, join(authorities, "ca.crt"));
  const image = `${registry.host}/bench/transfer:v1`;
  const stand = { metered, image, layout: scope.path("large"), into: scope.path("pulled"), authorities };
  writeLargeLayout(stand.layout, load);
  const size = `an image of ${(load.layers * load.layerBytes) / 1e6} MB in ${load.layers} layers`;
  // what skopeo remembers of earlier pushes is worth nothing to a registry without blobs
  const pushing = pushes(stand, () => rmSync(registry.storage, { recursive: true, force: true }));
  yield rowOf(`push and sign ${size}`, "ms", await timeInTurns(pushing, load.turns));
  await metered.user.tagsealOk(["push", "-q", "--from", `oci:${stand.layout}`, image]);
  const pulling = pulls(stand, () => rmSync(stand.into, { recursive: true, force: true }));
  yield rowOf(`verify and pull ${size}`, "ms", await timeInTurns(pulling, load.turns));
}

function pushes({ metered, image, layout, authorities }: Stand, prepare: () => void): Contender[] {
  return [
    ...ours(metered, "tagseal push --from", () => ["push", "-q", "--from", `oci:${layout}`, image], prepare),
    skopeo(metered, ["--dest-cert-dir", authorities, `oci:${layout}`, `docker://${image}`], prepare),
  ];
}

function pulls({ metered, image, into, authorities }: Stand, prepare: () => void): Contender[] {
  return [
    ...ours(metered, "tagseal pull --to", () => ["pull", "-q", "--to", `oci:${into}`, image], prepare),
    skopeo(metered, ["--src-cert-dir", authorities, `docker://${image}`, `oci:${into}`], prepare),
  ];
}

function skopeo(metered: MeteredUser, words: readonly string[], prepare: () => void): Contender {
  const copy = ["copy", "-q", "--insecure-policy", "--preserve-digests", ...words];
  return metered.contender(
    "skopeo copy",
    async ({ env }, options) => await runOk("skopeo", copy, { ...options, env }),
    prepare,
  );
}

/** Layers of bytes that do not compress, as most layers in registries are. */
function writeLargeLayout(directory: string, { layers, layerBytes }: TransferLoad): void {
  const blobs = join(directory, "blobs", "sha256");
  mkdirSync(blobs, { recursive: true });
  const put = (mediaType: string, bytes: Uint8Array) => {
    const hex = createHash("sha256").update(bytes).digest("hex");
    writeFileSync(join(blobs, hex), bytes);
    return { mediaType, digest: `sha256:${hex}`, size: bytes.length };
  };
  const listed = Array.from({ length: layers }, () =>
    put("application/vnd.oci.image.layer.v1.tar", randomBytes(layerBytes)),
  );
  const rootfs = { type: "layers", diff_ids: listed.map(({ digest }) => digest) };
  const configuration = { os: "linux", architecture: "amd64", rootfs };
  const config = put("application/vnd.oci.image.config.v1+json", Buffer.from(JSON.stringify(configuration)));
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const manifest = put(mediaType, Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, config, layers: listed })));
  writeFileSync(join(directory, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  writeFileSync(join(directory, "index.json"), JSON.stringify({ schemaVersion: 2, manifests: [manifest] }));
}
