/** Images that enter a build, and where answers about them come from. */
import type { Digest } from "../../reference/digest.ts";
import type { ImageReference } from "../../reference/image-reference.ts";

/** What an image of a build was resolved to. */
export interface BaseImage {
  /** with the tag it was found under; without one when only a digest was named */
  readonly reference: ImageReference;
  /** the digest it is signed for; undefined for an image of this machine only */
  readonly digest: Digest | undefined;
  /** how the engine is told: `name@sha256:…` */
  readonly name: string;
}

/** What an image brings into a build that starts from it. */
export interface ImageConfiguration {
  /** `ONBUILD`: instructions that run in that build, in order */
  readonly triggers: readonly string[];
  /** `NAME=value` */
  readonly environment: readonly string[];
}

/** Where answers about images come from. */
export interface BaseImageSource {
  /** Resolves a reference under content trust. @throws TagsealError when it is not signed, or cannot be verified */
  resolve(reference: ImageReference): Promise<BaseImage>;
  /** The configuration of an image that was resolved; of an index, that of every platform. */
  configurations(image: BaseImage): Promise<readonly ImageConfiguration[]>;
}

/** What `--build-context` puts in the place of a name. */
export type BuildContextSource =
  /** a directory, an archive or a repository */
  | { readonly kind: "files" }
  /** undefined: `scratch` */
  | { readonly kind: "image"; readonly image: BaseImage | undefined };

/** By the name under which the engine looks for it. */
export type BuildContexts = ReadonlyMap<string, BuildContextSource>;
