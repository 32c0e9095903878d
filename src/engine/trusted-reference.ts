/** Resolves the name that the user typed to the one digest that is used. A tag is resolved only here, and only once (I5). */
import { UsageError } from "../errors.ts";
import type { Digest } from "../reference/digest.ts";
import { type ImageReference, withDefaultTag } from "../reference/image-reference.ts";
import type { TrustContext } from "../trust/trust-context.ts";
import { verifyTag } from "../trust/reading/verify.ts";

/** A name and the digest it stands for. */
export interface TrustedReference {
  /** with the digest, and with the tag unless only a digest was named */
  readonly reference: ImageReference;
  readonly digest: Digest;
}

/** Opens the collection of a reference. It is closed here. */
export type OpenTrust = (reference: ImageReference) => Promise<TrustContext>;

/**
 * Resolves a reference under content trust. A tag (`latest` where none is named) stands for the digest it is signed for; a tag with a digest must
 * be signed for exactly that digest, where docker ignores one or the other; a digest alone is exact already, and no server is asked.
 *
 * @throws MetadataError `TAG_NOT_SIGNED`, `TAG_DIGEST_MISMATCH`, `REPOSITORY_NOT_SIGNED`, and everything an update can refuse
 * @throws NetworkError when the server cannot be asked and nothing fresh is cached
 */
export async function resolveTrusted(reference: ImageReference, open: OpenTrust): Promise<TrustedReference> {
  const { tag, digest: expected, ...name } = withDefaultTag(reference);
  if (tag === undefined) return { reference, digest: digestOf(reference) };
  const context = await open(reference);
  try {
    const { digest } = await verifyTag(context, tag, expected);
    return { reference: { ...name, tag, digest }, digest };
  } finally {
    context.close();
  }
}

function digestOf({ digest }: ImageReference): Digest {
  if (digest !== undefined) return digest;
  throw new UsageError("REFERENCE_INVALID", "invalid reference format", { hint: "Name a tag or a digest." });
}
