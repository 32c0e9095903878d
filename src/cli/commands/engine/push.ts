/** `docker push` under content trust: the engine pushes, and what it pushed is signed. */
import { type EngineInvocation, flagValue, isFlagOn } from "../../../engine/command-line/invocation.ts";
import type { EnginePushOptions } from "../../../engine/engine.ts";
import { UsageError } from "../../../errors.ts";
import { formatReference, gunOf, type ImageReference, withDefaultTag } from "../../../reference/image-reference.ts";
import { engineDisplay } from "../../output/engine-progress.ts";
import type { EngineCommand, EngineCommandContext } from "../../front-end/engine-command.ts";
import { isQuiet, parseEngineImage, refuseDigest } from "../../front-end/engine-image.ts";
import { onlyOperand, reporting } from "../../front-end/reporting.ts";
import { requireRepository, withNoInit } from "../../open/trust.ts";
import { tellTrustEvents } from "../../output/trust-events.ts";
import { signPushed, tellUnsigned } from "../../front-end/sign-pushed.ts";

/** `push` with trust on. */
export const command: EngineCommand = (invocation, given) =>
  reporting(given, async () => {
    const context = { ...given, io: withNoInit(given.io, isFlagOn(invocation, "no-init")) };
    if (context.engine.kind === "docker") return await push(invocation, context);
    const { pushWithPodman } = await import("../../front-end/push-podman.ts");
    return await pushWithPodman(invocation, context);
  });

async function push(invocation: EngineInvocation, context: EngineCommandContext): Promise<number> {
  const { io, engine } = context;
  const typed = parseEngineImage(onlyOperand(invocation, "[OPTIONS] NAME[:TAG]", io).text, context);
  refuseDigest(typed);
  const quiet = isQuiet(invocation);
  const isAll = isFlagOn(invocation, "all-tags");
  if (isAll && typed.tag !== undefined) throw new UsageError("USAGE", "tag can't be used with --all-tags/-a");
  const image = isAll ? typed : withDefaultTag(typed);
  if (!isAll && !quiet && typed.tag === undefined) io.stdout.write(`Using default tag: ${image.tag}\n`);
  const options: EnginePushOptions = {
    platform: flagValue(invocation, "platform"),
    onMessage: quiet ? undefined : engineDisplay(io.stdout),
  };
  if (isAll) await engine.pushAllTags(gunOf(image), options);
  else await pushTag(image, typed.tag !== undefined, context, { ...options, quiet });
  if (typed.tag === undefined && !quiet) tellUnsigned(image, io);
  if (quiet) io.stdout.write(`${formatReference(image)}\n`);
  return 0;
}

async function pushTag(
  image: ImageReference,
  isSigned: boolean,
  { io, engine }: EngineCommandContext,
  { quiet, ...options }: EnginePushOptions & { readonly quiet: boolean },
): Promise<void> {
  if (isSigned) await requireRepository(io, image, tellTrustEvents(io, { quiet: true }));
  const pushed = await engine.push(formatReference(image), options);
  if (isSigned) await signPushed(image, pushed, io, { quiet });
}
