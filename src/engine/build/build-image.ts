/** `build` under content trust: every image that enters it is resolved first, then the engine builds from digests. */
import type { Digest } from "../../reference/digest.ts";
import type { ImageReference } from "../../reference/image-reference.ts";
import { hasCode, NetworkError } from "../../errors.ts";
import { parseBoolean } from "../command-line/boolean.ts";
import { type EngineInvocation, flagValue, isFlagOn } from "../command-line/invocation.ts";
import type { Engine } from "../engine.ts";
import type { TrustedReference } from "../trusted-reference.ts";
import type { Env } from "../trust-switch.ts";
import { type BaseImage, type BaseImageSource, pinnedName, trustDockerfile } from "./base-images.ts";
import { buildArguments, buildContexts, buildPlatforms, refuseUnfollowedFlags } from "./build-flags.ts";
import { usesClassicBuilder } from "./classic-builder.ts";
import { contextName } from "./dockerfile/meaning.ts";
import { type FlagValues, trustImageFlags } from "./image-flags.ts";
import { engineTriggers, findLocalImage, forgetLocalImages, tagBaseImages } from "./local-image.ts";
import { platformVariables } from "./platform-variables.ts";
import type { PreparedBuild } from "./build-request.ts";
import { prepareBuild } from "./prepared-build.ts";
import { PrivateDirectory } from "./private-directory.ts";

/** What a build needs of the outside world. */
export interface BuildOptions {
  readonly invocation: EngineInvocation;
  /** the operand: a directory, a URL, `-` */
  readonly context: string;
  readonly engine: Engine;
  readonly env: Env;
  readonly signal?: AbortSignal | undefined;
  /** this process's standard input */
  readonly input: () => AsyncIterable<Uint8Array>;
  /** resolves a reference under content trust; errors are shown as they are */
  readonly resolve: (reference: ImageReference) => Promise<TrustedReference>;
  /** reads the `ONBUILD` triggers of an image from its registry */
  readonly triggers: (reference: ImageReference, digest: Digest) => Promise<readonly string[]>;
  /** lets the engine build with our own standard input; returns its exit status */
  readonly handOver: (argv: readonly string[]) => Promise<number>;
  /** one line for the person at standard error */
  readonly tell: (line: string) => void;
}

/**
 * Builds. The engine is asked for nothing before every image has been resolved.
 *
 * @returns the engine's exit status
 * @throws UsageError `DOCKERFILE_REFUSED`, `USAGE`, `FILE_UNREADABLE`; everything resolving can throw, with file and line
 */
export async function buildImage(options: BuildOptions): Promise<number> {
  const { invocation, engine, env } = options;
  refuseUnfollowedFlags(invocation, engine.kind, env);
  const directory = new PrivateDirectory();
  const resolved: BaseImage[] = [];
  const images = imageSource(options, { resolved, directory });
  const tidyUp = (): void => directory.remove();
  options.signal?.addEventListener("abort", tidyUp, { once: true });
  try {
    const warn = (message: string): void => options.tell(`WARNING: ${message}`);
    const flags = await trustImageFlags(invocation, { kind: engine.kind, env, images, warn });
    const prepared = await prepare(options, images, directory);
    const exitCode = await runBuild(options, prepared, flags);
    if (exitCode === 0) await tagBaseImages(engine, prepared.dockerfile.images, options.tell);
    return exitCode;
  } finally {
    options.signal?.removeEventListener("abort", tidyUp);
    tidyUp();
    await forgetLocalImages(engine, resolved);
  }
}

async function prepare(
  options: BuildOptions,
  images: BaseImageSource,
  directory: PrivateDirectory,
): Promise<PreparedBuild> {
  const { invocation, engine, env, context, signal } = options;
  const { kind } = engine;
  const buildArgumentValues = buildArguments(invocation, env);
  const target = { platforms: buildPlatforms(invocation, kind, env), stage: flagValue(invocation, "target") };
  let classic: Promise<boolean> | undefined;
  const isClassic = (): Promise<boolean> => (classic ??= usesClassicBuilder(engine, invocation, env));
  const names = buildContexts(invocation).map(([name]) => (kind === "podman" ? name : contextName(name)));
  return await prepareBuild({
    kind,
    context,
    file: flagValue(invocation, "file"),
    env,
    signal,
    directory,
    input: options.input,
    isClassic,
    // podman leaves .git where it is
    keepsGitDirectory:
      kind === "podman" || parseBoolean(buildArgumentValues.get("BUILDKIT_CONTEXT_KEEP_GIT_DIR") ?? "") === true,
    trust: (bytes, file) =>
      trustDockerfile(bytes, {
        file,
        engine: kind,
        images,
        buildArguments: buildArgumentValues,
        contexts: new Set(names),
        isClassic,
        platformVariables: () => platformVariables(engine, target),
      }),
  });
}

interface Workplace {
  /** collects what was found, so that it can be tidied up whatever happens */
  readonly resolved: BaseImage[];
  readonly directory: PrivateDirectory;
}

function imageSource(options: BuildOptions, { resolved, directory }: Workplace): BaseImageSource {
  const { engine, invocation } = options;
  const allowsLocal = isFlagOn(invocation, "allow-local");
  return {
    async resolve(asked) {
      const image = allowsLocal ? await resolveOrLocal(options, asked) : await resolveSigned(options, asked);
      resolved.push(image);
      return image;
    },
    async triggers(image) {
      const { reference, digest } = image;
      if (digest === undefined) return await engineTriggers(engine, image, directory);
      try {
        return await options.triggers(reference, digest);
      } catch (error) {
        // what the engine has under a digest is what the registry had; without either nobody knows the triggers
        if (!(error instanceof NetworkError) || hasCode(error, "REGISTRY_DIGEST_MISMATCH", "IMAGE_MALFORMED"))
          throw error;
        return await engineTriggers(engine, image, directory).catch(() => Promise.reject(error));
      }
    },
  };
}

async function resolveSigned({ resolve, engine }: BuildOptions, asked: ImageReference): Promise<BaseImage> {
  const { reference, digest } = await resolve(asked);
  return { reference, digest, name: pinnedName(engine.kind, reference, digest) };
}

async function resolveOrLocal(options: BuildOptions, asked: ImageReference): Promise<BaseImage> {
  try {
    return await resolveSigned(options, asked);
  } catch (error) {
    const isUnsigned = hasCode(error, "TAG_NOT_SIGNED", "REPOSITORY_NOT_SIGNED") || error instanceof NetworkError;
    const local = isUnsigned && asked.digest === undefined ? await findLocalImage(options.engine, asked) : undefined;
    if (local === undefined) throw error;
    return local;
  }
}

async function runBuild(
  options: BuildOptions,
  prepared: PreparedBuild,
  changed: readonly FlagValues[],
): Promise<number> {
  const { invocation, engine } = options;
  const args = [...invocation.commandPath, ...flagWords(invocation, prepared, changed), "--", prepared.context];
  if (prepared.input === undefined) {
    return await options.handOver([...invocation.globalArgs, ...args]);
  }
  return (await engine.run(args, { stdin: prepared.input })).exitCode;
}

/** The flags as they were given, spelled out, with what was resolved in its place. */
function flagWords(
  { flags }: EngineInvocation,
  { file }: PreparedBuild,
  changed: readonly FlagValues[],
): readonly string[] {
  const values = new Map([...flags, ...changed, ["file", file === undefined ? [] : [file]] as const]);
  values.delete("allow-local");
  return [...values].flatMap(([name, given]) => given.map((value) => `--${name}=${value}`));
}
