/** `build` under content trust: every image that enters it is resolved first, then the engine builds from digests. */
import { parseBoolean } from "../command-line/boolean.ts";
import { type EngineInvocation, flagValue } from "../command-line/invocation.ts";
import type { Environment } from "../../environment/environment.ts";
import type { BaseImage, BaseImageSource } from "./base-image.ts";
import { trustDockerfile } from "./base-images.ts";
import { baseImageSource, type BaseImageSourceOptions, type BuildRemains } from "./base-image-source.ts";
import { buildArguments, buildPlatforms, environmentNames, refuseUnfollowedFlags } from "./build-flags.ts";
import { buildKitVersions } from "./buildkit-version.ts";
import { refusePodmanServer, usesClassicBuilder } from "./classic-builder.ts";
import { type TrustedFlags, trustImageFlags } from "./image-flags.ts";
import type { FlagValues } from "./image-in-flag.ts";
import { forgetLocalImages, tagBaseImages } from "./local-image.ts";
import { platformVariables, podmanPlatforms } from "./platform-variables.ts";
import type { BuildRequest, PreparedBuild } from "./build-request.ts";
import { prepareBuild } from "./prepared-build.ts";
import { PrivateDirectory } from "./private-directory.ts";

/** What a build needs from its caller. */
export interface BuildOptions extends BaseImageSourceOptions {
  /** the operand: a directory, a URL, `-` */
  readonly context: string;
  readonly env: Environment;
  readonly signal?: AbortSignal | undefined;
  /** this process's standard input */
  readonly input: () => AsyncIterable<Uint8Array>;
  /** makes the engine build with this process's standard input; returns its exit status */
  readonly handOver: (argv: readonly string[]) => Promise<number>;
  /** one line for the person at standard error */
  readonly tell: (line: string) => void;
}

/** What {@link trustBuild} needs: all but a way to start the engine. */
export type TrustBuildOptions = Omit<BuildOptions, "handOver">;

/** A build with every image in it resolved. */
export interface TrustedBuild {
  readonly prepared: PreparedBuild;
  /** the flags whose values change */
  readonly changed: readonly FlagValues[];
}

/**
 * Resolves every image of a build, and writes what the engine is to build from into `directory`. Nothing is built.
 *
 * @throws UsageError `DOCKERFILE_REFUSED`, `USAGE`, `FILE_UNREADABLE`; all errors of resolving, with file and line
 */
export async function trustBuild(options: TrustBuildOptions, remains: BuildRemains): Promise<TrustedBuild> {
  const { invocation, engine, env } = options;
  refuseUnfollowedFlags(invocation, engine.kind, env);
  const images = baseImageSource(options, remains);
  const warn = (message: string): void => options.tell(`WARNING: ${message}`);
  const flags = await trustImageFlags(invocation, { kind: engine.kind, env, images, warn });
  let classic: Promise<boolean> | undefined;
  const isClassic = (): Promise<boolean> => (classic ??= usesClassicBuilder(engine, invocation, env));
  const prepared = await prepare(options, { images, directory: remains.directory, flags, isClassic });
  if (await isClassic()) await refusePodmanServer(engine);
  return { prepared, changed: flags.changed };
}

/**
 * Builds. The engine is not called before every image is resolved.
 *
 * @returns the engine's exit status
 * @throws as {@link trustBuild}
 */
export async function buildImage(options: BuildOptions): Promise<number> {
  const { engine } = options;
  const directory = new PrivateDirectory();
  const resolved: BaseImage[] = [];
  const tidyUp = (): void => directory.remove();
  options.signal?.addEventListener("abort", tidyUp, { once: true });
  try {
    const { prepared, changed } = await trustBuild(options, { resolved, directory });
    const exitCode = await runBuild(options, prepared, changed);
    if (exitCode === 0) await tagBaseImages(engine, prepared.dockerfile.images, options.tell);
    return exitCode;
  } finally {
    options.signal?.removeEventListener("abort", tidyUp);
    tidyUp();
    await forgetLocalImages(engine, resolved);
  }
}

interface BuildParts {
  readonly images: BaseImageSource;
  readonly directory: PrivateDirectory;
  readonly flags: TrustedFlags;
  readonly isClassic: () => Promise<boolean>;
}

async function prepare(
  options: TrustBuildOptions,
  { images, directory, flags, isClassic }: BuildParts,
): Promise<PreparedBuild> {
  const { invocation, engine, env, context, signal } = options;
  const { kind } = engine;
  const buildArgumentValues = buildArguments(invocation, kind, env);
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
    trust: dockerfileTrust(options, { images, flags, isClassic }, buildArgumentValues),
  });
}

function dockerfileTrust(
  { invocation, engine, env }: TrustBuildOptions,
  { images, flags, isClassic }: Omit<BuildParts, "directory">,
  buildArgumentValues: ReadonlyMap<string, string>,
): BuildRequest["trust"] {
  const { kind } = engine;
  const target = { platforms: buildPlatforms(invocation, kind, env), stage: flagValue(invocation, "target") };
  return (bytes, file) =>
    trustDockerfile(bytes, {
      file,
      engine: kind,
      images,
      buildArguments: buildArgumentValues,
      environmentNames: environmentNames(invocation),
      contexts: flags.contexts,
      firstBase: flags.firstBase,
      isClassic,
      buildKitVersions: () => buildKitVersions(engine, invocation),
      platformVariables: () => platformVariables(engine, target),
      podmanPlatforms: () => podmanPlatforms(engine, target.platforms),
    });
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

/** The flags as given, spelled out, with the resolved images. */
function flagWords(
  { flags }: EngineInvocation,
  { file }: PreparedBuild,
  changed: readonly FlagValues[],
): readonly string[] {
  const values = new Map([...flags, ...changed, ["file", file === undefined ? [] : [file]] as const]);
  values.delete("allow-local");
  return [...values].flatMap(([name, given]) => given.map((value) => `--${name}=${value}`));
}
