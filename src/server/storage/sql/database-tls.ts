/** How a connection to a database is protected. PostgreSQL, MySQL and Go's drivers spell the same settings differently. */

import type { ConnectionOptions } from "node:tls";
import { TagsealError } from "../../../errors.ts";
import { watchAuthorities, watchTlsFiles } from "../../../service/tls-files.ts";
import type { WatchParts } from "../../../service/watching/watched-files.ts";

/** From no protection to full protection. `require` encrypts without authenticating the server; `verify-ca` accepts any name certified by the CA. */
export type TlsMode = "disable" | "require" | "verify-ca" | "verify-full";

/** Settings of an address. Files are PEM. */
export interface DatabaseTls {
  readonly mode: TlsMode;
  readonly caFile?: string | undefined;
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
}

/** What the values of `sslmode`, `ssl-mode` and `tls` mean, in lower case and with hyphens. */
const modes: ReadonlyMap<string, TlsMode> = new Map([
  ["disable", "disable"],
  ["disabled", "disable"],
  ["false", "disable"],
  ["require", "require"],
  ["required", "require"],
  ["skip-verify", "require"],
  ["verify-ca", "verify-ca"],
  ["verify-full", "verify-full"],
  ["verify-identity", "verify-full"],
  ["true", "verify-full"],
]);

const modeNames = ["sslmode", "ssl-mode", "tls"] as const;
const caNames = ["sslrootcert", "ssl-ca"] as const;
const certNames = ["sslcert", "ssl-cert"] as const;
const keyNames = ["sslkey", "ssl-key"] as const;

/** Every parameter that {@link tlsOf} reads. */
export const tlsParameters: ReadonlySet<string> = new Set([...modeNames, ...caNames, ...certNames, ...keyNames]);

/**
 * The protection of connections that the parameters of an address ask for.
 *
 * @throws TagsealError `SERVER_CONFIGURATION` for a mode that may fall back to plain text, or an unknown one
 */
export function tlsOf(parameters: URLSearchParams, absent: TlsMode): DatabaseTls {
  const caFile = firstOf(parameters, caNames);
  const mode = modeOf(firstOf(parameters, modeNames), absent);
  return {
    // As in PostgreSQL's own library: an address with an authority asks for verification.
    mode: mode === "require" && caFile !== undefined ? "verify-ca" : mode,
    caFile,
    certFile: firstOf(parameters, certNames),
    keyFile: firstOf(parameters, keyNames),
  };
}

function modeOf(text: string | undefined, absent: TlsMode): TlsMode {
  if (text === undefined) return absent;
  const mode = modes.get(text.toLowerCase().replaceAll("_", "-"));
  if (mode !== undefined) return mode;
  throw new TagsealError("SERVER_CONFIGURATION", `Cannot connect to a database with TLS mode "${text}"`, {
    hint: "Choose disable, require, verify-ca or verify-full: a mode that falls back to plain text gives no protection.",
  });
}

function firstOf(parameters: URLSearchParams, names: readonly string[]): string | undefined {
  return names.map((name) => parameters.get(name)).find((value) => value !== null) ?? undefined;
}

/** Returns what Node needs to open a connection now; undefined without TLS. */
export type TlsConnection = () => Promise<ConnectionOptions | undefined>;

/**
 * Watches the files that these settings name: each new connection uses their current content.
 *
 * @throws TagsealError `SERVER_CONFIGURATION` for a file that cannot be used
 */
export async function openDatabaseTls(tls: DatabaseTls, parts: WatchParts): Promise<TlsConnection> {
  const { mode, caFile, certFile, keyFile } = tls;
  if (mode === "disable") return async () => undefined;
  if ((certFile === undefined) !== (keyFile === undefined))
    throw new TagsealError(
      "SERVER_CONFIGURATION",
      "The address of the database names a certificate or its key, not both",
    );
  const ca =
    caFile === undefined ? undefined : await watchAuthorities(caFile, { ...parts, part: "database_authorities" });
  const pair =
    certFile === undefined || keyFile === undefined
      ? undefined
      : await watchTlsFiles({ certFile, keyFile }, { ...parts, part: "database_certificate" });
  return async () => ({
    minVersion: "TLSv1.2",
    rejectUnauthorized: mode !== "require",
    ...(ca !== undefined && { ca: await ca.value(), allowPartialTrustChain: true }),
    ...(await pair?.value()),
    ...(mode === "verify-ca" && { checkServerIdentity: () => undefined }),
  });
}
