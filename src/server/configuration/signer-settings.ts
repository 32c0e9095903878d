/** Every setting of `tagseal signer`, under the names of Notary's `signer-config.json`; the others are Tagseal's. */

import { ignored, ignoredStorageSettings } from "./ignored-settings.ts";
import { logLevelSetting } from "./log-level.ts";
import type { SettingTable } from "./setting-table.ts";

/** The settings of the signer, by name. */
export const signerSettings = {
  "server.grpc_addr": { kind: "text", help: "address to listen on: `:7899`" },
  "server.http_addr": { kind: "text", help: "accepted and ignored", ignored: true },
  "server.tls_cert_file": { kind: "file", help: "certificate chain, PEM" },
  "server.tls_key_file": { kind: "file", help: "private key of the certificate, PEM" },
  "server.client_ca_file": { kind: "file", help: "authorities of the trust servers' certificates, PEM" },
  "server.allowed_callers": {
    kind: "names",
    help: "common names, DNS names or URIs of the only certificates that are accepted; all of `server.client_ca_file`",
  },
  "server.data_directory": { kind: "file", help: "directory of the embedded database and of the passphrase file" },
  "storage.backend": {
    kind: "text",
    help: "`sqlite` (in the data directory), `postgres` or `mysql`",
    values: ["sqlite", "sqlite3", "postgres", "mysql", "memory"],
  },
  "storage.db_url": { kind: "text", help: "the database: `postgres://…`, `mysql://…`, or a Go data source name" },
  ...ignoredStorageSettings,
  "storage.max_connections": {
    kind: "number",
    help: "connections to the database at a time, for changes; half as many more, and two at least, for reads; 8",
    range: [1, 1000],
  },
  "storage.default_alias": { kind: "text", help: "the passphrase that new keys are sealed under; `default`" },
  "keys.store": {
    kind: "text",
    help: "where new keys are made, a URI: `pkcs11:token=LABEL` in a token, `vault:transit` in Vault, `exec:NAME` with a key helper; in the database, sealed",
  },
  "keys.max_pending": {
    kind: "number",
    help: "keys there that were promised and have not signed; beyond it the oldest is given to the next request; 1000",
    range: [1, 10_000_000],
  },
  "limits.max_pending_keys": {
    kind: "number",
    help: "keys that were promised and have not signed; beyond it the oldest is forgotten; 100000",
    range: [1, 10_000_000],
  },
  "limits.max_message_bytes": { kind: "number", help: "one message; 4194304", range: [65_536, 67_108_864] },
  "limits.max_concurrent_calls": {
    kind: "number",
    help: "calls under way on one connection; 100",
    range: [1, 10_000],
  },
  "metrics.http_addr": {
    kind: "text",
    help: "address of the metrics for Prometheus, by plain HTTP: `:9464` on this machine only, `HOST:PORT` elsewhere; not served",
  },
  "logging.level": logLevelSetting,
  reporting: ignored,
  trust_pinning: ignored,
} as const satisfies SettingTable;

/** The prefixes of variables that override settings of the signer, Tagseal's before Notary's. */
export const signerVariables: readonly string[] = ["TAGSEAL_SIGNER_", "NOTARY_SIGNER_"];
