import type { PublicKey } from "../crypto/public-key.ts";
import { TagsealError } from "../errors.ts";
import type { TrustContext } from "./trust-context.ts";

/** What {@link addSigner} did. */
export interface AddSignerResult {
  /** the repository had no trust data and was initialised */
  readonly initialised: boolean;
}

/** How {@link removeSigner} asks before it makes released tags unpullable. */
export interface RemoveSignerOptions {
  /** called only when this signer alone keeps the released tags valid; false leaves everything as it is. `--force` answers true */
  readonly confirmLastSigner: () => Promise<boolean>;
}

/**
 * Checks a signer name: lower-case letter or digit first, then also `-` and `_`; `releases` is reserved.
 *
 * @throws UsageError `SIGNER_NAME_INVALID`, in docker's words
 * @see Notary v1: signer add
 */
export function checkSignerName(name: string): void {
  throw new TagsealError("INTERNAL", `trust is not wired yet: ${name}`);
}

/**
 * Lets `name` sign tags: delegations `targets/<name>` and `targets/releases` get the keys. Initialises the repository if it has no trust data.
 *
 * @throws UsageError `SIGNER_NAME_INVALID`
 * @throws MetadataError `SIGNING_KEY_MISSING` without the repository key
 */
export async function addSigner(
  context: TrustContext,
  name: string,
  keys: readonly PublicKey[],
): Promise<AddSignerResult> {
  throw new TagsealError("INTERNAL", `trust is not wired yet: ${context.gun} ${name} ${keys.length}`);
}

/**
 * Takes the signer's keys out of `targets/releases` and deletes `targets/<name>`.
 *
 * @returns false when the question about the last signer was answered no
 * @throws MetadataError `SIGNER_UNKNOWN`, `REPOSITORY_NOT_SIGNED`, `SIGNING_KEY_MISSING`
 */
export async function removeSigner(
  context: TrustContext,
  name: string,
  options: RemoveSignerOptions,
): Promise<boolean> {
  throw new TagsealError("INTERNAL", `trust is not wired yet: ${context.gun} ${name} ${typeof options}`);
}
