/**
 * The parts of an image name. The grammar is docker's:
 *
 *     reference  := name [ ":" tag ] [ "@" digest ]
 *     name       := [ registry "/" ] path
 *     registry   := host [ ":" port ]
 *     host       := label { "." label } | "[" IPv6 "]"      upper case kept; at least one of . : [ or a capital, or "localhost"
 *     path       := component { "/" component }             at most 255 characters
 *     component  := alnum { separator alnum }               alnum = [a-z0-9]+, separator = "." | "_" | "__" | "-"+
 *     tag        := [A-Za-z0-9_] [A-Za-z0-9_.-]{0,127}
 *
 * What breaks it is refused in docker's words, with the exact reason as the hint.
 */
import { UsageError } from "../errors.ts";
import { type Digest, digestFault } from "./digest.ts";

const maxRepositoryLength = 255;

const label = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])";
const registryPattern = new RegExp(`^(?:${label}(?:\\.${label})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?$`);
const component = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*";
const repositoryPattern = new RegExp(`^${component}(?:/${component})*$`);
const tagPattern = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;

/** Answers whether `text` may stand after the colon of a reference. */
export function isTag(text: string): boolean {
  return tagPattern.test(text);
}

/** Refuses what cannot be a tag. @throws UsageError `REFERENCE_INVALID` */
export function checkTag(tag: string): void {
  if (isTag(tag)) return;
  throw invalidReference(
    "invalid reference format",
    `a tag is 1 to 128 letters, digits, dots, dashes and underscores and starts with none of ". -"`,
  );
}

/** Refuses a repository with capitals. @throws UsageError `REFERENCE_INVALID` */
export function refuseUpperCase(repository: string, remainder: string): void {
  if (repository.toLowerCase() === repository) return;
  // docker quotes everything up to the first colon here, a digest's algorithm included
  const quoted = remainder.split(":", 1)[0] ?? repository;
  throw invalidReference(
    `invalid reference format: repository name (${quoted}) must be lowercase`,
    "only the registry host and the tag may hold capitals",
  );
}

/** Refuses what cannot be a registry. @throws UsageError `REFERENCE_INVALID` */
export function checkRegistry(registry: string): void {
  if (registryPattern.test(registry)) return;
  throw invalidReference(
    "invalid reference format",
    `"${printable(registry)}" is not a registry host: expected a name or address with an optional :port, IPv6 in brackets`,
  );
}

/** Refuses what cannot be the path of a repository. @throws UsageError `REFERENCE_INVALID` */
export function checkRepository(repository: string): void {
  if (!repositoryPattern.test(repository)) {
    throw invalidReference(
      "invalid reference format",
      `"${printable(repository)}" is not a repository: expected lower-case letters and digits, joined by . _ __ - or /`,
    );
  }
  if (repository.length > maxRepositoryLength) {
    throw invalidReference(
      `repository name must not be more than ${maxRepositoryLength} characters`,
      `it has ${repository.length}`,
    );
  }
}

/** The digest of a reference. @throws UsageError `REFERENCE_INVALID` */
export function checkDigest(text: string): Digest {
  const fault = digestFault(text);
  if (fault === undefined) return text as Digest;
  // docker's pattern asks for at least 32 hexadecimal digits before it looks at the algorithm
  const wellFormed = /^[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}$/.test(text);
  throw invalidReference(
    wellFormed ? fault : "invalid reference format",
    "a digest is sha256: followed by 64 lower-case hexadecimal digits (or sha512: and 128)",
  );
}

/** Outside text in a message: shortened, without control characters that could rewrite a terminal. */
function printable(text: string): string {
  const clean = text.replace(/[\p{Cc}\p{Cf}]/gu, "?");
  return clean.length > 80 ? `${clean.slice(0, 80)}…` : clean;
}

/** The error for an invalid name: docker's message, and the reason. */
export function invalidReference(message: string, hint: string): UsageError {
  return new UsageError("REFERENCE_INVALID", message, { hint });
}
