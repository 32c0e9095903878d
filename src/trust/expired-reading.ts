import { hasCode } from "../errors.ts";
import type { MetadataFile, RoleName, TargetsBody } from "../tuf/metadata.ts";
import { parseMetadata } from "../tuf/notary-v1/parse.ts";
import type { TrustedCollection } from "../tuf/trusted-collection.ts";
import { TrustedMetadata } from "../tuf/trusted-metadata.ts";
import type { TrustContext } from "./trust-context.ts";

/** Which expiry is no reason to refuse, beside that of the snapshot and of `targets`. */
export interface ExpiredReading {
  /** true only when what is published names other keys for the server's roles */
  readonly timestamp: boolean;
}

/**
 * Reads a collection whose `targets`, or whose snapshot kept by its publisher, has expired, so that its owner can sign it again: the only way
 * to repair it, and one the reference does not have. For writing only, nothing is ever verified for a reader this way.
 *
 * Everything but that expiry is checked as always. The timestamp must be fresh, so an attacker cannot pass off an old state as the one to be
 * signed again; unless its keys are being replaced, because the server that lost them could not sign another. What this machine has seen
 * stays the bound then.
 *
 * @throws MetadataError what an update can refuse; NetworkError
 */
export async function readExpired(context: TrustContext, mayBe: ExpiredReading): Promise<TrustedCollection> {
  const { cache, gun, now, pinning } = context;
  const root = await cache.load("root");
  // As in every update: what was pinned counts where no root is remembered that could speak for itself.
  const trusted = new TrustedMetadata({ gun, now: now(), ...(root === undefined ? { pinning } : {}) });
  trusted.load("root", root ?? (await fetchExpected(context, trusted, "root")));
  await load(context, trusted, "timestamp", mayBe.timestamp);
  await load(context, trusted, "snapshot", true);
  await loadDelegations(context, trusted, await load(context, trusted, "targets", true));
  return trusted.finish();
}

async function load(
  context: TrustContext,
  trusted: TrustedMetadata,
  role: RoleName,
  allowExpired: boolean,
): Promise<MetadataFile> {
  const bytes = await fetchExpected(context, trusted, role);
  return trusted.load(role, bytes, { minVersion: await knownVersion(context, role), allowExpired });
}

async function loadDelegations(context: TrustContext, trusted: TrustedMetadata, parent: MetadataFile): Promise<void> {
  for (const { name } of (parent as MetadataFile<TargetsBody>).body.delegations.roles ?? []) {
    if (trusted.expected(name).meta === undefined) continue;
    try {
      await loadDelegations(context, trusted, await load(context, trusted, name, false));
    } catch (error) {
      // Kept aside by the set: whoever holds its key can take it back or start it anew.
      if (!hasCode(error, "METADATA_THRESHOLD_NOT_MET", "METADATA_EXPIRED")) throw error;
    }
  }
}

async function fetchExpected(context: TrustContext, trusted: TrustedMetadata, role: RoleName): Promise<Uint8Array> {
  const { name, maxBytes } = trusted.expected(role);
  return await context.server.fetch(name, maxBytes);
}

/** The version this machine has seen; below it nothing is carried on. */
async function knownVersion({ cache }: TrustContext, role: RoleName): Promise<number> {
  const bytes = await cache.load(role);
  return bytes === undefined ? 1 : parseMetadata(role, bytes).body.version;
}
