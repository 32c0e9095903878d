/**
 * Image names, parsed once at the edge. The grammar is docker's:
 *
 *     reference  := name [ ":" tag ] [ "@" digest ]
 *     name       := [ registry "/" ] path
 *     registry   := host [ ":" port ]
 *     host       := label { "." label } | "[" IPv6 "]"      upper case kept; at least one of . : [ or a capital, or "localhost"
 *     path       := component { "/" component }             at most 255 characters
 *     component  := alnum { separator alnum }               alnum = [a-z0-9]+, separator = "." | "_" | "__" | "-"+
 *     tag        := [A-Za-z0-9_] [A-Za-z0-9_.-]{0,127}
 *
 * Docker Hub names are written short: `alpine` is `docker.io/library/alpine`, `me/app` is `docker.io/me/app`.
 */
import { UsageError } from "../errors.ts";
import { type Digest, digestFault } from "./digest.ts";

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
const maxRepositoryLength = 255;
/** Longer text cannot be a reference: it is refused before any pattern sees it. */
const maxReferenceLength = 4096;

const label = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])";
const registryPattern = new RegExp(`^(?:${label}(?:\\.${label})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?$`);
const component = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*";
const repositoryPattern = new RegExp(`^${component}(?:/${component})*$`);
const tagPattern = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;

/** Answers whether `text` may stand after the colon of a reference. */
export function isTag(text: string): boolean {
  return tagPattern.test(text);
}

/**
 * Parses a name as a person types it, familiar names included.
 *
 * @throws UsageError `REFERENCE_INVALID`, with docker's words as the message and the exact reason as the hint
 */
export function parseImageReference(text: string): ImageReference {
  if (text.length > maxReferenceLength) throw invalid("invalid reference format", "the name is too long");
  if (/^[a-f0-9]{64}$/.test(text)) {
    throw invalid(
      `invalid repository name (${text}), cannot specify 64-byte hexadecimal strings`,
      "that looks like an image ID; name a repository instead",
    );
  }
  const { registry, remainder } = splitRegistry(text);
  const { repository, tag, digest } = splitRemainder(remainder);
  refuseUpperCase(repository, remainder);
  checkRegistry(registry);
  checkRepository(repository);
  if (tag !== undefined && !isTag(tag)) {
    throw invalid(
      "invalid reference format",
      `a tag is 1 to 128 letters, digits, dots, dashes and underscores and starts with none of ". -"`,
    );
  }
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
    // not a reference at all (an image ID, say): then it is no short form either
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

function refuseUpperCase(repository: string, remainder: string): void {
  if (repository.toLowerCase() === repository) return;
  // docker quotes everything up to the first colon here, a digest's algorithm included
  const quoted = remainder.split(":", 1)[0] ?? repository;
  throw invalid(
    `invalid reference format: repository name (${quoted}) must be lowercase`,
    "only the registry host and the tag may hold capitals",
  );
}

function checkRegistry(registry: string): void {
  if (registryPattern.test(registry)) return;
  throw invalid(
    "invalid reference format",
    `"${printable(registry)}" is no registry host: expected a name or address with an optional :port, IPv6 in brackets`,
  );
}

function checkRepository(repository: string): void {
  if (!repositoryPattern.test(repository)) {
    throw invalid(
      "invalid reference format",
      `"${printable(repository)}" is no repository: expected lower-case letters and digits, joined by . _ __ - or /`,
    );
  }
  if (repository.length > maxRepositoryLength) {
    throw invalid(
      `repository name must not be more than ${maxRepositoryLength} characters`,
      `it has ${repository.length}`,
    );
  }
}

function checkDigest(text: string): Digest {
  const fault = digestFault(text);
  if (fault === undefined) return text as Digest;
  // docker's pattern asks for at least 32 hexadecimal digits before it looks at the algorithm
  const wellFormed = /^[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}$/.test(text);
  throw invalid(
    wellFormed ? fault : "invalid reference format",
    "a digest is sha256: followed by 64 lower-case hexadecimal digits (or sha512: and 128)",
  );
}

/** Outside text in a message: shortened, without control characters that could rewrite a terminal. */
function printable(text: string): string {
  const clean = text.replace(/[\p{Cc}\p{Cf}]/gu, "?");
  return clean.length > 80 ? `${clean.slice(0, 80)}…` : clean;
}

function invalid(message: string, hint: string): UsageError {
  return new UsageError("REFERENCE_INVALID", message, { hint });
}
