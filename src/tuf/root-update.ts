/** Gets a root that may be trusted: from the cache or from the server, and then newer ones, step by step. */

import { MetadataError, hasCode } from "../errors.ts";
import { cacheCorrupt } from "./cached-file-damage.ts";
import type { CachedFiles } from "./cached-files.ts";
import type { FileMeta, RootFile } from "./metadata.ts";
import { maxFileBytes } from "./notary-v1/bounds.ts";
import { parseMetadata } from "./notary-v1/parse.ts";
import type { TrustPinning } from "./pinning.ts";
import { verifyRoot } from "./root-trust.ts";
import { TrustedMetadata } from "./trusted-metadata.ts";
import type { UpdateOptions } from "./update-options.ts";

/** A set with a root and nothing else. */
export interface RootedSet {
  readonly trusted: TrustedMetadata;
  readonly root: RootFile;
}

/** Where an update starts, and where its root came from. */
export interface Bootstrap extends RootedSet {
  /** the root is trusted on first use only */
  readonly isFirstUse: boolean;
  /** consulted for later roots, unless an unexpired cached root is trusted already */
  readonly pinning: TrustPinning | undefined;
}

/** An honest history has no more rotations than this between two updates. */
const maxRootSteps = 1024;

/**
 * Starts from the cached root if there is one: all trust begins there, so a damaged one is final. An expired one still verifies
 * its successor.
 *
 * @throws MetadataError `METADATA_CACHE_CORRUPT`; `REPOSITORY_NOT_SIGNED`; what {@link updateRoot} throws
 * @see Notary v1: bootstrap
 */
export async function bootstrap(options: UpdateOptions, files: CachedFiles): Promise<Bootstrap> {
  const cached = (await files.latest("root")) as RootFile | undefined;
  if (cached === undefined) return await firstRoot(options, files);
  const trusted = loadCachedRoot(options, cached);
  files.oldRoot = cached;
  if (trusted === undefined) {
    const { pinning } = options;
    return { ...(await updateRoot(options, files, cached, { pinning })), isFirstUse: false, pinning };
  }
  return { trusted, root: cached, isFirstUse: false, pinning: undefined };
}

/**
 * Fetches the newest root and makes a new set with it. If `current` did not sign it, every root in between is fetched and must be signed by
 * the one before.
 *
 * Off-spec: a root in between must have the requested version, which the reference does not check; and an expired cached root may
 * be several versions behind.
 *
 * @param about what a verified snapshot says about the root, and what the user pinned
 * @throws MetadataError `ROOT_ROTATION_REFUSED`, `ROOT_INVALID`, `ROOT_PINNING_MISMATCH`, `METADATA_VERSION_MISMATCH`,
 *   `METADATA_VERSION_ROLLBACK`, `METADATA_EXPIRED`, `METADATA_HASH_MISMATCH`, `METADATA_MALFORMED`, `REPOSITORY_NOT_SIGNED`
 * @see Notary v1: root update
 */
export async function updateRoot(
  options: UpdateOptions,
  files: CachedFiles,
  current: RootFile,
  about: { readonly rootMeta?: FileMeta | undefined; readonly pinning: TrustPinning | undefined },
): Promise<RootedSet> {
  const setAfter = (previousRoot: RootFile): TrustedMetadata =>
    new TrustedMetadata({ ...options, ...about, previousRoot });
  const firstTry = setAfter(current);
  const { name, maxBytes } = firstTry.expected("root");
  const bytes = await fetchRoot(options, name, maxBytes);
  const minVersion = current.body.version;
  const newest = await loadOrWalk(firstTry, bytes, minVersion, async (root) => {
    const trusted = setAfter(await walkRoots(options, current, root.body.version));
    return { trusted, root: loadRoot(trusted, root, minVersion) };
  });
  if (!Buffer.from(current.bytes).equals(newest.root.bytes)) await files.store(newest.root);
  return newest;
}

