/** Whether a registry gives a client one manifest or blob: asked where it does not list tags for a login, which some rights to pull leave out. */
import { NetworkError } from "../errors.ts";
import type { Digest } from "../reference/digest.ts";
import { isDigest } from "../reference/digest.ts";
import { TokenRefusal } from "../registry/token-service.ts";
import { GatewayRefusal } from "./gateway-refusal.ts";
import type { Repository } from "./served-name.ts";
import type { Upstreams } from "./upstreams.ts";

/** One thing that a client asks for. */
export type AskedContent =
  | { readonly kind: "manifest"; readonly tagOrDigest: string }
  | { readonly kind: "blob"; readonly digest: Digest };

/** What registries are asked with. */
export interface ContentRightParts {
  readonly upstreams: Upstreams;
  /** the digest that may be used for a tag; undefined when none may, or the registry's counts */
  readonly signedDigest: (name: Repository, tag: string) => Promise<Digest | undefined>;
}

const statusesOfUnlisted: ReadonlySet<number> = new Set([401, 403, 404, 405, 501]);

/** True for a refused list of tags that says nothing about pulls. Where no token was given, none is for a pull either. */
export function mayPullUnlisted(error: unknown): boolean {
  return error instanceof NetworkError && !(error instanceof TokenRefusal) && statusesOfUnlisted.has(error.status ?? 0);
}

/** What distinguishes one thing from the others of its repository. */
export function contentKey(content: AskedContent): string {
  return content.kind === "blob" ? `blob ${content.digest}` : `manifest ${content.tagOrDigest}`;
}

/**
 * Asks a registry whether it gives something to the client whose login `name` has. For a tag, it must give what is signed; where nothing may be used,
 * the registry's own tag, so that a client learns of a refusal only where it may pull.
 *
 * @throws GatewayRefusal `MANIFEST_UNKNOWN`, `BLOB_UNKNOWN`; NetworkError as the registry refuses
 */
export async function requireGiven(parts: ContentRightParts, name: Repository, content: AskedContent): Promise<void> {
  const { upstreams, signedDigest } = parts;
  const has = async (tagOrDigest: string): Promise<boolean> =>
    (await upstreams.use(name, async (client) => await client.findManifest(tagOrDigest))) !== undefined;
  if (content.kind === "blob") {
    const blob = await upstreams.use(name, async (client) => await client.statedBlob(content.digest));
    if (blob === undefined) throw new GatewayRefusal(404, "BLOB_UNKNOWN", "the registry does not have this blob");
    return;
  }
  const { tagOrDigest } = content;
  const isThere = await has(tagOrDigest);
  const signed = isDigest(tagOrDigest) ? undefined : await signedDigest(name, tagOrDigest);
  if (signed === undefined ? isThere : await has(signed)) return;
  throw new GatewayRefusal(404, "MANIFEST_UNKNOWN", "the registry does not have this manifest");
}
