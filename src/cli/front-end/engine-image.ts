/** The image of a docker-shaped command line: its name, its platform, and the flags for the engine's own command. */
import { ownFlags } from "../../engine/command-line/own-flags.ts";
import { type EngineInvocation, flagValue, isFlagOn } from "../../engine/command-line/invocation.ts";
import { otherTransport } from "../../engine/podman-transports.ts";
import { withoutTrust } from "../../engine/command-line/without-trust.ts";
import { UsageError } from "../../errors.ts";
import { type ImageReference, parseImageReference } from "../../reference/image-reference.ts";
import type { Io } from "../io.ts";
import { systemPolicyOf } from "../open/policy-files.ts";
import type { EngineCommandContext } from "./engine-command.ts";

/** podman also accepts the name of its transport for registries. */
const registryTransport = "docker://";

/** Parses the image as the engine would. @throws UsageError `REFERENCE_INVALID`, also for transports other than a registry's */
export function parseEngineImage(text: string, { engine, io }: EngineCommandContext): ImageReference {
  if (engine.kind === "podman" && otherTransport.test(text)) {
    const line = { command: `podman pull ${text}`, keptOnBy: systemPolicyOf(io) };
    throw new UsageError("REFERENCE_INVALID", `${text} is not in a registry, so nothing can be signed for it`, {
      hint: withoutTrust("To name it by its ID,", line, "load it"),
    });
  }
  const isTransport = engine.kind === "podman" && text.startsWith(registryTransport);
  return parseImageReference(isTransport ? text.slice(registryTransport.length) : text);
}

/** Refuses a digest in a push: what is pushed has the digest that it has, and none can be asked for. @throws UsageError `USAGE` */
export function refuseDigest({ digest }: ImageReference): void {
  if (digest !== undefined) throw new UsageError("USAGE", "cannot push a digest reference");
}

/** `--platform`, or docker's variable for it; undefined means the engine's own. */
export function wantedPlatform(invocation: EngineInvocation, io: Io): string | undefined {
  const wanted = flagValue(invocation, "platform") ?? io.env["DOCKER_DEFAULT_PLATFORM"];
  return wanted === "" ? undefined : wanted;
}

/** True for `-q`. */
export function isQuiet(invocation: EngineInvocation): boolean {
  return isFlagOn(invocation, "quiet");
}

/** The given flags, spelled out, without those named and without Tagseal's: for an engine command that takes the same flags. */
export function flagsWithout({ flags }: EngineInvocation, ...names: readonly string[]): string[] {
  return [...flags]
    .filter(([name]) => !names.includes(name) && !ownFlags.includes(name))
    .flatMap(([name, values]) => values.map((value) => `--${name}=${value}`));
}

/** Only the named flags, spelled out. */
export function flagsOnly({ flags }: EngineInvocation, ...names: readonly string[]): string[] {
  return names.flatMap((name) => (flags.get(name) ?? []).map((value) => `--${name}=${value}`));
}
