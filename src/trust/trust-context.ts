/**
 * The use cases of content trust: verify, list, inspect, sign, revoke, signers, initialise, rotate. Each takes a {@link TrustContext}
 * and works on one collection of one trust server. Nothing here touches a terminal or the process: what the user should see
 * is sent as a `TrustEvent`, keys come from a `KeyStore`, the time from `now`.
 */

import type { KeyStore } from "../keys/key-store.ts";
import type { TrustPinning } from "../tuf/updater.ts";
import type { TrustCache, TrustRepository } from "./ports.ts";
import type { TrustEventHandler } from "./trust-event.ts";

/** Everything a use case needs to work on one collection. Close it when done. */
export interface TrustContext {
  /** the collection: `docker.io/library/alpine` */
  readonly gun: string;
  /** where its trust data is read and published */
  readonly repository: TrustRepository;
  /** what this machine already trusts; shared by processes */
  readonly cache: TrustCache;
  readonly keys: KeyStore;
  readonly now: () => Date;
  readonly notify: TrustEventHandler;
  readonly pinning?: TrustPinning;
  /** refuse a timestamp that was signed longer ago than this; 0: the server must answer */
  readonly maxStalenessMs?: number;
  /** the trust server's lifetime of timestamps; the usual ones when omitted */
  readonly timestampLifetimeMs?: number;
  /** refuse what cannot be cached, instead of warning: without a cache each use is a first use, and a rollback is not noticed */
  readonly mustRemember?: boolean;
  /** a signature does not create a repository; only `initialiseCollection` does: for machines where a mistyped name would get throwaway keys */
  readonly mustExist?: boolean;
  /** Runs work while no other process of this machine publishes to the collection, if possible. An optimisation, not a guarantee. */
  exclusively<T>(work: () => Promise<T>): Promise<T>;
  /** Removes what this machine remembers of the collection, staged changes included. */
  removeRemembered(): Promise<void>;
  /** Remembers one root in the place of all that this machine remembers of the collection, staged changes included. */
  rememberOnly(root: Uint8Array): Promise<void>;
  /** Counts the collections that this machine remembers whose root a key signs now. @param keyId canonical */
  readonly rootsNaming?: (keyId: string) => Promise<number>;
  /** Counts changes that another tool (docker, notary) staged here for its next publish. */
  stagedChanges(): Promise<number>;
  /** aborts the current operation with `CANCELLED` */
  readonly signal?: AbortSignal;
  /** releases connections, unless they are shared */
  close(): void;
}
