/**
 * Configuration that makes an engine ask the gateway, and nothing else. Each shape here is fail-closed: an engine that the gateway refuses, or
 * that cannot reach it, does not go on to the registry. What engines call a mirror is not such a shape, so no mirror is ever written.
 */

/** The engines that settings are made for. */
export const configurableEngines = ["buildkit", "containerd", "crio", "docker", "k3s", "podman"] as const;

/** One of {@link configurableEngines}. */
export type ConfigurableEngine = (typeof configurableEngines)[number];

/** What settings are made of. */
export interface GatewayTarget {
  /** the gateway's address: scheme, host and port */
  readonly gateway: URL;
  /** the registries that are reached through it: `docker.io`, `localhost:5000` */
  readonly registries: readonly string[];
  /** PEM of the authority that signs the gateway's certificate, where the machine does not know it */
  readonly ca?: string | undefined;
}

/** A file of an engine's configuration. */
export interface EngineFile {
  /** where the engine looks for it */
  readonly path: string;
  readonly content: string;
  /** the lines that another file in this place may have, when it may be replaced: what it says is then known. Without it, only files of ours are replaced. */
  readonly knownLine?: RegExp;
}

/** A file whose lines can make the engine go past the gateway. */
export interface Bypass {
  /** a file, or a directory of files */
  readonly path: string;
  readonly line: RegExp;
  /** what is wrong with such a line: one sentence without a full stop */
  readonly why: string;
}

/** The configuration of one engine. */
export interface EngineSettings {
  readonly files: readonly EngineFile[];
  readonly bypasses: readonly Bypass[];
  /** what must also hold: whole sentences */
  readonly notes: readonly string[];
}

/** The first line of each file of ours, after the sign of a comment. */
export const writtenByUs = "Written by tagseal gateway configure.";

/** A text in TOML, JSON or YAML. */
export function quoted(text: string): string {
  return JSON.stringify(text);
}

/** A pattern for `text` itself. */
export function literally(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/gu, "\\$&");
}
