/**
 * Every setting of `tagseal server`. Those of Notary's `server-config.json` keep their names and meaning, so that such a file works here; the others
 * are Tagseal's.
 */

import { ignored, ignoredStorageSettings } from "./ignored-settings.ts";
import { logLevelSetting } from "./log-level.ts";
import type { SettingTable } from "./setting-table.ts";

/** The settings of the server, by name. */
export const serverSettings = {
  "server.http_addr": { kind: "text", help: "address to listen on: `:4443`, `127.0.0.1:4443`, `[::1]:4443`" },
  "server.tls_cert_file": { kind: "file", help: "certificate chain, PEM; without it the server speaks plain HTTP" },
  "server.tls_key_file": { kind: "file", help: "private key of the certificate, PEM" },
  "server.client_ca_file": {
    kind: "file",
    help: "authorities of client certificates, PEM; with it every client needs one",
  },
  "server.trusted_proxies": {
    kind: "names",
    help: "addresses or networks of proxies whose `X-Forwarded-For` or `Forwarded` names the client; none",
  },
  "server.data_directory": {
    kind: "file",
    help: "directory of the embedded databases and of the signer's passphrase file",
  },
  "server.read_only": {
    kind: "boolean",
    help: "refuses publications, deletions and key rotations; readers are served as always; read again on SIGHUP; `false`",
  },

  "storage.backend": {
    kind: "text",
    help: "`sqlite` (in the data directory), `postgres` or `mysql`; `memory` keeps everything in the data directory, too",
    values: ["sqlite", "sqlite3", "postgres", "mysql", "memory"],
  },
  "storage.db_url": {
    kind: "text",
    help: "the database: `postgres://…`, `mysql://…`, or a Go data source name as Notary has it",
  },
  ...ignoredStorageSettings,
  "storage.max_connections": {
    kind: "number",
    help: "connections to the database at a time, for publications; half as many more, and two at least, for reads; 8",
    range: [1, 1000],
  },
  "storage.cache_max_age": {
    kind: "duration",
    help: "how old the answers of several replicas from memory may be, also while the database is unavailable; `0s`: never older than the database",
  },

  "trust_service.type": {
    kind: "text",
    help: "`local`: this process keeps the keys; `remote`: a separate signer does",
    values: ["local", "remote"],
  },
  "trust_service.hostname": { kind: "text", help: "the remote signer's host" },
  "trust_service.port": { kind: "text", help: "the remote signer's port" },
  "trust_service.key_algorithm": {
    kind: "text",
    help: "of new keys of a remote signer: `ecdsa` (default) or `ed25519`",
    values: ["ecdsa", "ed25519", "rsa"],
  },
  "trust_service.tls_ca_file": { kind: "file", help: "authorities of the remote signer's certificate, PEM" },
  "trust_service.tls_client_cert": { kind: "file", help: "certificate shown to the remote signer, PEM" },
  "trust_service.tls_client_key": { kind: "file", help: "its private key, PEM" },
  "trust_service.max_pending_keys": {
    kind: "number",
    help: "keys of a remote signer that were promised and have not signed; beyond it the oldest is given to the next request; 10000",
    range: [1, 10_000_000],
  },
  "trust_service.db_url": {
    kind: "text",
    help: "the database of the local signer's keys; default: that of the metadata",
  },
  "trust_service.default_alias": { kind: "text", help: "the passphrase that new keys are sealed under; `default`" },

  "keys.store": {
    kind: "text",
    help: "where the local signer makes new keys, a URI: `pkcs11:token=LABEL` in a token, `vault:transit` in Vault, `exec:NAME` with a key helper; in the signer's database, sealed",
  },
  "keys.max_pending": {
    kind: "number",
    help: "keys there that were promised and have not signed; beyond it the oldest is given to the next request; 1000",
    range: [1, 10_000_000],
  },

  "auth.type": {
    kind: "text",
    help: "`token`: docker's token authentication. Without any setting of `auth` every client may do everything",
    values: ["token"],
  },
  "auth.options.realm": { kind: "text", help: "where clients get tokens, a URL" },
  "auth.options.service": { kind: "text", help: "this server's name as tokens spell it: their audience" },
  "auth.options.issuer": { kind: "text", help: "who issues the tokens" },
  "auth.options.rootcertbundle": { kind: "file", help: "certificates of the token issuers, PEM" },
  "auth.options.jwks": { kind: "file", help: "keys of the token issuers, a JSON Web Key Set" },
  "auth.options.autoredirect": ignored,
  "auth.htpasswd": { kind: "file", help: "names and bcrypt hashes of the users who log in with a password" },
  "auth.htpasswd_realm": { kind: "text", help: "what clients show when they ask for the password; `tagseal`" },
  "auth.token_realm": {
    kind: "text",
    help: "this server's own `/_tagseal/token` as clients reach it, a URL: they exchange passwords for tokens there",
  },
  "auth.token_key_file": {
    kind: "file",
    help: "seals these tokens, 32 bytes or more, the same on all replicas; a new key at each start",
  },
  "auth.client_ca_file": { kind: "file", help: "authorities of the client certificates that users log in with, PEM" },
  "auth.client_certificate_required": { kind: "boolean", help: "connections without one are refused; `false`" },
  "auth.user_from": {
    kind: "text",
    help: "the part of a client certificate that is the user's name; `commonName`, or `nobody` for certificates that only admit the connection",
    values: ["commonName", "dns", "uri", "nobody"],
  },
  "auth.restricted_by_rules": { kind: "boolean", help: "rules restrict what tokens allow; `true`" },
  "auth.anonymous_pull": { kind: "boolean", help: "every client may read; `false`" },
  "auth.protect_monitoring": { kind: "boolean", help: "metrics and health require a login, too; `false`" },
  "auth.groups": { kind: "json", help: 'names of users by group: `{"release": ["alice"]}`' },
  "auth.rules": { kind: "json", help: "what each user may do below a prefix; see authentication" },

  "caching.max_age.current_metadata": { kind: "number", help: "seconds that caches may keep current files; 300" },
  "caching.max_age.consistent_metadata": {
    kind: "number",
    help: "seconds that caches may keep files named by checksum or version; 2592000",
  },

  "repositories.gun_prefixes": {
    kind: "names",
    help: "only names that begin with one of these exist here",
    spaced: true,
  },
  "repositories.limits": {
    kind: "json",
    help: 'how much may be stored below a prefix: `[{"prefix": "registry.example.com/team/", "repositories": 100, "bytes": 10485760}]`; see below; read again on SIGHUP; none',
  },

  "freshness.timestamp_lifetime": {
    kind: "text",
    help: "how long a timestamp is valid: a duration, or `reference` (14 days); `24h`",
  },
  "freshness.snapshot_lifetime": {
    kind: "text",
    help: "how long a snapshot is valid: a duration, or `reference` (3 years)",
  },

  "retention.days": { kind: "number", help: "days that superseded versions are kept; 30" },
  "retention.enabled": { kind: "boolean", help: "superseded versions are forgotten; `true`" },

  "limits.max_upload_bytes": { kind: "number", help: "one upload; 50331648" },
  "limits.max_cache_bytes": { kind: "number", help: "the cache in front of the database; 50331648" },
  "limits.max_connections": { kind: "number", help: "connections at a time; 4096" },
  "limits.max_connections_per_client": { kind: "number", help: "connections of one client address at a time; 1024" },
  "limits.response_timeout": {
    kind: "duration",
    help: "for reading an answer, however short it is; `60s`",
    range: ["1s", "1h"],
  },
  "limits.min_bytes_per_second": {
    kind: "number",
    help: "gives longer answers more time: one more second for this many bytes; 16384",
    range: [1, 1_000_000_000],
  },
  "limits.reads_per_minute": { kind: "number", help: "of one client address; no limit" },
  "limits.uploads_per_minute": { kind: "number", help: "of one client address; no limit" },
  "limits.key_requests_per_minute": { kind: "number", help: "of one client address; 600" },

  "limits.proposals_per_repository": {
    kind: "number",
    help: "changes that wait for signatures, in one repository; 0 keeps none, and `--propose` then needs `--out`; 16",
    range: [0, 1000],
  },
  "limits.max_proposal_bytes": { kind: "number", help: "one proposal; 8388608", range: [1024, 104_857_600] },
  "limits.proposal_lifetime": {
    kind: "duration",
    help: "how long a proposal is open at most; `14d`",
    range: ["1m", "90d"],
  },

  "logging.level": logLevelSetting,
  // sections of Notary's files that its server ignores
  reporting: ignored,
  escrow: ignored,
  trust_pinning: ignored,
} as const satisfies SettingTable;

/** The prefixes of variables that override settings of the server, Tagseal's before Notary's. */
export const serverVariables: readonly string[] = ["TAGSEAL_SERVER_", "NOTARY_SERVER_"];
