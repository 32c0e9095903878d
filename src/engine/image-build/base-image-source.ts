/** The images of a build: resolved under content trust, or with `--allow-local` found in the engine, and what they add to the build. */
import { hasCode, NetworkError } from "../../errors.ts";
import type { Digest } from "../../reference/digest.ts";
import type { ImageReference } from "../../reference/image-reference.ts";
import { type EngineInvocation, isFlagOn } from "../command-line/invocation.ts";
import type { Engine } from "../engine.ts";
import type { TrustedReference } from "../trusted-reference.ts";
import type { BaseImage, BaseImageSource, ImageConfiguration } from "./base-image.ts";
import { engineConfiguration, findLocalImage } from "./local-image.ts";
import { pinnedName } from "./pinned-name.ts";
import type { PrivateDirectory } from "./private-directory.ts";

/** What resolving the images of a build needs. */
export interface BaseImageSourceOptions {
  readonly invocation: EngineInvocation;
  readonly engine: Engine;
  /** resolves a reference under content trust; errors are shown as they are */
  readonly resolve: (reference: ImageReference) => Promise<TrustedReference>;
  /** reads the configuration of an image from its registry; of an index, that of every platform */
  readonly configurations: (reference: ImageReference, digest: Digest) => Promise<readonly ImageConfiguration[]>;
}

/** What is cleaned up after the build. */
export interface BuildRemains {
  /** collects what was resolved, so that the second names of local images are removed in any case */
  readonly resolved: BaseImage[];
  readonly directory: PrivateDirectory;
}

/** Where a build gets its images from. */
export function baseImageSource(
  options: BaseImageSourceOptions,
  { resolved, directory }: BuildRemains,
): BaseImageSource {
  const { engine, invocation } = options;
  const allowsLocal = isFlagOn(invocation, "allow-local");
  return {
    async resolve(asked) {
      const image = allowsLocal ? await resolveOrLocal(options, asked) : await resolveSigned(options, asked);
      resolved.push(image);
      return image;
    },
    async configurations(image) {
      const { reference, digest } = image;
      if (digest === undefined) return [await engineConfiguration(engine, image, directory)];
      try {
        return await options.configurations(reference, digest);
      } catch (error) {
        // what the engine has under a digest is what the registry had; without either, its triggers are unknown
        if (!(error instanceof NetworkError) || hasCode(error, "REGISTRY_DIGEST_MISMATCH", "IMAGE_MALFORMED"))
          throw error;
        return [await engineConfiguration(engine, image, directory).catch(() => Promise.reject(error))];
      }
    },
  };
}

async function resolveSigned({ resolve, engine }: BaseImageSourceOptions, asked: ImageReference): Promise<BaseImage> {
  const { reference, digest } = await resolve(asked);
  return { reference, digest, name: pinnedName(engine.kind, reference, digest) };
}

async function resolveOrLocal(options: BaseImageSourceOptions, asked: ImageReference): Promise<BaseImage> {
  try {
    return await resolveSigned(options, asked);
  } catch (error) {
    const isUnsigned = hasCode(error, "TAG_NOT_SIGNED", "REPOSITORY_NOT_SIGNED") || error instanceof NetworkError;
    const local = isUnsigned && asked.digest === undefined ? await findLocalImage(options.engine, asked) : undefined;
    if (local === undefined) throw error;
    return local;
  }
}
