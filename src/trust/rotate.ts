import { TagsealError } from "../errors.ts";
import type { BaseRole } from "../tuf/metadata.ts";
import type { TrustContext } from "./trust-context.ts";

/** The keys a role has after a rotation. */
export interface RotateResult {
  readonly role: BaseRole;
  /** TUF key IDs: for `root` those of certificates */
  readonly newKeyIds: readonly string[];
  readonly oldKeyIds: readonly string[];
}

/**
 * Replaces the keys of a base role: a new key here for `root` and `targets`, a new key of the server for `timestamp` and `snapshot`.
 * Old private keys are kept: a rotation nobody acknowledged must leave the user able to sign.
 *
 * @throws MetadataError `SIGNING_KEY_MISSING` without the root key
 */
export async function rotateKey(context: TrustContext, role: BaseRole): Promise<RotateResult> {
  throw new TagsealError("INTERNAL", `trust is not wired yet: ${context.gun} ${role}`);
}
