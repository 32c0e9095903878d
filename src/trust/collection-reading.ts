import { hasCode, MetadataError } from "../errors.ts";
import type { TrustedCollection } from "../tuf/trusted-collection.ts";
import { type MetadataSource, updateCollection, type UpdateOptions } from "../tuf/updater.ts";
import type { TrustContext } from "./trust-context.ts";

/**
 * Brings this machine's view of the collection up to date, as every reader does.
 *
 * @throws MetadataError `REPOSITORY_NOT_SIGNED` when the server has no such collection; whatever an update can refuse
 * @throws NetworkError when the server cannot be asked and nothing fresh is cached
 */
export async function readCollection(
  context: TrustContext,
  overrides: Partial<UpdateOptions> = {},
): Promise<TrustedCollection> {
  const source = watchRoot(context.server);
  try {
    const collection = await updateCollection({ ...updateOptions(context), source, ...overrides });
    if (collection.pinnedOnFirstUse) announcePin(context, collection);
    return collection;
  } catch (error) {
    if (source.rootIsMissing() && hasCode(error, "METADATA_MISSING")) throw notSigned(context, error);
    throw error;
  }
}

/**
 * Brings the view up to date for writing: nothing cached stands in for an answer, since what is published must follow what the server has now.
 *
 * @returns undefined when the server has no such collection
 */
export async function readForWriting(
  context: TrustContext,
  overrides: Partial<UpdateOptions> = {},
): Promise<TrustedCollection | undefined> {
  try {
    return await readCollection(context, { maxStalenessMs: 0, ...overrides });
  } catch (error) {
    if (hasCode(error, "REPOSITORY_NOT_SIGNED")) return undefined;
    // With a root in the cache the first file that is missing is another one: only the root tells "gone" from "broken".
    if (hasCode(error, "METADATA_MISSING", "METADATA_STALE") && (await isAbsent(context))) return undefined;
    throw error;
  }
}

/** The refusal of a collection the server does not have. */
export function notSigned(context: TrustContext, cause?: unknown): MetadataError {
  const host = new URL(context.server.url).host;
  return new MetadataError("REPOSITORY_NOT_SIGNED", `${host} does not have trust data for ${context.gun}`, {
    cause,
    hint: "Nobody has signed in this repository yet, or the name or the trust server is not the one you meant.",
  });
}

async function isAbsent(context: TrustContext): Promise<boolean> {
  try {
    await context.server.fetch("root", maxRootBytes);
    return false;
  } catch (error) {
    if (hasCode(error, "METADATA_MISSING")) return true;
    throw error;
  }
}

const maxRootBytes = 100 * 1024 * 1024;

function updateOptions(context: TrustContext): Omit<UpdateOptions, "source"> {
  const { gun, cache, pinning, maxStalenessMs } = context;
  return {
    gun,
    cache,
    now: context.now(),
    ...(pinning === undefined ? {} : { pinning }),
    ...(maxStalenessMs === undefined ? {} : { maxStalenessMs }),
    onWarning: (warning) => context.notify({ kind: "warning", gun, message: warning.message }),
  };
}

function announcePin(context: TrustContext, collection: TrustedCollection): void {
  const rootKeyIds = collection.root.body.roles.get("root")?.keyIds ?? [];
  context.notify({ kind: "pinned-root", gun: context.gun, rootKeyIds });
}

function watchRoot(source: MetadataSource): MetadataSource & { rootIsMissing(): boolean } {
  let missing = false;
  const fetch = async (name: string, maxBytes: number): Promise<Uint8Array> => {
    try {
      return await source.fetch(name, maxBytes);
    } catch (error) {
      if (name === "root" && hasCode(error, "METADATA_MISSING")) missing = true;
      throw error;
    }
  };
  return { fetch, rootIsMissing: () => missing };
}
