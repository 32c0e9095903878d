/** Resolves and pulls images under content trust, for pull, create and run. */
import type { TrustedReference } from "../../engine/trusted-reference.ts";
import {
  familiarName,
  familiarReference,
  gunOf,
  type ImageReference,
  withDefaultTag,
} from "../../reference/image-reference.ts";
import { allowedDigest } from "../../trust/reading/decide-image.ts";
import { decideHere } from "../open/decide.ts";
import { withRegistry } from "../open/registry.ts";
import type { Io, Output } from "../io.ts";
import { dockerised } from "../output/docker-errors.ts";
import { engineDisplay } from "../output/engine-progress.ts";
import { tellTrustEvents } from "../output/trust-events.ts";
import type { EngineCommandContext } from "./engine-command.ts";

/**
 * Resolves an image, showing warnings only.
 *
 * @returns undefined when a policy lets the name be used as it is
 * @throws what `resolveTrusted` throws, in docker's words
 */
export async function resolveImage(reference: ImageReference, io: Io): Promise<TrustedReference | undefined> {
  const settings = { access: "read", notify: tellTrustEvents(io, { quiet: true }) } as const;
  const named = withDefaultTag(reference);
  try {
    const digest = allowedDigest((await decideHere(io, named, settings)).verdict);
    return digest === undefined ? undefined : { reference: { ...named, digest }, digest };
  } catch (error) {
    throw dockerised(error, gunOf(reference));
  }
}

/** The same for commands that need a digest in any case: a name that a policy lets pass stands for what the registry says now. */
export async function resolveAnyImage(reference: ImageReference, io: Io): Promise<TrustedReference> {
  const resolved = await resolveImage(reference, io);
  if (resolved !== undefined) return resolved;
  const { tag, ...named } = withDefaultTag(reference);
  const { resolveWhole } = await import("../../registry/image-tree.ts");
  const { digest } = await withRegistry(io, named, "pull", (registry) => resolveWhole(registry, tag ?? "latest"));
  return { reference: { ...named, tag, digest }, digest };
}

/** How to pull a resolved image and what to show of it. */
export interface PullDisplay {
  readonly platform: string | undefined;
  readonly quiet: boolean;
  /** where the engine's progress goes: a pull's own output, or beside a container's */
  readonly stream: "stdout" | "stderr";
  /** podman: flags for its command */
  readonly flags?: readonly string[];
}

/** Pulls exactly the digest, then gives it the tag it was resolved from. */
export async function pullAndTag(
  { reference, digest }: TrustedReference,
  { io, engine }: EngineCommandContext,
  { platform, quiet, stream, flags = [] }: PullDisplay,
): Promise<void> {
  const output: Output = stream === "stdout" ? io.stdout : io.stderr;
  const onMessage = quiet ? undefined : engineDisplay(output);
  const repository = gunOf(reference);
  await engine.pullByDigest(repository, digest, { platform, quiet, onMessage, flags, output: stream });
  const { tag } = reference;
  if (tag === undefined) return;
  const exact = `${familiarName(reference)}@${digest}`;
  if (!quiet) io.stderr.write(`Tagging ${exact} as ${familiarReference({ ...reference, digest: undefined })}\n`);
  await engine.tag(`${repository}@${digest}`, `${repository}:${tag}`);
}
