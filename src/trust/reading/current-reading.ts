/** Reads a collection once, for any number of decisions about it. */
import type { TrustedCollection } from "../../tuf/trusted-collection.ts";
import type { TrustContext } from "../trust-context.ts";
import { readCollection } from "./collection-reading.ts";
import { type Freshness, freshnessOf } from "./freshness.ts";

/** A collection as it was just verified, and how fresh it is. */
export interface CurrentReading {
  readonly gun: string;
  readonly collection: TrustedCollection;
  readonly freshness: Freshness;
}

/**
 * Updates this machine's view of a collection.
 *
 * @param onlyTag the only tag that will be decided about: a large repository may have a shard for it
 * @throws as {@link readCollection} does
 */
export async function readCurrent(context: TrustContext, onlyTag?: string): Promise<CurrentReading> {
  const collection = await readCollection(context, onlyTag === undefined ? {} : { onlyTarget: onlyTag });
  return { gun: context.gun, collection, freshness: await freshnessOf(context, collection) };
}

/** The moment from which a reading must not be used any more: the first of its files has expired. */
export function expiryOf({ collection }: CurrentReading): Date {
  const { root, timestamp, snapshot, targets, delegations } = collection;
  const files = [root, snapshot, targets, ...delegations.values(), ...(timestamp === undefined ? [] : [timestamp])];
  return new Date(Math.min(...files.map(({ body }) => body.expiresAt.getTime())));
}
