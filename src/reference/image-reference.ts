/**
 * Image names, parsed once at the edge. `reference-grammar.ts` has the grammar of their parts.
 *
 * Docker Hub names are written short: `alpine` is `docker.io/library/alpine`, `me/app` is `docker.io/me/app`.
 */
import { UsageError } from "../errors.ts";
import type { Digest } from "./digest.ts";
import {
  checkDigest,
  checkRegistry,
  checkRepository,
  checkTag,
  invalidReference,
  refuseUpperCase,
} from "./reference-grammar.ts";

/** A parsed image name. `registry` and `repository` are always present and complete (`docker.io`, `library/alpine`). */
export interface ImageReference {
  /** `docker.io`, `host`, `host:port` or `[::1]:port`, in the case it was written */
  readonly registry: string;
  /** path within the registry, such as `library/alpine` */
  readonly repository: string;
  readonly tag: string | undefined;
  readonly digest: Digest | undefined;
}

/** How docker spells Docker Hub. */
export const dockerHub = "docker.io";

const legacyDockerHub = "index.docker.io";
const officialPrefix = "library/";
/** Longer text cannot be a reference: it is refused before any pattern sees it. */
const maxReferenceLength = 4096;

/**
 * Parses a name as a person types it, familiar names included.
 *
 * @throws UsageError `REFERENCE_INVALID`, with docker's words as the message and the exact reason as the hint
 */
export function parseImageReference(text: string): ImageReference {
  if (text.length > maxReferenceLength) throw invalidReference("invalid reference format", "the name is too long");
  if (/^[a-f0-9]{64}$/.test(text)) {
    throw invalidReference(
      `invalid repository name (${text}), cannot specify 64-byte hexadecimal strings`,
      "that looks like an image ID; name a repository instead",
    );
  }
  const { registry, remainder } = splitRegistry(text);
  const { repository, tag, digest } = splitRemainder(remainder);
  refuseUpperCase(repository, remainder);
  checkRegistry(registry);
  checkRepository(repository);
  if (tag !== undefined) checkTag(tag);
  return {
    registry,
    repository,
    tag,
    digest: digest === undefined ? undefined : checkDigest(digest),
  };
}

/** The globally unique name trust metadata is kept under: registry and repository, such as `docker.io/library/alpine`. */
export function gunOf(reference: Pick<ImageReference, "registry" | "repository">): string {
  return `${reference.registry}/${reference.repository}`;
}

/** The whole reference in its complete spelling: `docker.io/library/alpine:3@sha256:…`. */
export function formatReference(reference: ImageReference): string {
  return gunOf(reference) + suffix(reference);
}

/**
 * The shortest name that means the same repository (no tag, no digest): `alpine` for `docker.io/library/alpine`. A short form that
 * would be read back as something else (`docker.io/localhost/x`) is not used.
 */
export function familiarName(reference: Pick<ImageReference, "registry" | "repository">): string {
  const { registry, repository } = reference;
  const complete = gunOf(reference);
  if (registry !== dockerHub) return complete;
  const official = repository.startsWith(officialPrefix) ? [repository.slice(officialPrefix.length)] : [];
  return [...official, repository].find((short) => means(short, complete)) ?? complete;
}

/** {@link familiarName} with tag and digest: what docker prints. */
export function familiarReference(reference: ImageReference): string {
  return familiarName(reference) + suffix(reference);
}

/** The same reference with `latest` where neither tag nor digest was given. */
export function withDefaultTag(reference: ImageReference): ImageReference {
  const { tag, digest } = reference;
  return tag === undefined && digest === undefined ? { ...reference, tag: "latest" } : reference;
}

function suffix(reference: ImageReference): string {
  const tag = reference.tag === undefined ? "" : `:${reference.tag}`;
  return reference.digest === undefined ? tag : `${tag}@${reference.digest}`;
}

function means(short: string, complete: string): boolean {
  try {
    const parsed = parseImageReference(short);
    return parsed.tag === undefined && gunOf(parsed) === complete;
  } catch (error) {
    // not a reference at all (an image ID, say): then it is not a short form either
    if (error instanceof UsageError) return false;
    throw error;
  }
}

/** The first component is a registry only if it could not be a Docker Hub namespace. */
function splitRegistry(text: string): { registry: string; remainder: string } {
  const slash = text.indexOf("/");
  const first = slash < 0 ? "" : text.slice(0, slash);
  const isRegistry = first === "localhost" || /[.:]/.test(first) || first.toLowerCase() !== first;
  const registry = isRegistry ? first : dockerHub;
  const remainder = isRegistry ? text.slice(slash + 1) : text;
  if (registry !== dockerHub && registry !== legacyDockerHub) return { registry, remainder };
  const isOfficial = !remainder.includes("/");
  return { registry: dockerHub, remainder: isOfficial ? officialPrefix + remainder : remainder };
}

function splitRemainder(remainder: string): {
  repository: string;
  tag: string | undefined;
  digest: string | undefined;
} {
  const at = remainder.indexOf("@");
  const named = at < 0 ? remainder : remainder.slice(0, at);
  const colon = named.indexOf(":");
  return {
    repository: colon < 0 ? named : named.slice(0, colon),
    tag: colon < 0 ? undefined : named.slice(colon + 1),
    digest: at < 0 ? undefined : remainder.slice(at + 1),
  };
}
