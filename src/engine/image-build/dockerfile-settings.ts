import type { EngineKind } from "../command-line/invocation.ts";
import type { BaseImage, BaseImageSource, BuildContexts } from "./base-image.ts";
import type { PodmanPlatform } from "./dockerfile/podman-variables.ts";
import type { Variables } from "./dockerfile/substitution.ts";

/** Everything that the reading of a Dockerfile depends on besides its text. */
export interface DockerfileSettings {
  /** for messages: the user's name of the file */
  readonly file: string;
  readonly engine: EngineKind;
  /** `--build-arg`, by name */
  readonly buildArguments: Variables;
  /** podman: names given by `--env` */
  readonly environmentNames: ReadonlySet<string>;
  /** given by `--build-context` */
  readonly contexts: BuildContexts;
  /** podman: what `--from` substitutes for the first base */
  readonly firstBase: BaseImage | "scratch" | undefined;
  /** whether docker's classic builder will build; called only when a name depends on variables */
  isClassic(): Promise<boolean>;
  /** the versions BuildKit may have, by the number after `0.`; called only when a name depends on them. undefined: not known */
  buildKitVersions(): Promise<readonly number[] | undefined>;
  /** docker's, once for each platform; called only when a name depends on the platform */
  platformVariables(): Promise<readonly Variables[]>;
  /** podman's, likewise */
  podmanPlatforms(): Promise<readonly PodmanPlatform[]>;
  readonly images: BaseImageSource;
}
