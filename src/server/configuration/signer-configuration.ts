/** Turns settings into the options of the signer process. */

import type { Environment } from "../../environment/environment.ts";
import { TagsealError } from "../../errors.ts";
import { defaultSignerLimits, type SignerOptions } from "../signer/signer-options.ts";
import type { GivenPassphrases } from "../signer/given-passphrases.ts";
import type { SqlLimits } from "../storage/sql/sql-database.ts";
import { logLevelOf } from "./log-level.ts";
import { signerPassphrases } from "./passphrase-variables.ts";
import type { Settings } from "./settings.ts";
import type { signerSettings } from "./signer-settings.ts";
import { sqlLimits } from "./sql-limits.ts";

/** The settings of a signer. */
export type SignerSettings = Settings<keyof typeof signerSettings>;

/** The storage of a signer's keys, and the passphrases that seal them. */
export interface ConfiguredKeys {
  readonly dataDir: string | undefined;
  /** address of a database, instead of a file in the data directory */
  readonly database: string | undefined;
  /** of connections to it */
  readonly sqlLimits: Partial<SqlLimits> | undefined;
  readonly passphrases: GivenPassphrases | undefined;
}

/**
 * Where a signer's keys are, and what they are sealed under.
 *
 * @param env for the passphrases, which are not in the configuration file
 */
export function configuredKeys(settings: SignerSettings, env: Environment): ConfiguredKeys {
  const backend = settings.text("storage.backend");
  const isShared = backend !== "sqlite" && backend !== "sqlite3" && backend !== "memory";
  return {
    dataDir: settings.text("server.data_directory"),
    database: isShared ? settings.text("storage.db_url") : undefined,
    sqlLimits: sqlLimits(settings.number("storage.max_connections")),
    passphrases: signerPassphrases(env, settings.text("storage.default_alias")),
  };
}

/**
 * Turns settings into options; the address, the clock, the log and the table of keys come from the caller.
 *
 * @throws TagsealError `SERVER_CONFIGURATION` when a file needed to authenticate callers is missing
 */
export function configuredSigner(
  settings: SignerSettings,
): Pick<SignerOptions, "tls" | "clientCaFile" | "allowedCallers" | "maxPendingServedKeys" | "limits" | "logLevel"> {
  return {
    maxPendingServedKeys: settings.number("keys.max_pending"),
    tls: {
      certFile: required(settings, "server.tls_cert_file"),
      keyFile: required(settings, "server.tls_key_file"),
    },
    clientCaFile: required(settings, "server.client_ca_file"),
    allowedCallers: settings.list("server.allowed_callers"),
    limits: {
      maxPendingKeys: settings.number("limits.max_pending_keys") ?? defaultSignerLimits.maxPendingKeys,
      maxMessageBytes: settings.number("limits.max_message_bytes") ?? defaultSignerLimits.maxMessageBytes,
      maxConcurrentCalls: settings.number("limits.max_concurrent_calls") ?? defaultSignerLimits.maxConcurrentCalls,
    },
    logLevel: logLevelOf(settings.text("logging.level")),
  };
}

function required(settings: SignerSettings, name: keyof typeof signerSettings): string {
  const value = settings.text(name);
  if (value !== undefined) return value;
  throw new TagsealError("SERVER_CONFIGURATION", `Cannot use the configuration: ${name} is missing`, {
    hint: "A signer signs for any caller with the right certificate, so both sides need one.",
  });
}
