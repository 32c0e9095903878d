/** A build as the user asked for it, and as the engine gets it. */
import type { EngineKind } from "../command-line/invocation.ts";
import type { Environment } from "../../environment/environment.ts";
import type { TrustedDockerfile } from "./base-images.ts";
import type { PrivateDirectory } from "./private-directory.ts";

/** What the user asked for. */
export interface BuildRequest {
  readonly kind: EngineKind;
  /** the operand: a directory, a URL, `-` */
  readonly context: string;
  /** value of `-f` */
  readonly file: string | undefined;
  readonly env: Environment;
  /** whether `BUILDKIT_CONTEXT_KEEP_GIT_DIR` is on */
  readonly keepsGitDirectory: boolean;
  readonly signal?: AbortSignal | undefined;
  /** this process's standard input */
  readonly input: () => AsyncIterable<Uint8Array>;
  /** whether docker's classic builder will build */
  readonly isClassic: () => Promise<boolean>;
  /** where temporary files go; the caller makes and removes it */
  readonly directory: PrivateDirectory;
  /** puts a Dockerfile under content trust; `name` is for messages */
  readonly trust: (bytes: Uint8Array, name: string) => Promise<TrustedDockerfile>;
}

/** What the engine is asked for. */
export interface PreparedBuild {
  readonly context: string;
  readonly file: string | undefined;
  /** the engine's standard input, unless it is that of this process */
  readonly input: { readonly file: string } | undefined;
  readonly dockerfile: TrustedDockerfile;
}
