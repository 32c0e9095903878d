/**
 * A source policy for BuildKit: what builds may fetch. Tags of signed images become their digests; everything that is not named is denied.
 *
 * @see BuildKit: sourcepolicy
 */
import type { Digest } from "../../reference/digest.ts";
import { formatReference, type ImageReference } from "../../reference/image-reference.ts";

/** An image that may be used. */
export interface AllowedImage {
  /** with a tag or a digest */
  readonly reference: ImageReference;
  /** undefined: the name is used as it is */
  readonly digest: Digest | undefined;
}

/** A rule of BuildKit. Of those that match, the last one that allows or denies counts; one that converts counts at once, and the result is judged again. */
export interface SourceRule {
  readonly action: "ALLOW" | "DENY" | "CONVERT";
  readonly selector: { readonly identifier: string; readonly match_type?: "EXACT" | "REGEX" };
  readonly updates?: { readonly identifier: string };
}

/** The policy, as BuildKit reads it from JSON. */
export interface SourcePolicy {
  readonly version: 1;
  readonly rules: readonly SourceRule[];
}

/** Sources beside images and the files of the build itself. */
export const sourceKinds = {
  git: ["git://*"],
  http: ["http://*", "https://*"],
  "oci-layout": ["oci-layout://*"],
} as const;

/** The name of a kind of source. */
export type SourceKind = keyof typeof sourceKinds;

/** Directories that the build's own client sends: they come from nowhere else. */
const filesOfTheBuild = "local://*";

/** Writes a policy that allows exactly these images and these other sources. */
export function buildkitPolicy(images: readonly AllowedImage[], kinds: readonly SourceKind[]): SourcePolicy {
  const others = [filesOfTheBuild, ...kinds.flatMap((kind) => sourceKinds[kind])];
  return {
    version: 1,
    rules: [
      // every text, line breaks included, which a wildcard would leave out
      { action: "DENY", selector: { identifier: "(?s).*", match_type: "REGEX" } },
      ...others.map((pattern): SourceRule => ({ action: "ALLOW", selector: { identifier: pattern } })),
      ...images.flatMap(rulesFor),
    ],
  };
}

function rulesFor({ reference, digest }: AllowedImage): readonly SourceRule[] {
  const named = identifier(reference);
  if (digest === undefined) return [allow(named)];
  const exact = identifier({ ...reference, digest });
  const bare = identifier({ ...reference, tag: undefined, digest });
  const convert: SourceRule = {
    action: "CONVERT",
    selector: { identifier: named, match_type: "EXACT" },
    updates: { identifier: exact },
  };
  const allowed = [...new Set([exact, bare])].map(allow);
  return named === exact ? allowed : [convert, ...allowed];
}

function allow(name: string): SourceRule {
  return { action: "ALLOW", selector: { identifier: name, match_type: "EXACT" } };
}

function identifier(reference: ImageReference): string {
  return `docker-image://${formatReference(reference)}`;
}
