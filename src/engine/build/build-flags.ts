/** What the flags of a build say about the images that enter it. */
import { DockerfileRefused } from "./refused.ts";
import { type EngineInvocation, type EngineKind, flagValue } from "../command-line/invocation.ts";
import type { Env } from "../trust-switch.ts";

/** `--build-arg`; without a value it is that of the environment. */
export function buildArguments({ flags }: EngineInvocation, env: Env): ReadonlyMap<string, string> {
  const given = new Map<string, string>();
  for (const text of flags.get("build-arg") ?? []) {
    const equals = text.indexOf("=");
    const name = equals === -1 ? text : text.slice(0, equals);
    const value = equals === -1 ? env[name] : text.slice(equals + 1);
    if (value !== undefined) given.set(name, value);
  }
  return given;
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
export function buildPlatforms(invocation: EngineInvocation, kind: EngineKind, env: Env): readonly string[] {
  const given = (invocation.flags.get("platform") ?? []).flatMap((text) => text.split(","));
  if (given.length > 0) return given;
  if (kind === "docker") return [env["DOCKER_DEFAULT_PLATFORM"] ?? ""].filter((text) => text !== "");
  const [os, architecture, variant] = ["os", "arch", "variant"].map((name) => flagValue(invocation, name));
  if (os === undefined && architecture === undefined) return [];
  if (architecture === undefined) throw refused("--os without --arch is not understood", "use --platform os/arch");
  return [[os ?? "linux", architecture, ...(variant === undefined ? [] : [variant])].join("/")];
}

/** Flags that bring images or instructions in, or replace them, by ways that are not followed here. */
const unfollowed: Readonly<Record<EngineKind, readonly string[]>> = {
  docker: ["policy"],
  podman: ["build-arg-file", "all-platforms", "sbom", "sbom-scanner-image", "hooks-dir"],
};

/**
 * Refuses flags and variables whose effect on the images of a build is not known.
 *
 * @throws UsageError `DOCKERFILE_REFUSED`
 */
export function refuseUnfollowedFlags(invocation: EngineInvocation, kind: EngineKind, env: Env): void {
  const flag = unfollowed[kind].find((name) => invocation.flags.has(name));
  if (flag !== undefined)
    throw refused(`--${flag} cannot be used under content trust: it may bring in images that nobody checked`);
  if (kind === "podman" && (invocation.flags.get("file") ?? []).length > 1) {
    throw refused("several -f are not understood: podman joins the files", "join them into one file");
  }
  if ((env["EXPERIMENTAL_BUILDKIT_SOURCE_POLICY"] ?? "") !== "") {
    throw refused(
      "EXPERIMENTAL_BUILDKIT_SOURCE_POLICY may replace images after they were checked",
      "unset it for builds under content trust",
    );
  }
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

/** Puts a value together again with one member set. */
export function withMember({ members }: CsvValue, key: string, value: string): string {
  const others = members.filter(([name]) => name !== key);
  return [...others, [key, value] as const].map(([name, text]) => (text === "" ? name : `${name}=${text}`)).join(",");
}

/** A flag that cannot be followed. */
export function refused(message: string, hint?: string): DockerfileRefused {
  return new DockerfileRefused(message, hint);
}
