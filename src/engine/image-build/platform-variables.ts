/** The variables that BuildKit predefines for each platform it builds. */
import { NetworkError } from "../../errors.ts";
import { formatPlatform, parsePlatform, type Platform } from "../../registry/platform.ts";
import type { Engine } from "../engine.ts";
import type { PodmanPlatform } from "./dockerfile/podman-variables.ts";
import type { Variables } from "./dockerfile/substitution.ts";

/** What the variables are made from. */
export interface BuildTarget {
  /** `--platform`; empty: the engine's own */
  readonly platforms: readonly string[];
  /** `--target`; undefined: the last stage */
  readonly stage: string | undefined;
}

/** `TARGETPLATFORM`, `BUILDARCH` and the others, once for each platform. Asks the engine for its own platform. */
export async function platformVariables(engine: Engine, target: BuildTarget): Promise<readonly Variables[]> {
  const own = await enginePlatform(engine);
  const targets = target.platforms.length === 0 ? [own] : target.platforms.map((text) => normal(parsePlatform(text)));
  return targets.map(
    (platform) =>
      new Map([
        ...variablesOf("BUILD", own),
        ...variablesOf("TARGET", platform),
        ["TARGETSTAGE", target.stage ?? "default"],
      ]),
  );
}

/**
 * The variables that podman predefines for each platform it builds: for its own platform, and for one that was asked for by both parts of its
 * name.
 */
export async function podmanPlatforms(
  engine: Engine,
  platforms: readonly string[],
): Promise<readonly PodmanPlatform[]> {
  const own = await enginePlatform(engine);
  const machine = new Map([...podmanVariables("BUILD", own), ...podmanVariables("TARGET", own)]);
  if (platforms.length === 0) return [{ machine, chosen: new Map() }];
  return platforms.map((text) => ({
    machine,
    chosen: new Map(podmanVariables("TARGET", text === "local" ? own : normal(parsePlatform(text)))),
  }));
}

/** Versions differ about the variants of ARM: values that depend on one are not known. */
function podmanVariables(prefix: string, platform: Platform): readonly (readonly [string, string | undefined])[] {
  const hasVariants = platform.architecture.startsWith("arm") || platform.variant !== undefined;
  return variablesOf(prefix, platform).map(([name, value]) => {
    const isUnsure = hasVariants && /(?:PLATFORM|VARIANT)$/.test(name);
    return [name, isUnsure ? undefined : value];
  });
}

function variablesOf(prefix: string, platform: Platform): [string, string][] {
  const { os, architecture, variant = "" } = platform;
  return [
    [`${prefix}PLATFORM`, [os, architecture, variant].filter((part) => part !== "").join("/")],
    [`${prefix}OS`, os],
    [`${prefix}ARCH`, architecture],
    [`${prefix}VARIANT`, variant],
  ];
}

/** Spelled as engines spell it: default variants are left out. */
function normal(platform: Platform): Platform {
  const [os = "", architecture = "", variant] = formatPlatform(platform).split("/");
  return { os, architecture, ...(variant === undefined ? {} : { variant }) };
}

const formats = { docker: "{{.Server.Os}}/{{.Server.Arch}}", podman: "{{.Version.OsArch}}" } as const;

async function enginePlatform(engine: Engine): Promise<Platform> {
  const command = engine.kind === "docker" ? "version" : "info";
  const args = [command, "--format", formats[engine.kind]];
  const { exitCode, stdout } = await engine.run(args, { stdin: "ignore", capture: true });
  if (exitCode === 0 && /^[a-z0-9]+\/[a-z0-9_]+\s*$/i.test(stdout)) return normal(parsePlatform(stdout.trim()));
  throw new NetworkError("ENGINE_UNREACHABLE", `${engine.kind} does not say for which platform it builds`, {
    hint: "Name the platform with --platform.",
  });
}
