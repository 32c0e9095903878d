export type { SignedTag } from "./released-tags.ts";

import { readCollection } from "./collection-reading.ts";
import { releasedTags, type SignedTag } from "./released-tags.ts";
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
  return [...(await readTags(context))()];
}

/**
 * {@link listTags} one at a time, and as often as the result is called, for lists that need not be in memory as a whole.
 *
 * @throws as {@link listTags} does
 */
export async function readTags(context: TrustContext): Promise<() => Iterable<ListedTag>> {
  const collection = await readCollection(context);
  const tags = releasedTags(collection, skippingWarning(context));
  return () => withoutRepeats(tags(), collection.isTimestampCached === true);
}

/** The first entry of a tag decides. */
function* withoutRepeats(entries: Iterable<SignedTag>, cached: boolean): Generator<ListedTag, void> {
  let last: string | undefined;
  for (const entry of entries) {
    if (entry.tag !== last) yield { ...entry, cached };
    last = entry.tag;
  }
}

/** Warns about entries that name no image, about each once: a list may be read several times. */
export function skippingWarning({ gun, notify }: TrustContext): (tag: string) => void {
  const warned = new Set<string>();
  return (tag) => {
    if (!warned.has(tag)) notify({ kind: "warning", gun, message: `Skipping target for "${tag}": it has no sha256` });
    warned.add(tag);
  };
}
