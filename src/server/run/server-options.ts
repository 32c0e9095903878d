/** The options of a trust server, and their defaults. */

import type { CheckBounds } from "../checking/upload-checks.ts";
import type { AuthSettings } from "../auth/auth-settings.ts";
import type { Lifetimes } from "../freshness/lifetimes.ts";
import type { Authorise } from "../../login/access-request.ts";
import type { CacheAges } from "../http/file-reply.ts";
import type { ConnectionBounds } from "../../http/server/connection-limit.ts";
import type { UploadLimits } from "../http/multipart-reader.ts";
import type { RateSettings } from "../http/rate-limit.ts";
import type { Slowness } from "../http/request-listener.ts";
import type { LogLevel, LogSink } from "../../service/log.ts";
import type { KeyService } from "../signer/key-service.ts";
import type { ProposalLimits } from "../proposals/proposals.ts";
import type { KeyTable } from "../signer/key-table.ts";
import type { RemoteSignerSettings } from "../signer/remote-signing-service.ts";
import type { GivenPassphrases } from "../signer/given-passphrases.ts";
import type { SigningService } from "../signer/signing-service.ts";
import type { MetadataStore } from "../storage/metadata-store.ts";
import { proposalLifetimeMs } from "../../tuf/proposals/proposal.ts";
import type { UsageLimit } from "../storage/usage-limit.ts";
import type { SqlLimits } from "../storage/sql/sql-database.ts";

/** How to run a trust server. */
export interface ServerOptions {
  /** address to listen on, such as `127.0.0.1` or `::` */
  readonly host: string;
  /** 0 takes a free one */
  readonly port: number;
  /**
   * Holds what is not stored elsewhere: `metadata.db`, `signer.db`, `signer.passphrase`; made, for its owner only, when it does not exist. Optional
   * when both `store` and one of `keyTable` and `signer` are given.
   */
  readonly dataDir?: string | undefined;
  /** PEM files; without them the server speaks plain HTTP */
  readonly tls?: { readonly certFile: string; readonly keyFile: string } | undefined;
  /** seals the signer's keys; when absent it is read from `signer.passphrase`, which the first start makes */
  readonly signerPassphrase?: string | undefined;
  /** instead of `signerPassphrase`: several, each with its alias */
  readonly signerPassphrases?: GivenPassphrases | undefined;
  /** address of the database that replicas share, instead of `metadata.db`: `postgres://…`, `mysql://…` */
  readonly database?: string | undefined;
  /** address of the database of the signer's keys, instead of `signer.db`; `database` when absent */
  readonly signerDatabase?: string | undefined;
  /** of connections to these databases */
  readonly sqlLimits?: Partial<SqlLimits> | undefined;
  /** instead of either; closed with the server */
  readonly store?: MetadataStore | undefined;
  /** instead of `signer.db`; closed with the server */
  readonly keyTable?: KeyTable | undefined;
  /** uses keys that are kept in a token or by a service, and makes new ones there when it is to */
  readonly keyService?: KeyService | undefined;
  /** keys of such a place that may be promised and unused at a time; 1,000 when absent */
  readonly maxPendingServedKeys?: number | undefined;
  /** a signer in another process, instead of the server's own keys; its key assignments are stored in `keyTable` or `signer.db` */
  readonly remoteSigner?: RemoteSignerSettings | undefined;
  /** start although the signer has none of the keys that current roots name: their owners will name others */
  readonly acceptLostKeys?: boolean | undefined;
  /** refuses publications, deletions and rotations; readers are served, and timestamps renewed, as always */
  readonly readOnly?: boolean | undefined;
  /** how much may be stored below a prefix; all limits that cover a name apply */
  readonly usageLimits?: readonly UsageLimit[] | undefined;
  /** instead of either; closed with the server */
  readonly signer?: SigningService | undefined;
  /** who may do what; without it, and without `authorise`, every client may do everything */
  readonly auth?: AuthSettings | undefined;
  /** decides instead of `auth` */
  readonly authorise?: Authorise | undefined;
  /** when given, only names that begin with one of these exist here */
  readonly gunPrefixes?: readonly string[] | undefined;
  /**
   * how old the files readers get may be, in milliseconds, with a shared store, available or not; 0 when absent: what any server acknowledged is seen
   * at once, and nothing is reported as current while the store is unavailable
   */
  readonly cacheMaxAgeMs?: number | undefined;
  readonly cacheAges?: CacheAges | undefined;
  /** addresses or networks of proxies whose `X-Forwarded-For` names the client */
  readonly trustedProxies?: readonly string[] | undefined;
  readonly limits?: Partial<ServerLimits> | undefined;
  /** of the thread that checks large uploads */
  readonly checkBounds?: CheckBounds | undefined;
  /** how long what the server signs stays valid; a day and three years when absent */
  readonly lifetimes?: Lifetimes | undefined;
  /** milliseconds that versions stay after a later one was stored; thirty days when absent, `Infinity` keeps them for ever */
  readonly keepVersionsMs?: number | undefined;
  /** `false`: timestamps are signed again only when they are read, nothing is pruned, and parts are probed only on request */
  readonly upkeep?: boolean | undefined;
  /** files with secrets that were already read: variables that name a file, a configuration with a password in it */
  readonly secretFiles?: readonly string[] | undefined;
  /** of the program, for the log and the metrics */
  readonly version?: string | undefined;
  readonly now?: (() => Date) | undefined;
  /** takes JSON lines; without it nothing is logged */
  readonly log?: LogSink | undefined;
  /** `info` when absent; `debug` adds a line for each successful read */
  readonly logLevel?: LogLevel | undefined;
}

/** What can be changed while a server runs. */
export type ChangeableOptions = Pick<ServerOptions, "readOnly" | "usageLimits">;

/** Bounds on the requests of clients. */
export interface ServerLimits extends UploadLimits, RateSettings, ConnectionBounds, Slowness, ProposalLimits {
  /** bytes of all uploads under way together */
  readonly maxUploadBytesInMemory: number;
  /** bytes of the cache in front of the store */
  readonly maxCacheBytes: number;
  /** until the headers of a request have arrived */
  readonly headersTimeoutMs: number;
  /** until a request has arrived with its body */
  readonly requestTimeoutMs: number;
  /** without a byte in either direction */
  readonly idleTimeoutMs: number;
  /** time for requests under way when the server closes */
  readonly shutdownTimeoutMs: number;
}

const mebibyte = 1024 * 1024;

/** The default bounds. */
export const defaultLimits: ServerLimits = {
  maxBytes: 48 * mebibyte,
  maxPartBytes: 32 * mebibyte,
  maxParts: 1000,
  maxUploadBytesInMemory: 96 * mebibyte,
  maxCacheBytes: 48 * mebibyte,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 120_000,
  idleTimeoutMs: 60_000,
  responseTimeoutMs: 60_000,
  minBytesPerSecond: 16_384,
  shutdownTimeoutMs: 10_000,
  maxProposals: 16,
  maxProposalBytes: 8 * mebibyte,
  proposalLifetimeMs,
  maxConnections: 4096,
  maxConnectionsPerClient: 1024,
  // A new repository needs two; reads and uploads have no limit unless one is set.
  keyRequestsPerMinute: 600,
};

/** Notary v1: five minutes for files that may change, thirty days for those that cannot. */
export const defaultCacheAges: CacheAges = { current: 300, consistent: 2_592_000 };

/** Thirty days: longer than the lifetime of any timestamp, and as long as caches may keep files named by their checksum. */
export const defaultKeepVersionsMs = 30 * 86_400_000;
