import { TagsealError } from "../errors.ts";
import type { TrustContext } from "./trust-context.ts";

/** The keys of a new collection. */
export interface InitialiseResult {
  /** canonical */
  readonly rootKeyId: string;
  /** what readers pin */
  readonly rootCertificateId: string;
  readonly targetsKeyId: string;
  readonly createdRootKey: boolean;
}

/**
 * Makes an empty collection on the server: root key here (the lexicographically first, or a new one), new repository key,
 * snapshot and timestamp keys held by the server. If it fails nothing half-made stays, but a new root key is kept and named in a warning.
 *
 * @throws UsageError `USAGE` when the collection exists already
 */
export async function initialiseCollection(context: TrustContext): Promise<InitialiseResult> {
  throw new TagsealError("INTERNAL", `trust is not wired yet: ${context.gun}`);
}
