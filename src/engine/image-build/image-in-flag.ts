/** An image in a flag of a build: what reading one needs, and how it is resolved. */
import { reworded, TagsealError } from "../../errors.ts";
import type { Environment } from "../../environment/environment.ts";
import { parseImageReference, withDefaultTag } from "../../reference/image-reference.ts";
import type { EngineInvocation, EngineKind } from "../command-line/invocation.ts";
import type { BaseImage, BaseImageSource } from "./base-image.ts";

/** The values of one flag for the engine. */
export type FlagValues = readonly [name: string, values: readonly string[]];

/** The context in which flags are read. */
export interface ImageFlagSettings {
  readonly kind: EngineKind;
  readonly env: Environment;
  readonly images: BaseImageSource;
  /** warns about caches, which are never signed */
  readonly warn: (message: string) => void;
}

/** Reads flags. @returns those whose values change */
export type FlagReader = (invocation: EngineInvocation, settings: ImageFlagSettings) => Promise<readonly FlagValues[]>;

/** The name of a flag's image with its digest. @throws TagsealError of resolving, with the name of the flag */
export async function pinnedImage(text: string, flag: string, { images }: ImageFlagSettings): Promise<string> {
  return (await resolvedImage(text, flag, images)).name;
}

/** Resolves the image that a flag names. @throws TagsealError of resolving, with the name of the flag */
export async function resolvedImage(text: string, flag: string, images: BaseImageSource): Promise<BaseImage> {
  try {
    return await images.resolve(withDefaultTag(parseImageReference(text)));
  } catch (error) {
    if (!(error instanceof TagsealError) || error.code === "CANCELLED") throw error;
    throw reworded(error, { message: `--${flag}: ${text}: ${error.message}` });
  }
}
