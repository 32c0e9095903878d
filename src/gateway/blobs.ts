/** Where the gateway's blobs come from: its cache on disk if it has one, else the registry. */
import type { Digest } from "../reference/digest.ts";
import type { BlobPart } from "../registry/blob-download.ts";
import type { Descriptor } from "../registry/manifest.ts";
import type { StatedBlob } from "../registry/stated-blob.ts";
import { BoundedMap } from "../service/bounded-map.ts";
import type { BlobCache, BlobOrigin } from "./blob-cache/blob-cache.ts";
import { GatewayRefusal } from "./gateway-refusal.ts";
import { type Repository, upstreamKey } from "./served-name.ts";
import type { Upstreams } from "./upstreams.ts";

/** How long it is known that a repository has a blob; then it is asked again before the cache gives it. */
const knownMs = 600_000;
const maxKnown = 100_000;

/** See the top of this file. */
export class Blobs {
  readonly #upstreams: Upstreams;
  readonly #cache: BlobCache | undefined;
  /** repository as a client sees it, and digest, to what is stated there and the moment until which it is known */
  readonly #there = new BoundedMap<string, StatedBlob & { readonly until: number }>(maxKnown);

  constructor(upstreams: Upstreams, cache: BlobCache | undefined) {
    this.#upstreams = upstreams;
    this.#cache = cache;
  }

  /** A blob that no manifest is known to list, with its size. @throws GatewayRefusal `BLOB_UNKNOWN`; NetworkError */
  async stated(name: Repository, digest: Digest): Promise<Descriptor> {
    const size = await this.#upstreams.use(name, async (client) => await client.blobSize(digest));
    if (size === undefined) throw unknownBlob();
    this.#note(name, { digest, size });
    return { mediaType: "application/octet-stream", digest, size };
  }

  /** Rejects unless the repository has a blob now: its registry is asked. @throws GatewayRefusal `BLOB_UNKNOWN`, `UNAVAILABLE`; NetworkError */
  async requireThere(name: Repository, { digest, size }: Descriptor): Promise<void> {
    const there = await this.#upstreams.use(name, async (client) => await client.statedBlob(digest));
    if (there === undefined) throw unknownBlob();
    requireSame(there, size);
    this.#note(name, { digest, size: there.size });
  }

  /** The bytes of a blob, or of a part of it; the whole ends normally only when it is verified. @throws as {@link stated} */
  read(name: Repository, blob: Descriptor, part?: BlobPart): AsyncIterable<Uint8Array> {
    const origin: BlobOrigin = {
      whole: () => this.#noting(name, blob),
      part: () => this.#upstreams.streamed(name, (client) => client.blobPart(blob, part ?? wholeOf(blob))),
      requireThere: async () => await this.#requireKnown(name, blob),
    };
    if (this.#cache !== undefined) return this.#cache.read(blob, part, origin);
    return part === undefined ? origin.whole() : origin.part();
  }

  async *#noting(name: Repository, blob: Descriptor): AsyncGenerator<Uint8Array, void> {
    yield* untilVerified(this.#upstreams.streamed(name, (client) => client.blob(blob)));
    this.#note(name, blob);
  }

  async #requireKnown(name: Repository, blob: Descriptor): Promise<void> {
    const known = this.#there.get(keyOf(name, blob.digest));
    if (known === undefined || performance.now() >= known.until) return await this.requireThere(name, blob);
    requireSame(known, blob.size);
  }

  #note(name: Repository, { digest, size }: Pick<Descriptor, "digest"> & StatedBlob): void {
    this.#there.set(keyOf(name, digest), { size, until: performance.now() + knownMs });
  }
}

function unknownBlob(): GatewayRefusal {
  return new GatewayRefusal(404, "BLOB_UNKNOWN", "the registry does not have this blob");
}

/** Of a registry that does not say how large a blob is, the digest alone counts. */
function requireSame({ size }: StatedBlob, expected: number): void {
  if (size === undefined || size === expected) return;
  throw new GatewayRefusal(502, "UNAVAILABLE", "the registry has another blob");
}

/** The last piece waits for the end, where the hash is checked: no client gets a whole wrong blob. */
async function* untilVerified(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  let held: Uint8Array | undefined;
  for await (const piece of pieces) {
    if (held !== undefined) yield held;
    held = piece;
  }
  if (held !== undefined) yield held;
}

function keyOf(name: Repository, digest: Digest): string {
  return `${upstreamKey(name)}@${digest}`;
}

function wholeOf({ size }: Descriptor): BlobPart {
  return { first: 0, last: size - 1 };
}
