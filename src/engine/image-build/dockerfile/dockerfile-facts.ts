/** What a Dockerfile says, as far as it matters to content trust: stages, images and what may change their names, by their places in the text. */

/** An `ARG` before the first stage. */
export interface GlobalArgument {
  readonly name: string;
  /** as written, quotes and variables included; undefined without default */
  readonly value: string | undefined;
  readonly line: number;
}

/** A place in a Dockerfile where an image or a stage is named. */
export interface ImageUse {
  readonly position: "from" | "copy" | "mount";
  /** kept for later builds by `ONBUILD` */
  readonly isTrigger: boolean;
  /** index of its stage; for `from`, of the stage it begins */
  readonly stage: number;
  /** as written; for `from` with quotes and variables */
  readonly written: string;
  /** offsets of what is to be replaced */
  readonly start: number;
  readonly end: number;
  readonly line: number;
}

/** An `ARG` or `ENV` in a stage. */
export interface StageSetting {
  readonly keyword: "arg" | "env";
  /** the rest of the instruction, flags included */
  readonly rest: string;
  /** kept for later builds by `ONBUILD` */
  readonly isTrigger: boolean;
  readonly stage: number;
  /** where it stands in the file */
  readonly at: number;
}

/** Options of a `RUN --mount=` with variables, which podman replaces before it splits them. */
export interface MountOptions {
  readonly text: string;
  readonly stage: number;
  /** where they stand in the file */
  readonly at: number;
  readonly line: number;
}

/** A reading of a Dockerfile. */
export interface DockerfileFacts {
  /** the escape character, in every reading an engine may have */
  readonly escapes: readonly string[];
  readonly arguments: readonly GlobalArgument[];
  /** name of each stage as written; undefined without `AS` */
  readonly stages: readonly (string | undefined)[];
  readonly images: readonly ImageUse[];
  readonly settings: readonly StageSetting[];
  readonly mounts: readonly MountOptions[];
}
