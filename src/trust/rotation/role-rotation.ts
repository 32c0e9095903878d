import type { TrustContext } from "../trust-context.ts";
import type { HeldKeys } from "../publishing/held-keys.ts";
import type { CollectionChange } from "../publishing/publish.ts";
import type { NewKeys } from "./new-keys.ts";

/** Who has the private key of a rotated role. */
export type KeyHolder = "publisher" | "server" | "signer";

/** What came of a rotation. */
export interface RotationOutcome {
  /** `finished`: an earlier run had published it; `unchanged`: the role has the wanted keys already */
  readonly outcome: "rotated" | "finished" | "unchanged";
  readonly holder: KeyHolder;
  /** TUF key IDs: for `root` those of certificates */
  readonly newKeyIds: readonly string[];
  readonly oldKeyIds: readonly string[];
  /** the IDs of the private keys */
  readonly newCanonicalIds: readonly string[];
  readonly oldCanonicalIds: readonly string[];
}

/** The rotation of one role's keys. */
export interface RoleRotation extends CollectionChange {
  /** as of the last time it was applied */
  readonly result: RotationOutcome;
}

/** What a rotation works with. */
export interface RotationTools {
  readonly context: TrustContext;
  readonly held: HeldKeys;
  readonly newKeys: NewKeys;
  /** IDs of the keys to replace, in either form; the only one when absent */
  readonly replace: readonly string[] | undefined;
  /** one key of each role is enough: others sign later */
  readonly isProposal?: boolean;
  /** how many keys of a base role must sign from now on; absent: as before */
  readonly threshold: number | undefined;
}
