/** The options of a signer process, and their defaults. */

import type { LogLevel, LogSink } from "../../service/log.ts";
import type { TlsPaths } from "../../service/tls-files.ts";
import type { SqlLimits } from "../storage/sql/sql-database.ts";
import type { KeyService } from "./key-service.ts";
import type { KeyTable } from "./key-table.ts";
import type { GivenPassphrases } from "./given-passphrases.ts";

/**
 * How to run a signer process. After each option: the corresponding member of Notary's `signer-config.json`.
 */
export interface SignerOptions {
  /** address to listen on: the host of `server.grpc_addr`, `::` when it has none */
  readonly host: string;
  /** 0 takes a free one: the port of `server.grpc_addr` */
  readonly port: number;
  /** PEM files: `server.tls_cert_file`, `server.tls_key_file` */
  readonly tls: TlsPaths;
  /** PEM file of the authorities whose certificates callers must have: `server.client_ca_file`, which is optional there */
  readonly clientCaFile: string;
  /** common names, DNS names or URIs of the only callers that are accepted; all that have such a certificate when absent */
  readonly allowedCallers?: readonly string[] | undefined;
  /** holds `signer.db` and perhaps `signer.passphrase`; made, for its owner only, when absent. Needed without `database` and `keyTable` */
  readonly dataDir?: string | undefined;
  /** address of a database, instead of `signer.db`: `storage.backend`, `storage.db_url` */
  readonly database?: string | undefined;
  /** of connections to it */
  readonly sqlLimits?: Partial<SqlLimits> | undefined;
  /** instead of either, closed with the signer */
  readonly keyTable?: KeyTable | undefined;
  /**
   * By alias, `NOTARY_SIGNER_<ALIAS>` of the environment, and the default one: `storage.default_alias`. When absent the
   * passphrase is read from `signer.passphrase`, which the first start makes
   */
  readonly passphrases?: GivenPassphrases | undefined;
  /** uses keys that are kept in a token or by a service, and makes new ones there when it is to */
  readonly keyService?: KeyService | undefined;
  /** keys of such a place that may be promised and unused at a time; 1,000 when absent */
  readonly maxPendingServedKeys?: number | undefined;
  /** where Prometheus scrapes metrics, by plain HTTP; not served when absent. Port 0 takes a free one */
  readonly metrics?: { readonly host: string; readonly port: number } | undefined;
  readonly limits?: Partial<SignerLimits> | undefined;
  /** files with secrets that were already read: variables that name a file, a configuration with a password in it */
  readonly secretFiles?: readonly string[] | undefined;
  /** of the program, for the log and the metrics */
  readonly version?: string | undefined;
  readonly now?: (() => Date) | undefined;
  /** takes JSON lines; without it nothing is logged */
  readonly log?: LogSink | undefined;
  /** `info` when absent; `debug` adds a line for each successful question about a key or its health: `logging.level` */
  readonly logLevel?: LogLevel | undefined;
}

/** Bounds on requests to the signer. */
export interface SignerLimits {
  /** how many key requests are remembered until the key signs */
  readonly maxPendingKeys: number;
  /** bytes of one message */
  readonly maxMessageBytes: number;
  /** calls under way on one connection */
  readonly maxConcurrentCalls: number;
  /** time for calls under way when the signer closes */
  readonly shutdownTimeoutMs: number;
}

/** The default bounds. */
export const defaultSignerLimits: SignerLimits = {
  maxPendingKeys: 100_000,
  maxMessageBytes: 4 * 1024 * 1024,
  maxConcurrentCalls: 100,
  shutdownTimeoutMs: 10_000,
};
