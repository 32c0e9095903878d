/** Images that enter a build, and the source of answers about them. */
import type { Digest } from "../../reference/digest.ts";
import type { ImageReference } from "../../reference/image-reference.ts";

/** The result of resolving an image of a build. */
export interface BaseImage {
  /** with the tag of the name; without one when only a digest was named */
  readonly reference: ImageReference;
  /** the digest it is signed for; undefined for a local image */
  readonly digest: Digest | undefined;
  /** the name for the engine: `name@sha256:…` */
  readonly name: string;
}

/** What an image adds to a build that starts from it. */
export interface ImageConfiguration {
  /** `ONBUILD`: instructions that run in that build, in order */
  readonly triggers: readonly string[];
  /** `NAME=value` */
  readonly environment: readonly string[];
}

/** The source of answers about images. */
export interface BaseImageSource {
  /** Resolves a reference under content trust. @throws TagsealError when it is not signed, or cannot be verified */
  resolve(reference: ImageReference): Promise<BaseImage>;
  /** The configuration of an image that was resolved; of an index, that of every platform. */
  configurations(image: BaseImage): Promise<readonly ImageConfiguration[]>;
}

/** What `--build-context` substitutes for a name. */
export type BuildContextSource =
  /** a directory, an archive or a repository */
  | { readonly kind: "files" }
  /** undefined: `scratch` */
  | { readonly kind: "image"; readonly image: BaseImage | undefined };

/** By the name under which the engine looks for it. */
export type BuildContexts = ReadonlyMap<string, BuildContextSource>;
