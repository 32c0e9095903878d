import { TagsealError } from "../errors.ts";
import type { RoleName } from "../tuf/metadata.ts";
import type { TrustContext } from "./trust-context.ts";

/** An entry taken out, or one that stays because no key for its role is here. */
export interface RevokedEntry {
  readonly tag: string;
  readonly role: RoleName;
}

/** What {@link revokeTags} did. */
export interface RevokeResult {
  readonly removed: readonly RevokedEntry[];
  /** entries left standing; one in `targets` or `targets/releases` keeps the tag pullable */
  readonly remaining: readonly RevokedEntry[];
  /** tags that clients still accept, sorted: tell the user, exit non-zero */
  readonly stillReleased: readonly string[];
}

/**
 * Takes signatures back from **every** role whose key is here, `targets` included.
 *
 * @param tags names, or `all`
 * @throws MetadataError `TAG_NOT_SIGNED` when a tag (or, for `all`, anything) is not signed; `REPOSITORY_NOT_SIGNED`;
 *   `SIGNING_KEY_MISSING` when nothing at all could be removed; what an update can refuse
 */
export async function revokeTags(context: TrustContext, tags: readonly string[] | "all"): Promise<RevokeResult> {
  throw new TagsealError("INTERNAL", `trust is not wired yet: ${context.gun} ${tags.length}`);
}
