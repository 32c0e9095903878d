/** What a signer process can be told, and what applies where it is told nothing. */

import type { LogLevel, LogSink } from "../../service/log.ts";
import type { TlsPaths } from "../../service/tls-files.ts";
import type { SqlLimits } from "../storage/sql/sql-database.ts";
import type { KeyTable } from "./key-table.ts";
import type { GivenPassphrases } from "./signer-passphrases.ts";

/**
 * How to run a signer process. After each option: the member of Notary's `signer-config.json` that means the same.
 */
export interface SignerOptions {
  /** address to listen on: the host of `server.grpc_addr`, `::` where it names none */
  readonly host: string;
  /** 0 takes a free one: the port of `server.grpc_addr` */
  readonly port: number;
  /** PEM files: `server.tls_cert_file`, `server.tls_key_file` */
  readonly tls: TlsPaths;
  /** PEM file of the authorities whose certificates callers must have: `server.client_ca_file`, which is optional there */
  readonly clientCaFile: string;
  /** common names, DNS names or URIs of the only callers that are obeyed; all that have such a certificate when absent */
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
  /** where Prometheus finds its numbers, by plain HTTP; nowhere when absent. Port 0 takes a free one */
  readonly metrics?: { readonly host: string; readonly port: number } | undefined;
  readonly limits?: Partial<SignerLimits> | undefined;
  /** files that hold secrets and were read before: variables that name a file, a configuration with a password in it */
  readonly secretFiles?: readonly string[] | undefined;
  /** of the program, for the log and the metrics */
  readonly version?: string | undefined;
  readonly now?: (() => Date) | undefined;
  /** takes JSON lines; without it nothing is logged */
  readonly log?: LogSink | undefined;
  /** `info` when absent; `debug` adds a line for each successful question about a key or its health: `logging.level` */
  readonly logLevel?: LogLevel | undefined;
}

/** Bounds on what callers may ask of the signer. */
export interface SignerLimits {
  /** key requests that are remembered until the key signs */
  readonly maxPendingKeys: number;
  /** bytes of one message */
  readonly maxMessageBytes: number;
  /** calls under way on one connection */
  readonly maxConcurrentCalls: number;
  /** for calls under way when the signer closes */
  readonly shutdownTimeoutMs: number;
}

/** What applies where the caller names nothing else. */
export const defaultSignerLimits: SignerLimits = {
  maxPendingKeys: 100_000,
  maxMessageBytes: 4 * 1024 * 1024,
  maxConcurrentCalls: 100,
  shutdownTimeoutMs: 10_000,
};
