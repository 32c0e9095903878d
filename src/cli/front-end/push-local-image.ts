/** `docker trust sign` of an image on this machine: pushes the image, then signs what was pushed. */
import type { Engine, PushedImage } from "../../engine/engine.ts";
import { hasCode, NetworkError, UsageError } from "../../errors.ts";
import { formatReference } from "../../reference/image-reference.ts";
import type { Io } from "../io.ts";
import type { ImageArgument } from "../options/image.ts";
import { openLocalEngine } from "../open/local-engine.ts";
import { engineDisplay } from "../output/engine-progress.ts";

/** How {@link pushLocalImage} behaves. */
export interface PushLocalOptions {
  /** `--local`: fail without an engine */
  readonly required: boolean;
  /** show nothing */
  readonly quiet: boolean;
}

/**
 * Pushes the local image of this name.
 *
 * @returns the pushed image; undefined when no engine can be reached and none is required
 * @throws NetworkError `ENGINE_ERROR`, in docker's words, when there is an engine without the image
 */
export async function pushLocalImage(
  image: ImageArgument,
  io: Io,
  options: PushLocalOptions,
): Promise<PushedImage | undefined> {
  const engine = await openLocalEngine(io);
  if (engine === undefined && options.required) {
    throw new UsageError("USAGE", "--local needs a container engine, and neither docker nor podman is in PATH", {
      hint: "Without an engine, push and sign in one step: tagseal push --from oci:DIR IMAGE:TAG",
    });
  }
  if (engine === undefined) return undefined;
  try {
    return (await isReachable(engine, image, options)) ? await push(engine, image, io, options) : undefined;
  } finally {
    engine.close();
  }
}

/** @returns false when the engine cannot be reached and is not required; throws when it has no such image */
async function isReachable(
  engine: Engine,
  { reference, typed }: ImageArgument,
  { required }: PushLocalOptions,
): Promise<boolean> {
  try {
    if (await engine.imageExists(formatReference(reference))) return true;
  } catch (error) {
    if (!required && hasCode(error, "ENGINE_UNREACHABLE", "ENGINE_NOT_FOUND")) return false;
    throw error;
  }
  const words =
    engine.kind === "docker"
      ? `Error response from daemon: no such image: ${typed}: No such image: ${typed}`
      : `${typed}: image not known`;
  throw new NetworkError("ENGINE_ERROR", words, {
    hint: "To sign what is in the registry and not on this machine: tagseal sign IMAGE:TAG@DIGEST, or tagseal sign --from-registry IMAGE:TAG",
  });
}

async function push(
  engine: Engine,
  { reference, typed }: ImageArgument,
  io: Io,
  { quiet }: PushLocalOptions,
): Promise<PushedImage> {
  if (!quiet)
    io.stderr.write(`Signing and pushing trust data for local image ${typed}, may overwrite remote trust data\n`);
  return await engine.push(formatReference(reference), { onMessage: quiet ? undefined : engineDisplay(io.stdout) });
}
