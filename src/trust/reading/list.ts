export type { SignedTag } from "./released-tags.ts";

import { readCollection } from "./collection-reading.ts";
import { releasedEntries, type SignedTag } from "./released-tags.ts";
import type { TrustContext } from "../trust-context.ts";

/** A released tag, and whether the server answered. */
export interface ListedTag extends SignedTag {
  /** the server did not answer: this is its last known answer */
  readonly cached: boolean;
}

/**
 * Lists every released tag, in natural order (`v2` before `v10`), each once. Entries without a sha256 are skipped with a warning.
 *
 * @throws MetadataError `REPOSITORY_NOT_SIGNED`, and everything an update can refuse
 */
export async function listTags(context: TrustContext): Promise<readonly ListedTag[]> {
  const collection = await readCollection(context);
  const entries = releasedEntries(collection, (tag) => warnSkipped(context, tag));
  const cached = collection.isTimestampCached === true;
  const listed: ListedTag[] = [];
  for (const entry of entries) if (entry.tag !== listed.at(-1)?.tag) listed.push({ ...entry, cached });
  return listed;
}

/** Warns about an entry that names no image. */
export function warnSkipped(context: TrustContext, tag: string): void {
  context.notify({ kind: "warning", gun: context.gun, message: `Skipping target for "${tag}": it has no sha256` });
}
