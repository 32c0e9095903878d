/** A push that uploaded the image and did not sign it: the current state, and the command that finishes it. */
import { hasCode, reworded, TagsealError } from "../../errors.ts";
import type { Digest } from "../../reference/digest.ts";
import { familiarReference, gunOf, type ImageReference } from "../../reference/image-reference.ts";
import type { Io } from "../io.ts";
import { failedToSign, prefixed } from "./docker-errors.ts";

/** The image that is in the registry now. */
export interface PushedTag {
  readonly image: ImageReference;
  readonly tag: string;
  readonly digest: Digest;
}

/**
 * The same error in docker's words, followed by how to finish. Cancellation stays unchanged.
 *
 * @param failedBy what could not be reached: docker's words differ for a trust server
 */
export function unsignedPush(
  error: unknown,
  pushed: PushedTag,
  io: Io,
  failedBy: "registry" | "trust server" = "trust server",
): unknown {
  const gun = gunOf(pushed.image);
  const failed =
    failedBy === "registry"
      ? prefixed(error, `failed to sign ${gun}:${pushed.tag}`)
      : failedToSign(error, gun, pushed.tag);
  if (!(failed instanceof TagsealError) || failed.code === "CANCELLED") return failed;
  const advice = finishingAdvice(failed, pushed, io);
  return reworded(failed, {
    hint: failed.hint === undefined ? advice : `${failed.hint.replace(/\.$/u, "")}. ${advice}`,
  });
}

function finishingAdvice(error: TagsealError, { image, tag, digest }: PushedTag, io: Io): string {
  const finish = `finish with: ${signCommand(io)} ${familiarReference({ ...image, tag, digest })}`;
  return hasCode(error, "PUBLISH_UNCONFIRMED")
    ? `The image is in the registry, and nothing is staged; if it is not signed, ${finish}`
    : `The image is in the registry, not signed, and nothing is staged; once the cause is fixed, ${finish}`;
}

function signCommand({ program }: Io): string {
  return program.name === "tagseal" ? `${program.shownAs} sign` : "tagseal sign";
}
