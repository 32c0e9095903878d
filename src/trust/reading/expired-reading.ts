import { hasCode } from "../../errors.ts";
import type { MetadataFile, RoleName, TargetsBody } from "../../tuf/metadata.ts";
import { parseMetadata } from "../../tuf/notary-v1/parse.ts";
import type { TrustedCollection } from "../../tuf/trusted-collection.ts";
import { TrustedMetadata } from "../../tuf/trusted-metadata.ts";
import type { TrustContext } from "../trust-context.ts";

/** Which expiry is accepted, besides that of the snapshot and of `targets`. */
export interface ExpiredReading {
  /** true only when the published change names other keys for the server's roles */
  readonly timestamp: boolean;
}

/**
 * Reads a collection whose `targets`, or whose snapshot kept by its publisher, has expired, so that its owner can sign it again: the only way
 * to repair it, and one the reference does not have. For writing only, nothing is ever verified for a reader this way.
 *
 * Everything except that expiry is checked as always. The timestamp must be fresh, so an attacker cannot present an old state as the one to
 * sign again; unless its keys are being replaced, because the server that lost them cannot sign another. The versions that this machine has seen
 * stay the lower limit then.
 *
 * @throws MetadataError what an update can refuse; NetworkError
 */
export async function readExpired(context: TrustContext, mayBe: ExpiredReading): Promise<TrustedCollection> {
  const { cache, gun, now, pinning } = context;
  const root = await cache.load("root");
  // As in every update: pinning decides where no root is cached.
  const trusted = new TrustedMetadata({ gun, now: now(), ...(root === undefined ? { pinning } : {}) });
  trusted.load("root", root ?? (await fetchExpected(context, trusted, "root")));
  await load(context, trusted, "timestamp", mayBe.timestamp);
  await load(context, trusted, "snapshot", true);
  await load(context, trusted, "targets", true);
  await loadDelegations(context, trusted, trusted.targets);
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

async function loadDelegations(
  context: TrustContext,
  trusted: TrustedMetadata,
  parent: MetadataFile<TargetsBody> | undefined,
): Promise<void> {
  for (const { name } of parent?.body.delegations.roles ?? []) {
    if (trusted.expected(name).meta === undefined) continue;
    try {
      await load(context, trusted, name, false);
      await loadDelegations(context, trusted, trusted.delegations.get(name));
    } catch (error) {
      // Kept separately by the set: a holder of its key can recover it or start it empty.
      if (!hasCode(error, "METADATA_THRESHOLD_NOT_MET", "METADATA_EXPIRED")) throw error;
    }
  }
}

async function fetchExpected(context: TrustContext, trusted: TrustedMetadata, role: RoleName): Promise<Uint8Array> {
  const { name, maxBytes } = trusted.expected(role);
  return await context.repository.fetch(name, maxBytes);
}

/** The version this machine has seen; no lower one is accepted. */
async function knownVersion({ cache }: TrustContext, role: RoleName): Promise<number> {
  const bytes = await cache.load(role);
  return bytes === undefined ? 1 : parseMetadata(role, bytes).body.version;
}
