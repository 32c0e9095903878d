/** What a server is, for the line that it starts its log with and the metric `tagseal_server_build_info`. No secret is in it. */

import type { MetricsPage } from "./http/metrics.ts";
import { nodeVersion } from "./process-metrics.ts";
import type { LogFields } from "./server-log.ts";
import type { ServerOptions } from "./server-options.ts";
import { parseDatabaseAddress } from "./storage/sql/database-address.ts";

/** How it is built and where it keeps what it is given. */
export interface Build {
  /** `unknown` where the caller names none */
  readonly version: string;
  /** `sqlite`, `postgres`, `mysql`, or `given` by the caller */
  readonly storage: string;
}

/** @throws TagsealError `SERVER_CONFIGURATION` for the address of a database that cannot be read */
export function buildOf({ version = "unknown", store, database }: ServerOptions): Build {
  if (store !== undefined) return { version, storage: "given" };
  return { version, storage: database === undefined ? "sqlite" : parseDatabaseAddress(database).engine };
}

/** The fields: version, storage with host and name of a database, TLS, where the keys are, and who may publish. */
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

/** Adds the metric, which is always 1: its labels say what runs. */
export function addBuildInfo(page: MetricsPage, { version, storage }: Build): void {
  const name = "tagseal_server_build_info";
  const lines = (): string[] => [`${name}{version="${version}",node="${nodeVersion}",storage="${storage}"} 1`];
  page.addSeries({ name, help: "1; what runs.", type: "gauge", lines });
}
