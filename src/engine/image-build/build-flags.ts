/** The flags of a build that concern the images in it. */
import { DockerfileRefused } from "./refused.ts";
import { type EngineInvocation, type EngineKind, flagValue } from "../command-line/invocation.ts";
import { dockerFlags } from "../command-line/docker-flags.ts";
import { ownFlags } from "../command-line/own-flags.ts";
import { podmanFlags } from "../command-line/podman-flags.ts";
import type { Environment } from "../../environment/environment.ts";

/** `--build-arg`; without a value it is that of the environment, and where that has none podman unsets it. */
export function buildArguments(
  { flags }: Pick<EngineInvocation, "flags">,
  kind: EngineKind,
  env: Environment,
): ReadonlyMap<string, string> {
  const given = new Map<string, string>();
  for (const text of flags.get("build-arg") ?? []) {
    const equals = text.indexOf("=");
    const name = equals === -1 ? text : text.slice(0, equals);
    const value = equals === -1 ? env[name] : text.slice(equals + 1);
    if (value !== undefined) given.set(name, value);
    else if (kind === "podman") given.delete(name);
  }
  return given;
}

/** The names that podman's `--env` sets. */
export function environmentNames({ flags }: EngineInvocation): ReadonlySet<string> {
  return new Set((flags.get("env") ?? []).map((text) => text.split("=", 1)[0] ?? text));
}

/** `--build-context NAME=VALUE`, in the order given. */
export function buildContexts({ flags }: EngineInvocation): readonly (readonly [name: string, value: string])[] {
  return (flags.get("build-context") ?? []).map((text) => {
    const equals = text.indexOf("=");
    if (equals <= 0) throw refused(`--build-context ${text} is not understood: expected NAME=VALUE`);
    return [text.slice(0, equals), text.slice(equals + 1)];
  });
}

/** `--platform`, or docker's variable for it: empty means the engine's own. */
export function buildPlatforms(invocation: EngineInvocation, kind: EngineKind, env: Environment): readonly string[] {
  const given = (invocation.flags.get("platform") ?? []).flatMap((text) => text.split(","));
  if (given.length > 0) return given;
  if (kind === "docker") return [env["DOCKER_DEFAULT_PLATFORM"] ?? ""].filter((text) => text !== "");
  const [os, architecture, variant] = ["os", "arch", "variant"].map(
    (name) => flagValue(invocation, name) ?? flagValue(invocation, `override-${name}`),
  );
  // with only one of them, podman's variables stay those of the machine
  if (os === undefined || architecture === undefined) return [];
  return [[os, architecture, ...(variant === undefined ? [] : [variant])].join("/")];
}

/** Flags that add or replace images or instructions in ways that are not checked here. */
const unfollowed: Readonly<Record<EngineKind, readonly string[]>> = {
  docker: ["policy"],
  podman: [
    "all-platforms",
    "build-arg-file",
    "cache-from",
    "hooks-dir",
    "mount",
    // each of them starts the scanner, whose image is in podman's settings
    "sbom",
    "sbom-image-output",
    "sbom-image-purl-output",
    "sbom-merge-strategy",
    "sbom-output",
    "sbom-purl-output",
    "sbom-scanner-command",
    "sbom-scanner-image",
    "source-policy-file",
  ],
};

/**
 * Refuses flags and variables whose effect on the images of a build is not known.
 *
 * @throws UsageError `DOCKERFILE_REFUSED`
 */
export function refuseUnfollowedFlags(invocation: EngineInvocation, kind: EngineKind, env: Environment): void {
  const { flags } = invocation;
  const flag = [...flags.keys()].find((name) => unfollowed[kind].includes(name) || !isKnownBuildFlag(kind, name));
  if (flag !== undefined)
    throw refused(`--${flag} cannot be used under content trust: it may bring in images that were not checked`);
  if (kind === "podman" && (flags.get("file") ?? []).length > 1) {
    throw refused("several -f are not understood: podman joins the files", "join them into one file");
  }
  if ((env["EXPERIMENTAL_BUILDKIT_SOURCE_POLICY"] ?? "") !== "") {
    throw refused(
      "EXPERIMENTAL_BUILDKIT_SOURCE_POLICY may replace images after they were checked",
      "unset it for builds under content trust",
    );
  }
}

/** Whether Tagseal's table has the flag: a flag that only the engine's help has could do anything. */
function isKnownBuildFlag(kind: EngineKind, name: string): boolean {
  const tables = kind === "docker" ? dockerFlags : podmanFlags;
  return ownFlags.includes(name) || tables.build.kinds.has(name);
}

/** A value such as `type=registry,ref=NAME`: its members in order, or the plain text. */
export interface CsvValue {
  readonly members: readonly (readonly [key: string, value: string])[];
  /** text without any `=` */
  readonly plain: string | undefined;
}

/** Reads a value of `--cache-from`, `--attest` or `--sbom`. @throws UsageError `DOCKERFILE_REFUSED` for quotes in it */
export function readCsv(flag: string, text: string): CsvValue {
  if (text.includes('"')) throw refused(`quotes in --${flag} are not understood`);
  if (!text.includes("=")) return { members: [], plain: text };
  const members = text.split(",").map((field): [string, string] => {
    const equals = field.indexOf("=");
    return equals === -1 ? [field, ""] : [field.slice(0, equals).trim().toLowerCase(), field.slice(equals + 1)];
  });
  return { members, plain: undefined };
}

/** Builds the value again with one member set. */
export function withMember({ members }: CsvValue, key: string, value: string): string {
  const others = members.filter(([name]) => name !== key);
  return [...others, [key, value] as const].map(([name, text]) => (text === "" ? name : `${name}=${text}`)).join(",");
}

/** The error for a flag whose effect cannot be checked. */
export function refused(message: string, hint?: string): DockerfileRefused {
  return new DockerfileRefused(message, hint);
}
