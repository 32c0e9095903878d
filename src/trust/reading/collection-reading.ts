import { hasCode, MetadataError } from "../../errors.ts";
import type { RootFile } from "../../tuf/metadata.ts";
import { parseMetadata } from "../../tuf/notary-v1/parse.ts";
import { isPinned } from "../../tuf/pinning.ts";
import { verifyRoot } from "../../tuf/root-trust.ts";
import type { TrustedCollection } from "../../tuf/trusted-collection.ts";
import { type MetadataCache, updateCollection, type UpdateOptions, type UpdateWarning } from "../../tuf/updater.ts";
import { withClocks } from "./clock-difference.ts";
import { explainShutdown } from "../trust-server/docker-hub.ts";
import type { TrustContext } from "../trust-context.ts";
import { UnrememberedFiles } from "./unremembered-files.ts";

/**
 * Updates this machine's view of the collection, as every reader does.
 *
 * @throws MetadataError `REPOSITORY_NOT_SIGNED` when the server has no such collection; what an update can refuse
 * @throws NetworkError when the server cannot be reached and nothing fresh is cached
 * @throws UsageError `FILE_UNWRITABLE` when the context requires a writable cache and there is none
 */
export async function readCollection(
  context: TrustContext,
  overrides: Partial<UpdateOptions> = {},
): Promise<TrustedCollection> {
  const cache = watchFirstRoot(context.cache);
  const unremembered = new UnrememberedFiles();
  let silence: UpdateWarning | undefined;
  const onSilence = (warning: UpdateWarning): void => void (silence = warning);
  const collection = await update(context, cache, { unremembered, onSilence }, overrides);
  unremembered.tell(context);
  if (silence !== undefined) await warnOfCache(context, collection, silence);
  if (collection.pinnedOnFirstUse) announcePin(context, collection.root, unremembered);
  return collection;
}

/** Collects the warnings of an update. */
interface Listening {
  readonly unremembered: UnrememberedFiles;
  /** the server did not answer, and the cached timestamp is used */
  readonly onSilence: (warning: UpdateWarning) => void;
}

async function warnOfCache(
  context: TrustContext,
  collection: TrustedCollection,
  silence: UpdateWarning,
): Promise<void> {
  const { cachedWarning } = await import("./freshness.ts");
  context.notify({ kind: "warning", gun: context.gun, message: await cachedWarning(context, collection, silence) });
}

async function update(
  context: TrustContext,
  cache: FirstRootWatch,
  listening: Listening,
  overrides: Partial<UpdateOptions>,
): Promise<TrustedCollection> {
  try {
    const collection = await updateCollection({ ...updateOptions(context, listening), cache, ...overrides });
    requirePolicysRoot(context, collection.root);
    return collection;
  } catch (error) {
    // The root stays trusted although another file was refused, and this is the only moment to compare it.
    const root = isPinned(context.gun, context.pinning ?? {}) ? undefined : cache.firstRoot();
    if (root !== undefined) announcePin(context, parseMetadata("root", root), listening.unremembered);
    const refusal = hasCode(error, "REPOSITORY_NOT_SIGNED") ? notSigned(context, error) : error;
    throw withClocks(explainShutdown(refusal, context.repository.url, context.now()), context);
  }
}

/** A policy pins roots for good: one that was remembered before the policy must be of them as well. The update has judged first use. */
function requirePolicysRoot({ gun, pinning, now }: TrustContext, root: RootFile): void {
  if (pinning?.required === undefined) return;
  verifyRoot(root, { gun, now: now(), pinning: { ...pinning, disableTofu: false }, ignoreCertificateExpiry: true });
}

/** The refusal of a collection the server does not have. */
export function notSigned(context: TrustContext, cause?: unknown): MetadataError {
  return new MetadataError(
    "REPOSITORY_NOT_SIGNED",
    `${context.repository.name} does not have trust data for ${context.gun}`,
    {
      cause,
      hint: "The repository has no signatures yet, or the name or the trust server is not the one you meant.",
    },
  );
}

function updateOptions(context: TrustContext, { unremembered, onSilence }: Listening): UpdateOptions {
  const { gun, cache, repository: source, pinning, maxStalenessMs, timestampLifetimeMs } = context;
  return {
    gun,
    cache,
    source,
    now: context.now(),
    ...(pinning === undefined ? {} : { pinning }),
    ...(maxStalenessMs === undefined ? {} : { maxStalenessMs }),
    ...(timestampLifetimeMs === undefined ? {} : { timestampLifetimeMs }),
    onWarning: (warning) => {
      if (warning.kind === "cached-timestamp") onSilence(warning);
      else if (!unremembered.notice(warning))
        context.notify({ kind: "warning", gun, message: withCommand(warning, gun) });
    },
  };
}

/** The reference's sentences about what expires soon, and the command for the owner. */
function withCommand({ kind, message }: UpdateWarning, gun: string): string {
  return kind === "near-expiry" || kind === "certificate-near-expiry"
    ? `${message}: tagseal trust renew ${gun}`
    : message;
}

/** A cache that reports the root stored where there was none. */
interface FirstRootWatch extends MetadataCache {
  firstRoot(): Uint8Array | undefined;
}

function watchFirstRoot(cache: MetadataCache): FirstRootWatch {
  let hadNone = false;
  let firstRoot: Uint8Array | undefined;
  return {
    firstRoot: () => firstRoot,
    load: async (role) => {
      const bytes = await cache.load(role);
      if (role === "root") hadNone = bytes === undefined;
      return bytes;
    },
    store: async (role, bytes) => {
      if (role === "root" && hadNone) firstRoot ??= bytes;
      await cache.store(role, bytes);
    },
    ...(cache.locationOf === undefined ? {} : { locationOf: cache.locationOf.bind(cache) }),
    keepPastRoot: async (version, bytes) => await cache.keepPastRoot?.(version, bytes),
    confirmedAt: async (role) => await cache.confirmedAt?.(role),
    firstSeenAt: async (role) => await cache.firstSeenAt?.(role),
    confirm: async (role) => await cache.confirm?.(role),
  };
}

function announcePin({ gun, notify }: TrustContext, root: RootFile, unremembered: UnrememberedFiles): void {
  const rootKeyIds = root.body.roles.get("root")?.keyIds ?? [];
  notify({ kind: unremembered.has("root") ? "unremembered-root" : "pinned-root", gun, rootKeyIds });
}
