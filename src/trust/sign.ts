import { TagsealError } from "../errors.ts";
import type { Digest } from "../reference/digest.ts";
import type { RoleName } from "../tuf/metadata.ts";
import type { TrustContext } from "./trust-context.ts";

/** One tag to bind to one digest. */
export interface TagToSign {
  readonly tag: string;
  readonly digest: Digest;
  /** size of the manifest in bytes */
  readonly length: number;
}

/** How {@link signTags} treats a repository nobody has signed in yet. */
export interface SignOptions {
  /**
   * `targets` (default): initialise, and sign with the new repository key, as `docker push` does.
   * A signer name: initialise, add that signer with its local key (made if there is none), and sign as the signer, as `docker trust sign` does.
   * `false`: refuse with `REPOSITORY_NOT_SIGNED`.
   */
  readonly initialise?: "targets" | { readonly signer: string } | false;
}

/** What was signed, in the order asked for. */
export interface SignResult {
  readonly initialised: boolean;
  readonly signed: readonly {
    readonly tag: string;
    readonly digest: Digest;
    readonly roles: readonly RoleName[];
  }[];
}

/**
 * Signs tags in one publish. Returns only after the server acknowledged and the result was read back and verified.
 *
 * @throws MetadataError `SIGNING_KEY_MISSING` when no key here may sign for a tag; `REPOSITORY_NOT_SIGNED`; what an update can refuse
 * @throws KeyStoreError `PASSPHRASE_WRONG`, `PASSPHRASE_UNAVAILABLE`
 * @throws NetworkError `PUBLISH_CONFLICT`, `PUBLISH_UNCONFIRMED`, `TRUST_SERVER_REFUSED`
 */
export async function signTags(
  context: TrustContext,
  tags: readonly TagToSign[],
  options: SignOptions = {},
): Promise<SignResult> {
  throw new TagsealError(
    "INTERNAL",
    `trust is not wired yet: ${context.gun} ${tags.length} ${String(options.initialise)}`,
  );
}
