/** What registries say refers to a manifest. A claim alone gives nothing: the manifest itself must be an artifact that names its subject. */
import type { Digest } from "../reference/digest.ts";
import { formatReference } from "../reference/image-reference.ts";
import { type Manifest, mediaTypes } from "../registry/manifest.ts";
import type { Repository } from "./served-name.ts";

const maxClaims = 10_000;

/** Claims in memory; the oldest goes first. */
export class ReferrerClaims {
  readonly #subjects = new Map<string, Digest>();

  /** Notes what a registry says refers to `subject`. */
  note(name: Repository, subject: Digest, referrers: readonly Digest[]): void {
    for (const digest of referrers) {
      const key = keyOf(name, digest);
      this.#subjects.delete(key);
      this.#subjects.set(key, subject);
    }
    for (const oldest of this.#subjects.keys()) {
      if (this.#subjects.size <= maxClaims) return;
      this.#subjects.delete(oldest);
    }
  }

  /** What a manifest refers to, by a registry's word; undefined when none said so. */
  subjectOf(name: Repository, digest: Digest): Digest | undefined {
    return this.#subjects.get(keyOf(name, digest));
  }
}

/** True for an artifact, such as a signature or a bill of materials, that names this subject. An image that can be run is none. */
export function isArtifactAbout(subject: Digest, manifest: Manifest): boolean {
  return manifest.kind === "image" && !runnable.has(manifest.config.mediaType) && manifest.subject?.digest === subject;
}

const runnable: ReadonlySet<string> = new Set([
  mediaTypes.ociConfig,
  "application/vnd.docker.container.image.v1+json",
  "application/vnd.docker.plugin.v1+json",
]);

function keyOf(name: Repository, digest: Digest): string {
  return formatReference({ ...name, tag: undefined, digest });
}
