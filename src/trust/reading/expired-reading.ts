import { hasCode } from "../../errors.ts";
import type { MetadataFile, RoleName, TargetsFile } from "../../tuf/metadata.ts";
import { maxFileBytes } from "../../tuf/notary-v1/bounds.ts";
import { parseMetadata } from "../../tuf/notary-v1/parse.ts";
import { hasRootExpired } from "../../tuf/root-trust.ts";
import { walkRoots } from "../../tuf/root-update.ts";
import { shardIndexOf } from "../../tuf/shards/shard-index.ts";
import type { TrustedCollection } from "../../tuf/trusted-collection.ts";
import { TrustedMetadata } from "../../tuf/trusted-metadata.ts";
import type { MetadataSource } from "../../tuf/updater.ts";
import type { TrustContext } from "../trust-context.ts";

/** Which expiry is accepted, besides that of what publishers sign. */
export interface ExpiredReading {
  /** true only to show it, or when the published change names other keys for the server's roles */
  readonly timestamp: boolean;
}

/** What such a reading needs of a context; the files may come from something other than a server. */
export type ReadingFrom = Pick<TrustContext, "gun" | "cache" | "now" | "pinning"> & {
  readonly repository: MetadataSource;
};

/**
 * Reads a collection whose root, a root certificate, `targets`, or a snapshot kept by its publisher has expired, so that its owner can sign it
 * again: the only way to repair it, and one the reference does not have. For writing and for showing what has expired, nothing is ever
 * verified for a reader this way.
 *
 * Everything except that expiry is checked as always. The timestamp must be fresh, so an attacker cannot present an old state as the one to
 * sign again; unless its keys are being replaced, because the server that lost them cannot sign another, or the root has expired, because the
 * server signs nothing under such a root. The versions that this machine has seen stay the lower limit then.
 *
 * @throws MetadataError what an update can refuse; NetworkError
 */
export async function readExpired(context: ReadingFrom, mayBe: ExpiredReading): Promise<TrustedCollection> {
  const trusted = await withNewestRoot(context);
  await load(context, trusted, "timestamp", mayBe.timestamp || isRootExpired(trusted));
  await load(context, trusted, "snapshot", true);
  await load(context, trusted, "targets", true);
  await loadDelegations(context, trusted, trusted.targets);
  return trusted.finish();
}

/** An update stores no expired root, so the server may have newer ones than the cache. */
async function withNewestRoot(context: ReadingFrom): Promise<TrustedMetadata> {
  const { cache, gun, pinning, repository } = context;
  const now = context.now();
  const bytes = await cache.load("root");
  const newest = parseMetadata("root", await repository.fetch("root", maxFileBytes("root")));
  if (bytes === undefined) {
    const first = new TrustedMetadata({ gun, now, pinning });
    first.load("root", newest, { allowExpired: true });
    return first;
  }
  const cached = parseMetadata("root", bytes);
  const steps = { gun, now, source: repository, cache };
  const trusted = new TrustedMetadata({ gun, now, previousRoot: await walkRoots(steps, cached, newest.body.version) });
  trusted.load("root", newest, { minVersion: cached.body.version, allowExpired: true });
  return trusted;
}

/** Only then can the server not sign a timestamp. */
function isRootExpired({ root, gun, now }: TrustedMetadata): boolean {
  return root === undefined || hasRootExpired(root, { gun, now });
}

async function load(
  context: ReadingFrom,
  trusted: TrustedMetadata,
  role: RoleName,
  allowExpired: boolean,
): Promise<MetadataFile> {
  const bytes = await fetchExpected(context, trusted, role);
  return trusted.load(role, bytes, { minVersion: await knownVersion(context, role), allowExpired });
}

async function loadDelegations(
  context: ReadingFrom,
  trusted: TrustedMetadata,
  parent: TargetsFile | undefined,
): Promise<void> {
  for (const { name } of parent?.body.delegations.roles ?? []) {
    if (trusted.expected(name).meta === undefined) continue;
    try {
      await load(context, trusted, name, false);
      const file = trusted.delegations.get(name);
      if (file !== undefined && shardIndexOf(file) === undefined) await loadDelegations(context, trusted, file);
    } catch (error) {
      // Kept separately by the set: a holder of its key can recover it or start it empty.
      if (!hasCode(error, "METADATA_THRESHOLD_NOT_MET", "METADATA_EXPIRED")) throw error;
    }
  }
}

async function fetchExpected(context: ReadingFrom, trusted: TrustedMetadata, role: RoleName): Promise<Uint8Array> {
  const { name, maxBytes } = trusted.expected(role);
  return await context.repository.fetch(name, maxBytes);
}

/** The version this machine has seen; no lower one is accepted. */
async function knownVersion({ cache }: ReadingFrom, role: RoleName): Promise<number> {
  const bytes = await cache.load(role);
  return bytes === undefined ? 1 : parseMetadata(role, bytes).body.version;
}
