/** Describes a server or signer, for the first line of its log. Contains no secrets. */

import type { Build } from "../../service/build-info.ts";
import { nodeVersion } from "../../service/process-metrics.ts";
import type { LogFields } from "../../service/log.ts";
import type { ServerOptions } from "./server-options.ts";
import type { SignerOptions } from "../signer/signer-options.ts";
import { parseDatabaseAddress } from "../storage/sql/database-address.ts";

/** The version and the storage of a server. @throws TagsealError `SERVER_CONFIGURATION` for the address of a database that cannot be read */
export function buildOf({
  version = "unknown",
  store,
  database,
}: Pick<ServerOptions, "version" | "database"> & { readonly store?: unknown }): Build {
  if (store !== undefined) return { version, storage: "given" };
  return { version, storage: database === undefined ? "sqlite" : parseDatabaseAddress(database).engine };
}

/** The fields: version, storage with host and name of a database, TLS, the location of the keys, and who may publish. */
export function startFields(options: ServerOptions): LogFields {
  const { database, signerDatabase, remoteSigner, tls } = options;
  return {
    ...buildOf(options),
    node: nodeVersion,
    database: database === undefined ? undefined : parseDatabaseAddress(database).display,
    tls: tls !== undefined,
    signer: remoteSigner === undefined ? "local" : `${remoteSigner.host}:${remoteSigner.port}`,
    signerDatabase: signerDatabase === undefined ? undefined : parseDatabaseAddress(signerDatabase).display,
    mayPublish: mayPublish(options),
  };
}

function mayPublish({ auth, authorise }: ServerOptions): string {
  if (authorise !== undefined) return "whom the caller lets";
  if (auth === undefined) return "EVERYBODY";
  const { token, basic, mtls } = auth;
  const logins = [token && "a token", basic && "a password", mtls && "a client certificate"];
  return `users with ${logins.filter((login) => login !== undefined).join(" or ")}, as the rules say`;
}

/** As {@link buildOf}, of a signer. */
export function signerBuildOf({ version, keyTable: store, database }: SignerOptions): Build {
  return buildOf({ version, store, database });
}

/** As {@link startFields}, of a signer: the files of its certificates, and who may call it. */
export function signerStartFields(options: SignerOptions): LogFields {
  const { database, dataDir, keyTable, tls, clientCaFile, allowedCallers } = options;
  const directory = database === undefined && keyTable === undefined ? dataDir : undefined;
  return {
    ...signerBuildOf(options),
    node: nodeVersion,
    database: database === undefined ? undefined : parseDatabaseAddress(database).display,
    dataDirectory: directory,
    certificate: tls.certFile,
    clientAuthorities: clientCaFile,
    mayCall: allowedCallers?.join(", ") ?? "EVERYBODY with a certificate of these authorities",
  };
}
