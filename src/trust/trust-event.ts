import type { Digest } from "../reference/digest.ts";
import type { RoleName } from "../tuf/metadata.ts";

/**
 * What a use case reports while it works: news for the user, neither results nor failures.
 * Events arrive in the order things happen; a handler must not throw.
 */
export type TrustEvent =
  /** No root of this collection was known here: the server's root is trusted from now on. Compare `rootKeyIds` (certificate IDs) out of band. */
  | { readonly kind: "pinned-root"; readonly gun: string; readonly rootKeyIds: readonly string[] }
  /** As `pinned-root`, but this machine could not store it: the next use is a first use again. */
  | { readonly kind: "unremembered-root"; readonly gun: string; readonly rootKeyIds: readonly string[] }
  /** A key pair was made and stored; `keyId` is canonical. */
  | {
      readonly kind: "key-created";
      readonly role: string;
      readonly gun: string | undefined;
      readonly keyId: string;
    }
  /** The collection is now on the server. `rootKeyId` is canonical, readers pin `rootCertificateId`. */
  | {
      readonly kind: "initialised";
      readonly gun: string;
      /** the trust server's address */
      readonly server: string;
      readonly rootKeyId: string;
      readonly rootCertificateId: string;
      /** of a collection with several root keys */
      readonly moreRootCertificateIds?: readonly string[];
      readonly targetsKeyId: string;
    }
  /** A signer was added, or got more keys, as part of publishing. */
  | { readonly kind: "signer-added"; readonly gun: string; readonly signer: string }
  /** About to sign. `existing` is the currently released entry of this tag, with its signers. */
  | {
      readonly kind: "signing";
      readonly gun: string;
      readonly tag: string;
      readonly digest: Digest;
      readonly roles: readonly RoleName[];
      readonly existing: { readonly digest: Digest; readonly signers: readonly string[] } | undefined;
    }
  /** The server acknowledged this tag and it was read back. */
  | {
      readonly kind: "signed";
      readonly gun: string;
      readonly tag: string;
      readonly digest: Digest;
      readonly roles: readonly RoleName[];
    }
  /** Another publisher was faster, or an answer was lost: read again, apply again, sign again. `attempt` counts from 1. */
  | {
      readonly kind: "retrying";
      readonly gun: string;
      readonly attempt: number;
      readonly delayMs: number;
      readonly reason: string;
    }
  /** Something that the user should act on; `message` is a whole sentence. */
  | { readonly kind: "warning"; readonly gun: string; readonly message: string };

/** Receives events; see {@link TrustEvent}. */
export type TrustEventHandler = (event: TrustEvent) => void;
