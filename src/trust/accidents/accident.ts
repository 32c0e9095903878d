/** What can happen to the keys of a collection, and the steps that repair it. */

import type { RoleName, RootFile } from "../../tuf/metadata.ts";

/** Something that happened. */
export type Accident =
  /** the private key of a role is gone, its passphrase is, or other people have it */
  { readonly what: "lost" | "leaked"; readonly role: RoleName } | { readonly what: "expired" };

/** One step of a recovery. */
export type RecoveryStep =
  /** other keys for a role; a new root is signed by a root key that is left */
  | {
      readonly kind: "rotate";
      readonly role: RoleName;
      /** canonical IDs of the keys that are replaced */
      readonly replaced: readonly string[];
      /** who gets the new key; undefined: who has the role's key now */
      readonly holder: "server" | undefined;
      /** the old key may be in the wrong hands */
      readonly isLeaked: boolean;
      /** an earlier run published the new key, and only did not end */
      readonly isPublished?: boolean;
    }
  /** the collection is deleted and made again under a new root, with the same content */
  | { readonly kind: "restart"; readonly replaced: readonly string[] }
  /** no key of the role is lost: an earlier run replaced it, or all of them are where they belong */
  | {
      readonly kind: "none";
      readonly role: RoleName;
      readonly keyIds: readonly string[];
      readonly holder: "server" | undefined;
    }
  /** everything that the keys here can sign is signed again */
  | { readonly kind: "renew" };

/** What is done about the accidents of one collection. */
export interface AccidentPlan {
  readonly gun: string;
  /** in this order */
  readonly steps: readonly RecoveryStep[];
  /** what the server presented where this machine had nothing to compare it with, and pins are not about it: it is trusted for being the first */
  readonly firstRoot?: RootFile;
  /** canonical IDs of private keys that must not be used: they are lost, although a file may still be here */
  readonly lostKeyIds: readonly string[];
}
