/** `docker pull` under content trust: pulls by digest what a tag is signed for, and nothing unsigned. */
import { type EngineInvocation, isFlagOn } from "../../../engine/command-line/invocation.ts";
import type { TrustedReference } from "../../../engine/trusted-reference.ts";
import { MetadataError, UsageError } from "../../../errors.ts";
import {
  familiarReference,
  formatReference,
  gunOf,
  type ImageReference,
  withDefaultTag,
} from "../../../reference/image-reference.ts";
import { requirementsFor } from "../../../policy/requirements.ts";
import { decide } from "../../../policy/verdict.ts";
import { dockerised } from "../../output/docker-errors.ts";
import { tellTrustEvents } from "../../output/trust-events.ts";
import { loadPolicies } from "../../open/policies.ts";
import { withTrust } from "../../open/trust.ts";
import type { Io } from "../../io.ts";
import type { EngineCommand, EngineCommandContext } from "../../front-end/engine-command.ts";
import { flagsWithout, isQuiet, parseEngineImage, wantedPlatform } from "../../front-end/engine-image.ts";
import { onlyOperand, reporting } from "../../front-end/reporting.ts";
import { pullAndTag, resolveAnyImage, resolveImage } from "../../front-end/trusted-image.ts";

/** `pull` with trust on. */
export const command: EngineCommand = (invocation, context) => reporting(context, () => pull(invocation, context));

async function pull(invocation: EngineInvocation, context: EngineCommandContext): Promise<number> {
  const { engine } = context;
  const images =
    engine.kind === "podman" && invocation.operands.length > 1
      ? invocation.operands
      : [onlyOperand(invocation, "[OPTIONS] NAME[:TAG|@DIGEST]", context.io)];
  const references = images.map(({ text }) => parseEngineImage(text, context));
  // every name is exact already: the engine's own pull can do it
  if (references.every(({ tag, digest }) => tag === undefined && digest !== undefined)) {
    for (const reference of references) await resolveImage(reference, context.io);
    return await context.handOver(invocation.argv);
  }
  engine.prepare();
  // All of them are resolved before any is fetched: one unsigned image stops the whole command.
  const resolved: ResolvedName[] = [];
  for (const reference of references) resolved.push(await resolveName(reference, invocation, context));
  for (const name of resolved) await pullResolved(name, invocation, context);
  return 0;
}

/** A name as typed, and every image it stands for. */
interface ResolvedName {
  readonly reference: ImageReference;
  readonly images: readonly TrustedReference[];
}

async function resolveName(
  typed: ImageReference,
  invocation: EngineInvocation,
  { io }: EngineCommandContext,
): Promise<ResolvedName> {
  const isAll = isFlagOn(invocation, "all-tags");
  if (isAll && (typed.tag !== undefined || typed.digest !== undefined)) {
    throw new UsageError("USAGE", "tag can't be used with --all-tags/-a");
  }
  const reference = isAll ? typed : withDefaultTag(typed);
  if (!isAll && !isQuiet(invocation) && reference !== typed) io.stdout.write(`Using default tag: ${reference.tag}\n`);
  return { reference, images: isAll ? await signedTags(reference, io) : [await resolveAnyImage(reference, io)] };
}

async function pullResolved(
  { reference, images }: ResolvedName,
  invocation: EngineInvocation,
  context: EngineCommandContext,
): Promise<void> {
  const { io } = context;
  const quiet = isQuiet(invocation);
  for (const [index, image] of images.entries()) {
    if (!quiet) {
      const name = familiarReference(image.reference);
      io.stdout.write(`Pull (${index + 1} of ${images.length}): ${name}\n`);
    }
    await pullAndTag(image, context, {
      platform: wantedPlatform(invocation, io),
      quiet,
      stream: "stdout",
      flags: flagsWithout(invocation, "all-tags", "quiet", "platform"),
    });
  }
  io.stdout.write(`${formatReference(reference)}\n`);
}

/** Every signed tag, in natural order, all read from one state of the collection. One that a policy refuses stops the whole command. */
async function signedTags(repository: ImageReference, io: Io): Promise<readonly TrustedReference[]> {
  const gun = gunOf(repository);
  const { listTags } = await import("../../../trust/reading/list.ts");
  const settings = { access: "read", notify: tellTrustEvents(io, { quiet: true }) } as const;
  const tags = await inDockersWords(gun, () => withTrust(io, repository, settings, (opened) => listTags(opened)));
  if (tags.length === 0) throw new MetadataError("TAG_NOT_SIGNED", `No trusted tags for ${gun}`);
  const policies = await loadPolicies(io);
  return tags.map(({ tag, digest, signers }) => {
    const required = requirementsFor(policies, { ...repository, tag });
    const verdict = decide(required, { digest, signers, signedAt: undefined, validUntil: undefined });
    if (verdict.outcome === "refused") throw verdict.error;
    return { reference: { ...repository, tag, digest }, digest };
  });
}

async function inDockersWords<T>(gun: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw dockerised(error, gun);
  }
}
