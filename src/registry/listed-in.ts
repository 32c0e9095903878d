/** Finds which manifests list another one: the index of a platform's image. */
import { hasCode } from "../errors.ts";
import type { Digest } from "../reference/digest.ts";
import { type Descriptor, isIndexType, type ManifestContent, parseManifest } from "./manifest.ts";

/** A repository, or what stands before it. */
export interface ManifestSource {
  /** A manifest by its digest, verified. @throws NetworkError as `RegistryClient.manifest` does */
  manifest(digest: Digest): Promise<ManifestContent>;
}

/** Manifests that are fetched for one answer. */
const maxFetched = 1_000;
const atOnce = 8;
const maxDepth = 4;

/**
 * The first of some manifests that lists another one, directly or through indexes that it lists. What the registry does not have, or what is not a
 * manifest, lists nothing.
 *
 * @returns undefined when none of them does, as far as the first thousand say
 * @throws NetworkError as requests do
 */
export async function listedIn(
  repository: ManifestSource,
  candidates: readonly Digest[],
  wanted: Digest,
): Promise<Digest | undefined> {
  return await firstThatLists(repository, candidates, { wanted, follows: ({ mediaType }) => isIndexType(mediaType) });
}

/** Fetches some manifests and those that they list, within the bounds of {@link listedIn}, for a source that notes what passes. */
export async function fetchListed(repository: ManifestSource, candidates: readonly Digest[]): Promise<void> {
  await firstThatLists(repository, candidates, { wanted: undefined, follows: () => true });
}

interface Search {
  readonly wanted: Digest | undefined;
  /** whether what a listed manifest lists is looked at, too */
  readonly follows: (child: Descriptor) => boolean;
}

type Fetch = (digest: Digest) => Promise<readonly Descriptor[]>;

async function firstThatLists(
  repository: ManifestSource,
  candidates: readonly Digest[],
  search: Search,
): Promise<Digest | undefined> {
  const considered = [...new Set(candidates)].slice(0, maxFetched);
  const fetched = new Map<Digest, Promise<readonly Descriptor[]>>();
  const fetchOnce: Fetch = async (digest) => {
    const known = fetched.get(digest) ?? (fetched.size < maxFetched ? listedBy(repository, digest) : undefined);
    if (known !== undefined) fetched.set(digest, known);
    return (await known) ?? [];
  };
  for (let from = 0; from < considered.length; from += atOnce) {
    const some = considered.slice(from, from + atOnce);
    const answers = await Promise.all(some.map(async (digest) => await lists(digest, search, fetchOnce)));
    const found = some[answers.indexOf(true)];
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Level by level, each manifest once: a publisher may list one index a thousand times, at every level. */
async function lists(top: Digest, { wanted, follows }: Search, fetchOnce: Fetch): Promise<boolean> {
  const seen = new Set([top]);
  let level: ReadonlySet<Digest> = new Set([top]);
  for (let depth = 0; depth <= maxDepth && level.size > 0; depth += 1) {
    const next = new Set<Digest>();
    // one after the other: the candidates are asked side by side already
    for (const digest of level)
      for (const child of await fetchOnce(digest)) {
        if (child.digest === wanted) return true;
        if (!seen.has(child.digest) && follows(child)) next.add(child.digest);
      }
    for (const digest of next) seen.add(digest);
    level = next;
  }
  return false;
}

async function listedBy(repository: ManifestSource, digest: Digest): Promise<readonly Descriptor[]> {
  try {
    const { bytes, descriptor } = await repository.manifest(digest);
    const manifest = parseManifest(bytes, descriptor.mediaType);
    return manifest.kind === "index" ? manifest.manifests : [];
  } catch (error) {
    if (hasCode(error, "REGISTRY_NOT_FOUND", "IMAGE_MALFORMED", "REGISTRY_DIGEST_MISMATCH")) return [];
    throw error;
  }
}
