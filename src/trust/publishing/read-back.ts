import { hasCode, MetadataError, NetworkError, TagsealError } from "../../errors.ts";
import type { RoleName } from "../../tuf/metadata.ts";
import { parentOf } from "../../tuf/role-name.ts";
import type { TrustedCollection } from "../../tuf/trusted-collection.ts";
import type { MetadataCache } from "../../tuf/updater.ts";
import { readCollection } from "../reading/collection-reading.ts";
import { pause } from "../../timing/pause.ts";
import type { TrustContext } from "../trust-context.ts";

/** Role files sent to the server. */
export type PublishedFiles = ReadonlyMap<RoleName, Uint8Array>;

/** Waits between reads, in milliseconds: a server of several machines may need a moment until all of them agree. */
const delaysMs = [50, 200, 500, 1_000];

/**
 * Reads the collection back after the server acknowledged, as a reader with these files does: usually two small requests. What was
 * published is then current, or replaced by a newer state that still has the change. Caches what was published; a root at once, so that a server
 * which presents another one is refused, now and later.
 *
 * @param files acknowledged by the server, and a root among them signed as its predecessor demands
 * @throws NetworkError `PUBLISH_UNCONFIRMED` when the server does not present what it acknowledged; `PUBLISH_CONFLICT` when another publisher has
 *   already replaced the change; TagsealError `CANCELLED`
 */
export async function readBack(
  context: TrustContext,
  files: PublishedFiles,
  change: { isIn(collection: TrustedCollection): boolean },
): Promise<TrustedCollection> {
  const root = files.get("root");
  if (root !== undefined) await context.cache.store("root", root);
  for (const delayMs of [0, ...delaysMs]) {
    if (delayMs > 0) await pause(delayMs, context.signal);
    const collection = await lookAgain(context, files, delayMs === delaysMs.at(-1));
    if (collection === undefined) continue;
    await remember(context.cache, files, collection);
    if (!change.isIn(collection)) throw replaced(context);
    return collection;
  }
  throw unconfirmed(context, undefined);
}

async function lookAgain(
  context: TrustContext,
  files: PublishedFiles,
  isLast: boolean,
): Promise<TrustedCollection | undefined> {
  try {
    const cache = withPublished(context.cache, files);
    return await readCollection({ ...context, cache }, { maxStalenessMs: 0 });
  } catch (error) {
    if (hasCode(error, "CANCELLED")) throw cancelled(error);
    if (isLast || !(error instanceof TagsealError)) throw unconfirmed(context, error);
    return undefined;
  }
}

/** The future cache: the server must then present these files or newer ones. */
function withPublished(cache: MetadataCache, files: PublishedFiles): MetadataCache {
  const published = new Map(files);
  return {
    load: async (role) => published.get(role) ?? (await cache.load(role)),
    store: async (role, bytes) => {
      published.delete(role);
      await cache.store(role, bytes);
    },
    keepPastRoot: async (version, bytes) => await cache.keepPastRoot?.(version, bytes),
  };
}

async function remember(cache: MetadataCache, files: PublishedFiles, collection: TrustedCollection): Promise<void> {
  for (const [role, bytes] of files) {
    const current = fileOf(collection, role);
    if (current !== undefined && Buffer.compare(current, bytes) === 0) await cache.store(role, bytes);
  }
}

function fileOf(collection: TrustedCollection, role: RoleName): Uint8Array | undefined {
  switch (role) {
    case "root":
      return collection.root.bytes;
    case "targets":
      return collection.targets.bytes;
    case "snapshot":
      return collection.snapshot.bytes;
    default:
      return (collection.delegations.get(role) ?? collection.shardIndexes.get(parentOf(role))?.file)?.bytes;
  }
}

function replaced({ gun }: TrustContext): NetworkError {
  return new NetworkError(
    "PUBLISH_CONFLICT",
    `the change to ${gun} was published, and replaced by another publisher's right after`,
    {
      hint: "List the repository to see what is signed now.",
    },
  );
}

function unconfirmed({ gun }: TrustContext, cause: unknown): NetworkError {
  const reason = cause instanceof MetadataError ? `: ${cause.message}` : "";
  const message = `the trust server accepted the change to ${gun} but does not present it${reason}`;
  return new NetworkError("PUBLISH_UNCONFIRMED", message, {
    cause,
    hint: "List the repository before trying again: readers may or may not see the change.",
  });
}

function cancelled(cause: unknown): TagsealError {
  return new TagsealError("CANCELLED", "cancelled; the trust server had already accepted the change", { cause });
}