async function loadOrWalk(
  trusted: TrustedMetadata,
  bytes: Uint8Array,
  minVersion: number,
  walk: (newest: RootFile) => Promise<RootedSet>,
): Promise<RootedSet> {
  try {
    return { trusted, root: loadRoot(trusted, bytes, minVersion) };
  } catch (error) {
    if (!hasCode(error, "ROOT_ROTATION_REFUSED")) throw error;
    const newest = parseMetadata("root", bytes);
    if (newest.body.version <= minVersion + 1) throw error;
    return await walk(newest);
  }
}

function loadRoot(trusted: TrustedMetadata, input: Uint8Array | RootFile, minVersion: number): RootFile {
  return trusted.load("root", input, { minVersion }) as RootFile;
}

/**
 * From `current` to the root before `newestVersion`; only signatures matter on the way, these roots are used for nothing else.
 *
 * @throws MetadataError `ROOT_ROTATION_REFUSED`, `ROOT_INVALID`, `METADATA_VERSION_MISMATCH`, `METADATA_MALFORMED`, `REPOSITORY_NOT_SIGNED`
 */
export async function walkRoots(
  options: Pick<UpdateOptions, "gun" | "now" | "source" | "cache">,
  current: RootFile,
  newestVersion: number,
): Promise<RootFile> {
  if (newestVersion - current.body.version > maxRootSteps) {
    const reason = `the newest root has version ${newestVersion}, more than ${maxRootSteps} after version ${current.body.version}`;
    throw new MetadataError("ROOT_ROTATION_REFUSED", reason);
  }
  let previous = current;
  for (let version = current.body.version + 1; version < newestVersion; version++) {
    const step = parseMetadata("root", await fetchRoot(options, `${version}.root`, maxFileBytes("root")));
    if (step.body.version !== version) {
      throw new MetadataError(
        "METADATA_VERSION_MISMATCH",
        `asked for version ${version} of the root and got version ${step.body.version}`,
      );
    }
    verifyRoot(step, { gun: options.gun, now: options.now, previous, ignoreCertificateExpiry: true });
    await options.cache.keepPastRoot?.(version, step.bytes);
    previous = step;
  }
  return previous;
}

async function firstRoot(options: UpdateOptions, files: CachedFiles): Promise<Bootstrap> {
  const trusted = new TrustedMetadata(options);
  const { name, maxBytes } = trusted.expected("root");
  const root = loadRoot(trusted, await fetchRoot(options, name, maxBytes), 1);
  await files.store(root);
  files.oldRoot = root;
  return { trusted, root, isFirstUse: trusted.rootVerdict?.isFirstUse ?? false, pinning: options.pinning };
}

/** The set, or `undefined` when the root or all its certificates have expired and it can only verify its successor. Pinning is not consulted. */
function loadCachedRoot(options: UpdateOptions, cached: RootFile): TrustedMetadata | undefined {
  const { gun, now } = options;
  const trusted = new TrustedMetadata({ gun, now });
  try {
    trusted.load("root", cached);
    return trusted;
  } catch (error) {
    if (!(error instanceof MetadataError)) throw error;
    if (error.code === "METADATA_EXPIRED") return undefined;
    if (error.code === "ROOT_INVALID" && isSoundApartFromExpiry(cached, options)) return undefined;
    throw cacheCorrupt(options.cache, "root", "it is not signed by its own keys", error);
  }
}

/** Off-spec: the reference rejects a cached root whose certificates expired; the only way out is then to trust the server blindly. */
function isSoundApartFromExpiry(cached: RootFile, { gun, now }: UpdateOptions): boolean {
  try {
    verifyRoot(cached, { gun, now, ignoreCertificateExpiry: true });
    return true;
  } catch (error) {
    if (!hasCode(error, "ROOT_INVALID")) throw error;
    return false;
  }
}

async function fetchRoot(
  options: Pick<UpdateOptions, "gun" | "source">,
  name: string,
  maxBytes: number,
): Promise<Uint8Array> {
  try {
    return await options.source.fetch(name, maxBytes);
  } catch (cause) {
    if (!hasCode(cause, "METADATA_MISSING")) throw cause;
    throw new MetadataError("REPOSITORY_NOT_SIGNED", `the trust server does not have trust data for ${options.gun}`, {
      cause,
    });
  }
}
