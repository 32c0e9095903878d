/** What an update needs from outside: the source of files, the cache, and the receiver of warnings. */

import type { RoleName } from "./metadata.ts";
import type { TrustPinning } from "./pinning.ts";

/** Where files are fetched from: one collection on one trust server. */
export interface MetadataSource {
  /**
   * Fetches one file.
   *
   * @param name without `.json`: `timestamp`, `root`, `3.root`, `targets/releases.<sha256 hex>`
   * @param maxBytes no more than this may be returned
   * @param earlier another version of the file, which may save transferring what has not changed
   * @throws TagsealError `METADATA_MISSING` when the server does not have it; `TRUST_SERVER_REFUSED` for a 400; `TRUST_SERVER_ERROR`
   *   for a 5xx; `RESPONSE_TOO_LARGE`; `NETWORK_*`, `TLS_UNTRUSTED`, `AUTHENTICATION_*` when it could not be asked
   */
  fetch(name: string, maxBytes: number, earlier?: Uint8Array): Promise<Uint8Array>;
}

/** Where this machine keeps what it trusts of one collection. It makes a rollback impossible. */
export interface MetadataCache {
  /** The stored bytes of a role's file; `undefined` when there are none. */
  load(role: RoleName): Promise<Uint8Array | undefined>;
  /** Replaces a role's file, wholly or not at all. A failure is reported to the user but does not fail the update. */
  store(role: RoleName, bytes: Uint8Array): Promise<void>;
  /** Where the user finds the stored file of a role, for messages. */
  locationOf?(role: RoleName): string;
  /** When the stored file last came from the server or was found unchanged there, if the cache keeps track. */
  confirmedAt?(role: RoleName): Promise<Date | undefined>;
  /** When this machine first had exactly the stored file, if the cache keeps track. */
  firstSeenAt?(role: RoleName): Promise<Date | undefined>;
  /** Keeps a root that was trusted on the way to a newer one, if the cache keeps such roots: a server that lost it may need it again. */
  keepPastRoot?(version: number, bytes: Uint8Array): Promise<void>;
  /** A root that was trusted before the stored one, if it was kept. */
  pastRoot?(version: number): Promise<Uint8Array | undefined>;
  /** Called when the server still has exactly the stored file. */
  confirm?(role: RoleName): Promise<void>;
}

/** Something that the user should know although the update succeeded. */
export interface UpdateWarning {
  readonly kind:
    | "cached-timestamp"
    | "delegation-skipped"
    | "near-expiry"
    | "certificate-near-expiry"
    | "cache-not-written";
  /** a whole sentence, in the reference's words where it has them */
  readonly message: string;
  readonly role?: RoleName;
  /** what led to it */
  readonly error?: unknown;
}

/** How to update. */
export interface UpdateOptions {
  readonly gun: string;
  readonly source: MetadataSource;
  readonly cache: MetadataCache;
  /** one time for the whole update */
  readonly now: Date;
  /** consulted while no unexpired root is cached */
  readonly pinning?: TrustPinning;
  /** refuse a timestamp that was signed longer ago than this, from the server or from the cache; 0: the server must answer */
  readonly maxStalenessMs?: number;
  /** the server's lifetime of timestamps, for judging their age; the usual ones when omitted */
  readonly timestampLifetimeMs?: number;
  /** only these delegations, and those on the way to them; default all */
  readonly roles?: readonly RoleName[];
  /** only what is signed for this name matters: roles may be read from shards; default everything */
  readonly onlyTarget?: string;
  readonly onWarning?: (warning: UpdateWarning) => void;
}
