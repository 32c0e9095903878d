import { type Digest, isDigest } from "../reference/digest.ts";
import { parseImageReference } from "../reference/image-reference.ts";
import { isTag } from "../reference/reference-grammar.ts";

/** What a request's path is about. `invalid` holds the distribution specification's error code. */
export type RegistryRoute =
  | { readonly kind: "base" }
  | { readonly kind: "catalog" }
  | { readonly kind: "tags"; readonly repository: string }
  | { readonly kind: "manifest"; readonly repository: string; readonly tagOrDigest: string }
  | { readonly kind: "blob"; readonly repository: string; readonly digest: Digest }
  | { readonly kind: "uploads"; readonly repository: string }
  | { readonly kind: "upload"; readonly repository: string; readonly id: string }
  | { readonly kind: "referrers"; readonly repository: string; readonly digest: Digest }
  | { readonly kind: "invalid"; readonly code: "NAME_INVALID" | "DIGEST_INVALID" | "TAG_INVALID" }
  | { readonly kind: "unknown" };

const repositoryRoute =
  /^\/v2\/(.+)\/(tags\/list|manifests\/[^/]+|blobs\/uploads\/?|blobs\/uploads\/[^/]+|blobs\/[^/]+|referrers\/[^/]+)$/;

/**
 * Reads a request path.
 *
 * @param path as sent, percent-encoding undone
 * @see OCI distribution-spec 1.1, endpoints
 */
export function parseRegistryRoute(path: string): RegistryRoute {
  if (path === "/v2/" || path === "/v2") return { kind: "base" };
  if (path === "/v2/_catalog") return { kind: "catalog" };
  const match = repositoryRoute.exec(path);
  const repository = match?.[1];
  const rest = match?.[2];
  if (repository === undefined || rest === undefined) return { kind: "unknown" };
  if (!isRepository(repository)) return { kind: "invalid", code: "NAME_INVALID" };
  const name = rest.slice(rest.lastIndexOf("/") + 1);
  if (rest === "tags/list") return { kind: "tags", repository };
  if (rest.startsWith("blobs/uploads")) {
    return name === "" || name === "uploads"
      ? { kind: "uploads", repository }
      : { kind: "upload", repository, id: name };
  }
  if (rest.startsWith("manifests/")) {
    if (isDigest(name) || isTag(name)) return { kind: "manifest", repository, tagOrDigest: name };
    return { kind: "invalid", code: name.includes(":") ? "DIGEST_INVALID" : "TAG_INVALID" };
  }
  if (!isDigest(name)) return { kind: "invalid", code: "DIGEST_INVALID" };
  return rest.startsWith("referrers/")
    ? { kind: "referrers", repository, digest: name }
    : { kind: "blob", repository, digest: name };
}

/** Answers whether `name` is a repository by the reference grammar. Nothing else ever becomes part of a file's path. */
export function isRepository(name: string): boolean {
  try {
    return parseImageReference(`registry.invalid/${name}`).repository === name;
  } catch {
    return false;
  }
}
