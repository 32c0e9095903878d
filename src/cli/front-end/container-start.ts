/** The common part of create and run: resolve the image, pull it by digest if necessary, and create the container from exactly that digest. */
import {
  type EngineInvocation,
  type EngineKind,
  flagValue,
  type Operand,
  replaceFlagValue,
  replaceOperand,
} from "../../engine/command-line/invocation.ts";
import { imageMount } from "../../engine/command-line/mount-flag.ts";
import { UsageError } from "../../errors.ts";
import { familiarReference, gunOf, type ImageReference } from "../../reference/image-reference.ts";
import { parsePlatform, runsOn } from "../../registry/platform.ts";
import type { TrustedReference } from "../../engine/trusted-reference.ts";
import type { EngineCommandContext } from "./engine-command.ts";
import { flagsOnly, isQuiet, parseEngineImage, wantedPlatform } from "./engine-image.ts";
import { imageOperand } from "./reporting.ts";
import { pullAndTag, resolveImage } from "./trusted-image.ts";

/** docker's usage line of both commands. */
const usage = "[OPTIONS] IMAGE [COMMAND] [ARG...]";
/** An image ID as docker shows it: docker prints twelve digits; fewer could be the name of an image. */
const shortId = /^[0-9a-f]{12,63}$/;
const fullId = /^(?:sha256:)?[0-9a-f]{64}$/;

/** Lets the engine create or run the container from a digest. @returns the engine's exit status */
export async function startContainer(invocation: EngineInvocation, context: EngineCommandContext): Promise<number> {
  const operand = imageOperand(invocation, usage, context.io);
  if (flagValue(invocation, "rootfs") === "true") throw unsignedDirectory();
  const mounts = invocation.placedFlags
    .filter(({ name }) => name === "mount")
    .flatMap((flag) => {
      const mount = imageMount(flag.value);
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
function unsignedDirectory(): UsageError {
  return new UsageError(
    "COMMAND_NOT_COVERED",
    'content trust does not cover "--rootfs": it starts an unsigned directory',
    {
      hint: "Start an image, or put DOCKER_CONTENT_TRUST=0 before the command to run it without content trust.",
    },
  );
}

/** An image name for the engine, and what it was resolved to; names that are exact already are not resolved. */
interface TrustedImage {
  readonly name: string;
  readonly resolved?: TrustedReference;
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

async function trustedImage(text: string, context: EngineCommandContext): Promise<TrustedImage> {
  const { kind } = context.engine;
  if (fullId.test(text)) return { name: text };
  const id = shortId.test(text) ? await idOf(text, context) : undefined;
  if (id !== undefined) return { name: id };
  const typed = parseEngineImage(text, kind);
  context.engine.prepare();
  const resolved = await resolveImage(typed, context.io);
  if (resolved === undefined || isExact(typed)) return { name: text };
  return { name: pinnedName(typed, resolved, kind), resolved };
}

/** A digest alone is used as it was written. */
function isExact({ tag, digest }: ImageReference): boolean {
  return tag === undefined && digest !== undefined;
}

/** The full ID, when the text is the beginning of one: an ID takes precedence over a name. */
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
 * The name for the engine. docker finds `name:tag@digest` by its digest and shows it as `name:tag`, so that `docker ps` stays readable; podman
 * takes one or the other.
 */
function pinnedName(typed: ImageReference, { reference, digest }: TrustedReference, kind: EngineKind): string {
  return kind === "podman" ? `${gunOf(reference)}@${digest}` : familiarReference({ ...typed, digest });
}

/** The image is already pulled. The last --pull counts. After a lone "--" no flag can be added; pulling the digest again is harmless. */
function withoutPull(line: readonly string[], invocation: EngineInvocation, operand: Operand): readonly string[] {
  if (pullPolicy(invocation) !== "always" || line[operand.index - 1] === "--") return line;
  return line.toSpliced(operand.index, 0, "--pull=missing");
}
