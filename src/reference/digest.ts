import { UsageError } from "../errors.ts";

declare const digestBrand: unique symbol;

/** A content digest as OCI writes it, `sha256:<64 hex>` or `sha512:<128 hex>`, lower case. Made only by {@link parseDigest} and {@link digestFromHex}. */
export type Digest = string & { readonly [digestBrand]: true };

/** The hash algorithms a digest may name. */
export type DigestAlgorithm = "sha256" | "sha512";

const hexLengths: ReadonlyMap<string, number> = new Map([
  ["sha256", 64],
  ["sha512", 128],
]);

/** Why `text` is not a digest, in docker's words; undefined when it is one. */
export function digestFault(text: string): string | undefined {
  const separator = text.indexOf(":");
  if (separator <= 0 || separator === text.length - 1) return "invalid checksum digest format";
  const expectedLength = hexLengths.get(text.slice(0, separator));
  if (expectedLength === undefined) return "unsupported digest algorithm";
  const hex = text.slice(separator + 1);
  if (hex.length !== expectedLength) return "invalid checksum digest length";
  return /^[0-9a-f]+$/.test(hex) ? undefined : "invalid checksum digest format";
}

/** Answers whether `text` is a well-formed digest of an algorithm we can check. */
export function isDigest(text: string): text is Digest {
  return digestFault(text) === undefined;
}

/**
 * Parses `algorithm:hex`.
 *
 * @throws UsageError `REFERENCE_INVALID` for another algorithm, length or alphabet (upper case included)
 * @see OCI image-spec 1.1, descriptor: digests
 */
export function parseDigest(text: string): Digest {
  const fault = digestFault(text);
  if (fault !== undefined) {
    throw new UsageError("REFERENCE_INVALID", fault, {
      hint: "Write sha256: and 64 lower-case hexadecimal digits, or sha512: and 128.",
    });
  }
  return text as Digest;
}

/** Puts algorithm and hexadecimal hash together; checked like {@link parseDigest}. */
export function digestFromHex(algorithm: DigestAlgorithm, hex: string): Digest {
  return parseDigest(`${algorithm}:${hex}`);
}

/** The algorithm part of a digest. */
export function digestAlgorithm(digest: Digest): DigestAlgorithm {
  return digest.startsWith("sha512:") ? "sha512" : "sha256";
}

/** The hexadecimal part of a digest. */
export function digestHex(digest: Digest): string {
  return digest.slice(digest.indexOf(":") + 1);
}
