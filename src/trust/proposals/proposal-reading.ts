/** The published state that proposals are made from and judged against. */

import { hasCode, MetadataError } from "../../errors.ts";
import type { MetadataFile, RoleName } from "../../tuf/metadata.ts";
import type { ProposalBase } from "../../tuf/proposals/judged-proposal.ts";
import { targetsFileOf, type TrustedCollection } from "../../tuf/trusted-collection.ts";
import type { ReadingFrom } from "../reading/expired-reading.ts";
import { notSigned } from "../reading/collection-reading.ts";
import { readForWriting, type WritingOptions } from "../reading/reading-for-writing.ts";
import type { TrustContext } from "../trust-context.ts";

/** A verified collection, as the rules for proposals see it. What merely expired still has its content, which a new signature renews. */
export function proposalBaseOf(collection: TrustedCollection): ProposalBase {
  const invalid = (role: RoleName) => collection.invalidDelegations.get(role);
  const file = (role: RoleName): MetadataFile | undefined => {
    if (role === "root") return collection.root;
    const expired = hasCode(invalid(role)?.error, "METADATA_EXPIRED") ? invalid(role)?.file : undefined;
    return targetsFileOf(collection, role) ?? expired;
  };
  return {
    gun: collection.gun,
    file,
    versionOf: (role) => (file(role) ?? invalid(role)?.file)?.body.version ?? 0,
  };
}

/**
 * What is published now, verified against the root that this machine trusts.
 *
 * @throws MetadataError `REPOSITORY_NOT_SIGNED`, and what an update can refuse; NetworkError
 */
export async function readPublished(context: TrustContext, options: WritingOptions = {}): Promise<TrustedCollection> {
  const collection = await readForWriting(context, options);
  if (collection === undefined) throw notSigned(context);
  return collection;
}

/**
 * The same for a machine without a network: what it remembers, however old, when the trust server cannot be reached. A signature for an outdated state does no
 * harm, because no server accepts its version.
 *
 * @throws as {@link readPublished}; the network's error when this machine remembers nothing
 */
export async function readPublishedOrRemembered(context: TrustContext): Promise<TrustedCollection> {
  try {
    return await readPublished(context);
  } catch (error) {
    if (!hasCode(error, "NETWORK_UNREACHABLE", "NETWORK_TIMEOUT")) throw error;
    if ((await context.cache.load("root")) === undefined) throw error;
    const { readExpired } = await import("../reading/expired-reading.ts");
    const { gun, notify } = context;
    const message = `the trust server cannot be reached: the proposal is compared with what this machine remembers of ${gun}`;
    notify({ kind: "warning", gun, message });
    return await readExpired(withMemoryAsServer(context), { timestamp: true });
  }
}

function withMemoryAsServer(context: TrustContext): ReadingFrom {
  const { gun, cache } = context;
  const fetch = async (name: string): Promise<Uint8Array> => {
    const bytes = await cache.load(name.replace(/\.[0-9a-f]{64}$/u, ""));
    if (bytes !== undefined) return bytes;
    throw new MetadataError("METADATA_MISSING", `this machine does not remember ${name} of ${gun}`, {
      hint: `Read the repository while the trust server can be reached: tagseal trust inspect ${gun}`,
    });
  };
  return { ...context, repository: { fetch } };
}
