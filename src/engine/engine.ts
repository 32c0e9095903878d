/**
 * Container engines: docker over its API and its command, podman over its command. An engine moves and runs images; trust is
 * decided elsewhere, and images arrive here as digests. Nothing here asks a trust server, reads the process or prints.
 */
import type { Environment } from "../environment/environment.ts";
import type { Digest } from "../reference/digest.ts";
import type { CredentialSource } from "../docker-config/credentials.ts";
import type { Platform } from "../registry/platform.ts";
import type { EngineKind } from "./command-line/invocation.ts";
import type { EngineMessage } from "./engine-message.ts";

/** How {@link Engine.run} connects the child process. */
export interface EngineRunOptions {
  /** what the child reads: bytes, or a file, from its beginning; default: what this process reads */
  readonly stdin?: "inherit" | "ignore" | Uint8Array | { readonly file: string };
  /** keep what it prints instead of showing it */
  readonly capture?: boolean;
  /** where its standard output is shown when it is not kept; default `stdout` */
  readonly output?: "stdout" | "stderr";
}

/** The result of a finished child process; both texts are empty unless captured. */
export interface EngineRunResult {
  /** as a shell counts: 128 + signal number after a signal */
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** How an image is pushed. */
export interface EnginePushOptions {
  /** push only this platform's image of an index (docker from API 1.46 on) */
  readonly platform?: string | undefined;
  /** called with the engine's reports while it works */
  readonly onMessage?: ((message: EngineMessage) => void) | undefined;
  /** podman: the command that pushes, when it is not `push`: `["manifest", "push"]` */
  readonly command?: readonly string[];
  /** podman: flags for that command */
  readonly flags?: readonly string[];
  /** podman: what to push, when it has another name than the reference */
  readonly source?: string;
  /** podman: where to push it, as it was typed: `docker://host/name:tag` */
  readonly destination?: string | undefined;
}

/** How an image is pulled. */
export interface EnginePullOptions {
  readonly platform?: string | undefined;
  /** podman: show nothing. With docker, leave `onMessage` out */
  readonly quiet?: boolean;
  readonly onMessage?: ((message: EngineMessage) => void) | undefined;
  /** podman: flags for its command */
  readonly flags?: readonly string[];
  /** podman: where it shows what it does; default `stdout` */
  readonly output?: "stdout" | "stderr";
}

/** The engine's structured answer to a push. */
export interface PushedImage {
  readonly tag: string;
  readonly digest: Digest;
  /** bytes of the manifest; undefined where the engine does not report it (podman): then ask the registry */
  readonly size: number | undefined;
}

/** An image the engine has. */
export interface EngineImage {
  /** `sha256:…`, of the image's configuration or manifest: the engine's ID */
  readonly id: string;
  readonly platform: Platform | undefined;
}

/**
 * One container engine. References are strings as docker reads them (`alpine:3`, `host/name@sha256:…`).
 *
 * Methods throw NetworkError `ENGINE_UNREACHABLE`, `ENGINE_ERROR` (the engine's own words as the message), `ENGINE_RESPONSE_MALFORMED`, and
 * TagsealError `CANCELLED`.
 */
export interface Engine {
  readonly kind: EngineKind;
  /** absolute path of the engine's real command */
  readonly executable: string;
  /**
   * Prepares the first call, while the caller waits for something else. Never throws: errors are thrown by
   * the first call.
   */
  prepare(): void;
  /** Runs the real command with the user's global flags. Never throws for its exit status. */
  run(args: readonly string[], options?: EngineRunOptions): Promise<EngineRunResult>;
  /** undefined when the engine has no such image */
  findImage(reference: string): Promise<EngineImage | undefined>;
  imageExists(reference: string): Promise<boolean>;
  /** Pushes one tag and returns what the engine reports as pushed. */
  push(reference: string, options?: EnginePushOptions): Promise<PushedImage>;
  /** Pushes every tag of a repository, as `push --all-tags` does. */
  pushAllTags(repository: string, options?: EnginePushOptions): Promise<void>;
  /** Pulls exactly `digest` from the reference's repository; its tag is ignored. */
  pullByDigest(reference: string, digest: Digest, options?: EnginePullOptions): Promise<void>;
  /** Gives the image `source` names (usually by digest) the name `target`. */
  tag(source: string, target: string): Promise<void>;
  /** releases connections */
  close(): void;
}

/** Everything needed to open an engine; nothing is read from the process. */
export interface OpenEngineOptions {
  readonly kind: EngineKind;
  /** absolute path of the real command */
  readonly executable: string;
  /** flags before the command: `-H`, `--context`, `--tlsverify`, … */
  readonly globalArgs: readonly string[];
  readonly env: Environment;
  /** `$DOCKER_CONFIG`, usually `~/.docker` */
  readonly dockerConfigDir: string;
  /** the credentials for docker's engine; podman logs in by itself */
  readonly credentials: CredentialSource;
  readonly signal?: AbortSignal;
}
