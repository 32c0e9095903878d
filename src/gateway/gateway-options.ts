/** How a gateway runs. The command reads files, variables and flags, and passes on the results. */
import type { Pace } from "../http/client/response-body.ts";
import type { ConnectionBounds } from "../http/server/connection-limit.ts";
import type { LoginSettings } from "../login/login-methods.ts";
import type { Policy } from "../policy/policy.ts";
import type { Requirements } from "../policy/requirements.ts";
import type { LogLevel, LogSink } from "../service/log.ts";
import type { TlsPaths } from "../service/tls-files.ts";
import type { FileWatch } from "../service/watching/file-watch.ts";
import type { TrustContext } from "../trust/trust-context.ts";
import type { BlobCacheSettings } from "./blob-cache/blob-cache.ts";
import type { OpenUpstream } from "./upstreams.ts";

/** How to run a gateway. */
export interface GatewayOptions {
  readonly host: string;
  readonly port: number;
  readonly tls?: TlsPaths | undefined;
  /** the system's before the user's; without any, docker's own rule */
  readonly policies: readonly Policy[];
  /** opens the collection of an image under what policies require */
  readonly openTrust: (requirements: Requirements) => Promise<TrustContext>;
  readonly openUpstream: OpenUpstream;
  /** the registries behind it; those that the policies name, when absent */
  readonly upstreams?: readonly string[] | undefined;
  /** the one registry that it stands in front of */
  readonly registry?: string | undefined;
  /** how often a trust server is asked for one repository, in milliseconds (30 s) */
  readonly refreshMs?: number | undefined;
  /** how long a superseded digest may still be fetched, in milliseconds (1 h) */
  readonly graceMs?: number | undefined;
  /** connections at a time, in total and from one address (4,096 and 1,024) */
  readonly connectionBounds?: ConnectionBounds | undefined;
  /** how clients log in; every client may pull when absent */
  readonly logins?: LoginSettings | undefined;
  /** registries that see the logins of clients in the place of the gateway's own; none when absent */
  readonly passThrough?: readonly string[] | undefined;
  /** pushes to `registry` pass through, with the logins of their publishers; none do when absent */
  readonly pushes?: PushSettings | undefined;
  /** proxies in front of it that are trusted to name the client: addresses, or networks such as `10.0.0.0/8` */
  readonly trustedProxies?: readonly string[] | undefined;
  /** what remembers what was accepted, for readiness; nothing is tried when absent */
  readonly memory?: GatewayMemory | undefined;
  /** files that are watched beside the gateway's own, such as the certificates of its database */
  readonly watch?: FileWatch | undefined;
  /** where blobs are kept on disk; each request asks the registry when absent */
  readonly blobCache?: BlobCacheSettings | undefined;
  /** of Tagseal, for the metrics */
  readonly version?: string | undefined;
  readonly now?: (() => Date) | undefined;
  readonly log?: LogSink | undefined;
  readonly logLevel?: LogLevel | undefined;
}

/** How pushes pass through. */
export interface PushSettings {
  /** how slowly a publisher may send (8 KiB a minute) */
  readonly pace?: Pace | undefined;
}

/** What remembers what was accepted. */
export interface GatewayMemory {
  /** `files`, `postgres` or `mysql` */
  readonly kind: string;
  /** Rejects when nothing can be remembered now. */
  check(): Promise<void>;
}
