/** The registries behind the gateway: one client for each repository, and manifests that were fetched by their digest. */
import { TagsealError } from "../errors.ts";
import type { Digest } from "../reference/digest.ts";
import type { ManifestContent } from "../registry/manifest.ts";
import type { RegistryClient } from "../registry/registry-client.ts";
import { BoundedMap } from "../service/bounded-map.ts";
import { increase } from "../service/metrics.ts";
import { GatewayRefusal } from "./gateway-refusal.ts";
import { type Repository, upstreamKey } from "./served-name.ts";

/** Opens the client of a repository. */
export type OpenUpstream = (name: Repository, access: "pull" | "push") => Promise<RegistryClient>;

const maxClients = 1_000;
const maxManifestCacheBytes = 64 * 1024 * 1024;

/** See the top of this file. */
export class Upstreams {
  readonly #open: (name: Repository) => Promise<RegistryClient>;
  readonly #clients = new BoundedMap<string, Promise<RegistryClient>>(maxClients);
  readonly #manifests = new Map<string, ManifestContent>();
  readonly #fetching = new Map<string, Promise<ManifestContent>>();
  #manifestBytes = 0;
  /** requests to registries, and the failed ones by code: for the metrics */
  readonly counts = { requests: 0, failures: new Map<string, number>() };

  /** @param access the rights that its clients ask for */
  constructor(open: OpenUpstream, access: "pull" | "push" = "pull") {
    this.#open = async (name) => await open(name, access);
  }

  /** Content that arrives in pieces, from the client of a repository. */
  async *streamed(
    name: Repository,
    open: (client: RegistryClient) => AsyncIterable<Uint8Array>,
  ): AsyncGenerator<Uint8Array, void> {
    this.counts.requests += 1;
    try {
      yield* open(await this.#clientFor(name));
    } catch (error) {
      this.#noteFailure(error);
      throw error;
    }
  }

  /** Uses the client of a repository. */
  async use<T>(name: Repository, work: (client: RegistryClient) => Promise<T>): Promise<T> {
    this.counts.requests += 1;
    try {
      return await work(await this.#clientFor(name));
    } catch (error) {
      this.#noteFailure(error);
      throw error;
    }
  }

  /** The manifest of a digest, verified; from memory when it was fetched before. @throws NetworkError as `RegistryClient.manifest` does */
  async manifest(name: Repository, digest: Digest): Promise<ManifestContent> {
    const key = `${upstreamKey(name)}@${digest}`;
    const held = this.#manifests.get(key);
    if (held !== undefined) {
      this.#manifests.delete(key);
      this.#manifests.set(key, held);
      return held;
    }
    const fetching =
      this.#fetching.get(key) ??
      this.use(name, async (client) => await client.manifest(digest)).finally(() => this.#fetching.delete(key));
    this.#fetching.set(key, fetching);
    const content = await fetching;
    if (!this.#manifests.has(key)) this.#hold(key, content);
    return content;
  }

  /** Releases the clients. */
  close(): void {
    for (const client of this.#clients.values())
      client.then(
        (opened) => opened.close(),
        () => undefined,
      );
    this.#clients.clear();
  }

  #noteFailure(error: unknown): void {
    const code =
      error instanceof TagsealError ? error.code : error instanceof GatewayRefusal ? error.reason : "INTERNAL";
    increase(this.counts.failures, code);
  }

  /** One beyond the bound is not closed: requests may use it, and connections are shared. One that cannot be opened is tried again. */
  #clientFor(name: Repository): Promise<RegistryClient> {
    const key = upstreamKey(name);
    const client = this.#clients.get(key) ?? this.#open(name);
    this.#clients.set(key, client);
    client.catch(() => {
      if (this.#clients.get(key) === client) this.#clients.delete(key);
    });
    return client;
  }

  #hold(key: string, content: ManifestContent): void {
    this.#manifests.set(key, content);
    this.#manifestBytes += content.bytes.length;
    for (const [oldest, { bytes }] of this.#manifests) {
      if (this.#manifestBytes <= maxManifestCacheBytes) return;
      this.#manifests.delete(oldest);
      this.#manifestBytes -= bytes.length;
    }
  }
}
