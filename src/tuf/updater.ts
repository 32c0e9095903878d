/**
 * Updates a collection: what to request, in which order, and what to do when an answer is refused. What may be trusted is
 * decided in `trusted-metadata.ts`; nothing here weakens it.
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import { MetadataError, hasCode } from "../errors.ts";
import { CachedFiles } from "./cached-files.ts";
import { isDue } from "./expiry.ts";
import type { MetadataFile } from "./metadata.ts";
import { bootstrap, updateRoot } from "./root-update.ts";
import type { Bootstrap } from "./root-update.ts";
import { askForTimestamp, type TimestampAnswer } from "./timestamp-update.ts";
import type { TrustedCollection } from "./trusted-collection.ts";
import type { TrustedMetadata } from "./trusted-metadata.ts";
import type { UpdateOptions, UpdateWarning } from "./update-options.ts";
import { updateBelowRoot, type UpdatedBelowRoot } from "./update-pass.ts";

export type { TrustPinning } from "./pinning.ts";
export type { MetadataCache, MetadataSource, UpdateOptions, UpdateWarning } from "./update-options.ts";

/**
 * Updates a collection and returns what may be trusted now. Every file is cached as soon as it is verified, so that
 * a later update cannot go back behind it, even if this one fails.
 *
 * When anything below the root is refused, the root is updated and everything is tried again, once: keys may have been rotated.
 *
 * @throws MetadataError for anything that must not be trusted: `METADATA_*`, `ROOT_*`, `TOO_LARGE`; `REPOSITORY_NOT_SIGNED` when the
 *   server does not have the collection; `METADATA_CACHE_CORRUPT` when the cache of this machine is damaged
 * @throws TagsealError what the source throws, when no cached file may be used
 * @see Notary v1: client update
 */
export async function updateCollection(options: UpdateOptions): Promise<TrustedCollection> {
  const files = new CachedFiles(options.cache, (warning) => options.onWarning?.(warning));
  // The answer is on its way while the cached root is checked. A first update asks for the root first: the collection may not exist.
  const asked = (await files.has("root")) ? askForTimestamp(options) : undefined;
  if (asked !== undefined) await nextTurn();
  const start = await bootstrap(options, files);
  const { trusted, origin, parts } = await updateWithRetry(options, files, start, asked);
  const isTimestampCached = origin === "cache";
  const whole = trusted.finish();
  const delegations = parts.size === 0 ? whole.delegations : new Map([...whole.delegations, ...parts]);
  const { onlyTarget } = options;
  const asRead = { delegations, ...(onlyTarget === undefined ? {} : { onlyTarget }) };
  const collection = { ...whole, ...asRead, isTimestampCached, pinnedOnFirstUse: start.isFirstUse };
  for (const warning of expiryWarnings(collection, trusted, options.now)) options.onWarning?.(warning);
  return collection;
}

interface Updated extends UpdatedBelowRoot {
  readonly trusted: TrustedMetadata;
}

async function updateWithRetry(
  options: UpdateOptions,
  files: CachedFiles,
  start: Bootstrap,
  asked: Promise<TimestampAnswer> | undefined,
): Promise<Updated> {
  const { trusted: first, root, pinning } = start;
  let wasRefused: boolean;
  try {
    const updated = await updateBelowRoot({ options, files, trusted: first }, { cachedTimestamp: true }, asked);
    return { trusted: first, ...updated };
  } catch (error) {
    if (!mayBeCuredByNewRoot(error)) throw error;
    wasRefused = error instanceof MetadataError && error.code !== "METADATA_MISSING";
  }
  const { trusted } = await updateRoot(options, files, root, { rootMeta: first.rootMeta, pinning });
  // A refusal stands even if the server then stops answering.
  const updated = await updateBelowRoot({ options, files, trusted }, { cachedTimestamp: !wasRefused });
  return { trusted, ...updated };
}

/** A server that cannot be reached does not deliver a root either, and a damaged cache is not its fault. */
function mayBeCuredByNewRoot(error: unknown): boolean {
  if (hasCode(error, "METADATA_CACHE_CORRUPT", "METADATA_STALE", "METADATA_ORDER")) return false;
  if (hasCode(error, "METADATA_MISSING", "TRUST_SERVER_ERROR", "TRUST_SERVER_REFUSED", "RESPONSE_TOO_LARGE"))
    return true;
  return error instanceof MetadataError;
}

/** What is due. The server renews the timestamp itself. */
function expiryWarnings(collection: TrustedCollection, trusted: TrustedMetadata, now: Date): UpdateWarning[] {
  const files: MetadataFile[] = [
    collection.root,
    collection.targets,
    ...collection.delegations.values(),
    collection.snapshot,
  ];
  const certificates = trusted.rootVerdict?.warnings ?? [];
  return [
    ...certificates.map((message): UpdateWarning => ({ kind: "certificate-near-expiry", message, role: "root" })),
    ...files
      .filter((file) => isDue(file.body.expiresAt, now))
      .map((file): UpdateWarning => {
        const message = `${file.role} is nearing expiry, you should re-sign the role metadata`;
        return { kind: "near-expiry", message, role: file.role };
      }),
  ];
}
