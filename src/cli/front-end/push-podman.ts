/** `podman push` and `podman manifest push` under content trust. podman writes the pushed digest to a file; the registry reports its size. */
import { type EngineInvocation, flagValue } from "../../engine/command-line/invocation.ts";
import { UsageError } from "../../errors.ts";
import { formatReference, withDefaultTag } from "../../reference/image-reference.ts";
import type { EngineCommandContext } from "./engine-command.ts";
import { otherTransport } from "../../engine/podman-transports.ts";
import { flagsWithout, isQuiet, parseEngineImage, refuseDigest } from "./engine-image.ts";
import { requireRepository } from "../open/trust.ts";
import { tellTrustEvents } from "../output/trust-events.ts";
import { signPushed, tellUnsigned } from "./sign-pushed.ts";

/** Pushes the image of the line and signs it. */
export async function pushWithPodman(invocation: EngineInvocation, context: EngineCommandContext): Promise<number> {
  const { io, engine } = context;
  const [source, destination] = invocation.operands.map(({ text }) => text);
  if (source === undefined || invocation.operands.length > 2) {
    throw new UsageError(
      "USAGE",
      `podman ${invocation.commandPath.join(" ")} takes an image and perhaps a destination`,
    );
  }
  if (destination !== undefined && otherTransport.test(destination)) return await context.handOver(invocation.argv);
  const typed = parseEngineImage(destination ?? source, context);
  refuseDigest(typed);
  const image = withDefaultTag(typed);
  if (typed.tag !== undefined) await requireRepository(io, image, tellTrustEvents(io, { quiet: true }));
  const pushed = await engine.push(formatReference(image), {
    command: invocation.commandPath,
    flags: flagsWithout(invocation, "digestfile"),
    source,
    destination,
  });
  await keepDigestFile(flagValue(invocation, "digestfile"), pushed.digest);
  if (typed.tag === undefined) tellUnsigned(image, io);
  else await signPushed(image, pushed, io, { quiet: isQuiet(invocation) });
  return 0;
}

/** Tagseal does not pass --digestfile on, so it writes the file itself. */
async function keepDigestFile(path: string | undefined, digest: string): Promise<void> {
  if (path === undefined) return;
  const { writeFile } = await import("node:fs/promises");
  await writeFile(path, digest);
}
