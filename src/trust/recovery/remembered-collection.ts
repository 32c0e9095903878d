/** The cached collection of this machine, verified from its trusted root down, for sending it back to a server that lost it. */

import { sha256Hex } from "../../crypto/sha256.ts";
import { hasCode, MetadataError } from "../../errors.ts";
import {
  type VerificationInput,
  type VerifiedCollection,
  verifyCollection,
} from "../../tuf/collection-verification.ts";
import type { MetadataCache, MetadataSource } from "../../tuf/updater.ts";
import type { TrustContext } from "../trust-context.ts";

/**
 * Verifies the cache of this machine, as every reader here would. Files that its snapshot names and that were never needed here are
 * fetched from the server by their hash: any other bytes are refused.
 *
 * @returns undefined when this machine never trusted the collection
 * @throws MetadataError `METADATA_CACHE_CORRUPT`; what verification refuses; `METADATA_MISSING` for a file that neither side has
 */
export async function rememberedCollection(context: TrustContext): Promise<VerifiedCollection | undefined> {
  const { gun, cache, repository } = context;
  if ((await cache.load("root")) === undefined) return undefined;
  const input = { gun, source: new RememberedSource(cache, repository), now: context.now() };
  const snapshot = await cache.load("snapshot");
  const outcomes = [await attempt(input), ...(snapshot === undefined ? [] : [await attempt({ ...input, snapshot })])];
  const verified = outcomes.filter((outcome) => "collection" in outcome).map(({ collection }) => collection);
  const [newest] = verified.toSorted((one, other) => snapshotVersion(other) - snapshotVersion(one));
  if (newest !== undefined) return newest;
  throw outcomes.find((outcome) => "error" in outcome)?.error;
}

type Outcome = { readonly collection: VerifiedCollection } | { readonly error: unknown };

/** A server with raised versions issued a timestamp whose snapshot was refused here: the cached snapshot is then the newer one. */
async function attempt(input: VerificationInput): Promise<Outcome> {
  try {
    return { collection: await verifyCollection(input) };
  } catch (error) {
    if (!(error instanceof MetadataError)) throw error;
    return { error };
  }
}

function snapshotVersion({ trusted }: VerifiedCollection): number {
  return trusted.snapshot.body.version;
}

/**
 * Verifies what the server has now. Files that are the same here are not fetched again.
 *
 * @returns undefined when it does not have the collection
 * @throws MetadataError for a server with contradictory files; NetworkError as `TrustRepository.fetch`
 */
export async function servedCollection(context: TrustContext): Promise<VerifiedCollection | undefined> {
  const { gun, cache, repository } = context;
  const source: MetadataSource = {
    fetch: async (name, maxBytes) => (await byHash(cache, name)) ?? (await repository.fetch(name, maxBytes)),
  };
  try {
    return await verifyCollection({ gun, source, now: context.now() });
  } catch (error) {
    if (hasCode(error, "REPOSITORY_NOT_SIGNED")) return undefined;
    throw error;
  }
}

/** This machine's files first. Files from the server are named by their hash, or are old roots that lead to the one trusted here. */
class RememberedSource implements MetadataSource {
  readonly #cache: MetadataCache;
  readonly #server: MetadataSource;

  constructor(cache: MetadataCache, server: MetadataSource) {
    this.#cache = cache;
    this.#server = server;
  }

  async fetch(name: string, maxBytes: number): Promise<Uint8Array> {
    const here = await this.#remembered(name);
    if (here !== undefined) return here;
    if (name === "root" || name === "timestamp") throw missing(name);
    return await this.#server.fetch(name, maxBytes);
  }

  async #remembered(name: string): Promise<Uint8Array | undefined> {
    const [, version] = /^(\d+)\.root$/u.exec(name) ?? [];
    if (version !== undefined) return await this.#cache.pastRoot?.(Number(version));
    return name.includes(".") ? await byHash(this.#cache, name) : await this.#cache.load(name);
  }
}

/** The cached file of `<role>.<sha256>`, if its hash matches. */
async function byHash(cache: MetadataCache, name: string): Promise<Uint8Array | undefined> {
  const [, role = "", sha256] = /^(.+)\.([0-9a-f]{64})$/u.exec(name) ?? [];
  const bytes = sha256 === undefined ? undefined : await cache.load(role);
  return bytes !== undefined && sha256Hex(bytes) === sha256 ? bytes : undefined;
}

function missing(name: string): MetadataError {
  return new MetadataError("METADATA_MISSING", `this machine remembers no ${name}`);
}
