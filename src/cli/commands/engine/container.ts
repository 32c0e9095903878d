/** What create and run have in common: the image is resolved, pulled by digest if need be, and the container made from exactly that digest. */
import {
  type EngineInvocation,
  type EngineKind,
  flagValue,
  type Operand,
  replaceOperand,
} from "../../../engine/command-line/invocation.ts";
import { familiarReference, gunOf, type ImageReference, withDefaultTag } from "../../../reference/image-reference.ts";
import { parsePlatform, runsOn } from "../../../registry/platform.ts";
import type { TrustedReference } from "../../../engine/trusted-reference.ts";
import type { EngineCommandContext } from "./engine-command.ts";
import { flagsOnly, isQuiet, parseEngineImage, wantedPlatform } from "./image-argument.ts";
import { imageOperand } from "./reporting.ts";
import { pullAndTag, resolveImage } from "./trusted-image.ts";

/** docker's usage line of both commands. */
const usage = "[OPTIONS] IMAGE [COMMAND] [ARG...]";
/** An image ID as docker shows it: twelve digits are what it prints, fewer could be somebody's image name. */
const shortId = /^[0-9a-f]{12,63}$/;
const fullId = /^(?:sha256:)?[0-9a-f]{64}$/;

/** Makes or runs the container by letting the engine do it, from a digest. @returns the engine's exit status */
export async function startContainer(invocation: EngineInvocation, context: EngineCommandContext): Promise<number> {
  const operand = imageOperand(invocation, usage, context.io);
  const { text } = operand;
  // podman: a directory takes the image's place
  const isDirectory = context.engine.kind === "podman" && flagValue(invocation, "rootfs") === "true";
  if (isDirectory || fullId.test(text)) return await context.handOver(invocation.argv);
  const id = shortId.test(text) ? await idOf(text, context) : undefined;
  if (id !== undefined) return await context.handOver(replaceOperand(invocation, operand, id));
  const typed = parseEngineImage(text, context.engine.kind);
  if (typed.tag === undefined && typed.digest !== undefined) return await context.handOver(invocation.argv);
  context.engine.prepare();
  const image = await resolveImage(withDefaultTag(typed), context.io);
  await haveImage(image, invocation, context);
  return await context.handOver(pinned(invocation, operand, typed, image, context.engine.kind));
}

/** The whole ID, when the text is the beginning of one: then it means exactly that image, whatever name it could be. */
async function idOf(text: string, { engine }: EngineCommandContext): Promise<string | undefined> {
  const found = await engine.findImage(text);
  return found?.id.startsWith(`sha256:${text}`) === true ? found.id : undefined;
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

/**
 * The line for the engine. docker finds `name:tag@digest` by its digest and shows it as `name:tag`, so that `docker ps` stays readable; podman
 * takes one or the other.
 */
function pinned(
  invocation: EngineInvocation,
  operand: Operand,
  typed: ImageReference,
  { reference, digest }: TrustedReference,
  kind: EngineKind,
): string[] {
  const name = kind === "podman" ? `${gunOf(reference)}@${digest}` : familiarReference({ ...typed, digest });
  const line = replaceOperand(invocation, operand, name);
  // It has been pulled already. The last --pull counts; after a lone "--" there is no place for one, and pulling the digest again does no harm.
  if (pullPolicy(invocation) !== "always" || line[operand.index - 1] === "--") return line;
  return line.toSpliced(operand.index, 0, "--pull=missing");
}
