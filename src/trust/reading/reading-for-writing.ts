/** How a publisher reads the collection that its change builds on. */

import { hasCode, type MetadataError } from "../../errors.ts";
import { isExpired } from "../../tuf/expiry.ts";
import { maxFileBytes } from "../../tuf/notary-v1/bounds.ts";
import { hasRootExpired } from "../../tuf/root-trust.ts";
import type { TrustedCollection } from "../../tuf/trusted-collection.ts";
import { withClocks } from "./clock-difference.ts";
import type { TrustContext } from "../trust-context.ts";
import { readCollection } from "./collection-reading.ts";

/** What kind of change will be written. */
export interface WritingOptions {
  /**
   * The change names other keys for the server's roles. The timestamp may then have expired: a server that lost its keys cannot sign the
   * next one, and this change repairs that. Default: it must be fresh.
   */
  readonly replacesServerKeys?: boolean | undefined;
}

/**
 * Updates the view for writing: no cached file replaces an answer, since what is published must follow what the server has now. What its
 * publishers sign may have expired: the publication signs it again.
 *
 * @returns undefined when the server has no such collection
 */
export async function readForWriting(
  context: TrustContext,
  options: WritingOptions = {},
): Promise<TrustedCollection | undefined> {
  try {
    return await readCollection(context, { maxStalenessMs: 0 });
  } catch (error) {
    if (hasCode(error, "REPOSITORY_NOT_SIGNED")) return undefined;
    // Expired certificates make a root invalid; the second reading says so if anything else is wrong with it.
    if (hasCode(error, "METADATA_EXPIRED", "ROOT_INVALID")) return await readToRepair(context, error, options);
    // A writer fails because the server did not answer, not because of the age of the cache.
    const failure: unknown = hasCode(error, "METADATA_STALE") ? error.cause : error;
    // With a root in the cache another file is the first that is missing: only the root shows whether the collection is gone or broken.
    if (hasCode(failure, "METADATA_MISSING") && (await isAbsent(context))) return undefined;
    throw failure;
  }
}

/** An expiry that the change repairs: other keys of the server, or a new signature of the owner. Any other expiry stays an error. */
async function readToRepair(
  context: TrustContext,
  cause: MetadataError,
  { replacesServerKeys = false }: WritingOptions,
): Promise<TrustedCollection> {
  const { readExpired } = await import("./expired-reading.ts");
  const collection = await explained(context, () => readExpired(context, { timestamp: replacesServerKeys }));
  const { gun, root, timestamp } = collection;
  const now = context.now();
  const isForKeys = !hasRootExpired(root, { gun, now }) && timestamp !== undefined && isExpired(timestamp.body, now);
  const what = cause.code === "ROOT_INVALID" ? "the certificate of the root key has expired" : cause.message;
  const why = isForKeys
    ? "it counts only for replacing the server's keys"
    : "signing it again, with everything it contains";
  context.notify({ kind: "warning", gun, message: `${what}: ${why}` });
  return collection;
}

/** Clocks are compared for publishers as well as for readers. */
async function explained<T>(context: TrustContext, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw withClocks(error, context);
  }
}

async function isAbsent(context: TrustContext): Promise<boolean> {
  try {
    await context.repository.fetch("root", maxFileBytes("root"));
    return false;
  } catch (error) {
    if (hasCode(error, "METADATA_MISSING")) return true;
    throw error;
  }
}
