/** The common part of create and run: resolve the image, pull it by digest if necessary, and create the container from exactly that digest. */
import {
  type EngineInvocation,
  flagValue,
  type Operand,
  replaceFlagValue,
  replaceOperand,
} from "../../engine/command-line/invocation.ts";
import { imageMount } from "../../engine/command-line/mount-flag.ts";
import { UsageError } from "../../errors.ts";
import { familiarReference, gunOf } from "../../reference/image-reference.ts";
import { parsePlatform, runsOn } from "../../registry/platform.ts";
import type { TrustedReference } from "../../engine/trusted-reference.ts";
import { type UncoveredLine, withoutTrust } from "../../engine/command-line/without-trust.ts";
import { type TrustedImage, trustedImage } from "./container-image.ts";
import type { EngineCommandContext } from "./engine-command.ts";
import { flagsOnly, isQuiet, wantedPlatform } from "./engine-image.ts";
import { imageOperand } from "./reporting.ts";
import { pullAndTag } from "./trusted-image.ts";
import { uncoveredLine } from "./uncovered-line.ts";

/** docker's usage line of both commands. */
const usage = "[OPTIONS] IMAGE [COMMAND] [ARG...]";

/** Lets the engine create or run the container from a digest. @returns the engine's exit status */
export async function startContainer(invocation: EngineInvocation, context: EngineCommandContext): Promise<number> {
  const operand = imageOperand(invocation, usage, context.io);
  const uncovered = uncoveredLine(invocation, context.engine.kind, context.io);
  if (flagValue(invocation, "rootfs") === "true") throw unsignedDirectory(uncovered);
  const mounts = invocation.placedFlags
    .filter(({ name }) => name === "mount")
    .flatMap((flag) => {
      const mount = imageMount(flag.value, uncovered);
      return mount === undefined ? [] : [{ flag, mount }];
    });
  const [image, ...mounted] = await trustedImages([operand.text, ...mounts.map(({ mount }) => mount.source)], context);
  let line = replaceOperand(invocation, operand, image?.name ?? operand.text);
  for (const [index, { flag, mount }] of mounts.entries()) {
    line = replaceFlagValue(line, flag, mount.withSource(mounted[index]?.name ?? mount.source));
  }
  for (const { resolved } of [image, ...mounted].filter((found) => found !== undefined)) {
    if (resolved !== undefined) await haveImage(resolved, invocation, context);
  }
  return await context.handOver(image?.resolved === undefined ? line : withoutPull(line, invocation, operand));
}

/** podman: a directory replaces the image. */
function unsignedDirectory(line: UncoveredLine): UsageError {
  return new UsageError(
    "COMMAND_NOT_COVERED",
    'content trust does not cover "--rootfs": it starts an unsigned directory',
    { hint: withoutTrust("Start an image, or", line) },
  );
}

/** Resolves all images before the first is fetched. */
async function trustedImages(
  names: readonly string[],
  context: EngineCommandContext,
): Promise<readonly TrustedImage[]> {
  const images: TrustedImage[] = [];
  for (const name of names) images.push(await trustedImage(name, context));
  return images;
}

async function haveImage(
  image: TrustedReference,
  invocation: EngineInvocation,
  context: EngineCommandContext,
): Promise<void> {
  const { io } = context;
  const policy = pullPolicy(invocation);
  const platform = wantedPlatform(invocation, io);
  if (policy === "never" || (policy === "missing" && (await isPresent(image, platform, context)))) return;
  const quiet = isQuiet(invocation);
  if (policy === "missing" && !quiet) {
    io.stderr.write(`Unable to find image '${familiarReference({ ...image.reference, digest: undefined })}' locally\n`);
  }
  const flags = context.engine.kind === "podman" ? flagsOnly(invocation, "authfile", "tls-verify") : [];
  await pullAndTag(image, context, { platform, quiet, stream: "stderr", flags });
}

/** podman has more policies (`newer`), and takes the flag without a value; a digest is never newer than itself. */
function pullPolicy(invocation: EngineInvocation): "always" | "missing" | "never" {
  const given = flagValue(invocation, "pull") ?? "missing";
  if (given === "always" || given === "true") return "always";
  return given === "never" ? "never" : "missing";
}

async function isPresent(
  { reference, digest }: TrustedReference,
  platform: string | undefined,
  { engine }: EngineCommandContext,
): Promise<boolean> {
  const found = await engine.findImage(`${gunOf(reference)}@${digest}`);
  if (found === undefined || platform === undefined || found.platform === undefined) return found !== undefined;
  return runsOn(found.platform, parsePlatform(platform));
}

/** The image is already pulled. The last --pull counts. After a lone "--" no flag can be added; pulling the digest again is harmless. */
function withoutPull(line: readonly string[], invocation: EngineInvocation, operand: Operand): readonly string[] {
  if (pullPolicy(invocation) !== "always" || line[operand.index - 1] === "--") return line;
  return line.toSpliced(operand.index, 0, "--pull=missing");
}
