import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { openAuthorisation } from "../auth/open-authorisation.ts";
import { ServerLog } from "../../service/log.ts";
import { signerPassphrases } from "./passphrase-variables.ts";
import { configuredServer, type ConfiguredServer } from "./server-configuration.ts";
import { serverSettings, serverVariables } from "./server-settings.ts";
import { readSettings } from "./settings.ts";

function configured(content: object, env: Readonly<Record<string, string>> = {}): ConfiguredServer {
  const file = { name: "server.json", directory: "/etc/tagseal", bytes: Buffer.from(JSON.stringify(content)) };
  return configuredServer(readSettings(serverSettings, { file, env, prefixes: serverVariables }), env);
}

const remote = {
  type: "remote",
  hostname: "signer",
  port: "7899",
  tls_ca_file: "ca.crt",
  tls_client_cert: "c.crt",
  tls_client_key: "c.key",
};

describe("a server's configuration", () => {
  it("of Notary has the same meaning here", () => {
    const auth = {
      type: "token",
      options: { realm: "https://a/token", service: "n", issuer: "i", rootcertbundle: "b" },
    };
    const {
      database,
      remoteSigner,
      auth: found,
      cacheAges,
      gunPrefixes,
      tls,
    } = configured({
      server: { http_addr: ":4443", tls_cert_file: "s.crt", tls_key_file: "s.key" },
      trust_service: { ...remote, key_algorithm: "ecdsa" },
      storage: { backend: "mysql", db_url: "server@tcp(mysql:3306)/notaryserver?parseTime=True" },
      auth,
      caching: { max_age: { current_metadata: 60 } },
      repositories: { gun_prefixes: ["docker.io/"] },
    });
    assert.equal(database, "server@tcp(mysql:3306)/notaryserver?parseTime=True");
    assert.deepEqual(remoteSigner, {
      host: "signer",
      port: 7899,
      caFile: "/etc/tagseal/ca.crt",
      certFile: "/etc/tagseal/c.crt",
      keyFile: "/etc/tagseal/c.key",
      algorithm: "ecdsa",
    });
    assert.deepEqual(tls, { certFile: "/etc/tagseal/s.crt", keyFile: "/etc/tagseal/s.key" });
    assert.equal(found?.token?.rootcertbundle, "/etc/tagseal/b");
    assert.equal(found?.token?.issuer, "i");
    assert.deepEqual(cacheAges, { current: 60, consistent: 2_592_000 });
    assert.deepEqual(gunPrefixes, ["docker.io/"]);
  });

  it("without any authentication setting has none, and with any has some", () => {
    assert.equal(configured({}).auth, undefined);
    assert.notEqual(configured({ auth: { anonymous_pull: true } }).auth, undefined);
    assert.notEqual(configured({ auth: { rules: [] } }).auth, undefined);
  });

  for (const [what, auth] of Object.entries({
    "an empty section": {},
    "null in a password file's place": { htpasswd: null },
    "null in the rules' place": { rules: null },
    "anonymous reading": { anonymous_pull: true },
    "protected monitoring": { protect_monitoring: true },
  })) {
    it(`I9: with only ${what} for authentication does not open the server`, async () => {
      const { auth: settings } = configured({ auth });
      assert.ok(settings);
      const log = new ServerLog({ sink: () => {}, level: "error", now: () => new Date() });
      await assert.rejects(openAuthorisation(settings, { now: () => new Date(), log }), {
        code: "SERVER_CONFIGURATION",
        message: /no way to log in/u,
      });
    });
  }

  for (const [what, content, leader] of [
    ["options of tokens", { auth: { options: { realm: "a", service: "b", issuer: "c" } } }, "auth.type"],
    ["options of tokens, of no type", { auth: { type: null, options: { issuer: "c" } } }, "auth.type"],
    ["tokens restricted", { auth: { htpasswd: "u", restricted_by_rules: true } }, "auth.type"],
    ["tokens for passwords", { auth: { token_realm: "https://a/token" } }, "auth.htpasswd"],
    ["certificates required", { auth: { htpasswd: "u", client_certificate_required: true } }, "auth.client_ca_file"],
    ["names from certificates", { auth: { htpasswd: "u", user_from: "dns" } }, "auth.client_ca_file"],
    ["keys of a signer", { trust_service: { max_pending_keys: 5 } }, "trust_service.type"],
    ["a bound on promises", { keys: { max_pending: 5 } }, "keys.store"],
    ["a signer's host", { trust_service: { hostname: "signer" } }, "trust_service.type"],
  ] as const) {
    it(`I9: is refused with ${what} and without ${leader}`, () => {
      const message = new RegExp(`means nothing without ${leader}, which is missing`, "u");
      assert.throws(() => configured(content), { code: "SERVER_CONFIGURATION", message });
    });
  }

  it("I10: with client certificates for all connections and passwords for some users takes no name from the certificates", () => {
    const server = { client_ca_file: "clients.crt" };
    const { auth } = configured({ server, auth: { htpasswd: "users" } });
    assert.equal(auth?.mtls?.userFrom, "nobody");
    assert.equal(auth?.rules, undefined);
    assert.throws(() => configured({ server, auth: { client_ca_file: "users.crt" } }), { message: /give one/u });
  });

  it("I10: of Notary with client certificates requires one of every client, and nothing else", () => {
    const { auth } = configured({ server: { client_ca_file: "clients.crt" } });
    assert.deepEqual(auth?.mtls, { caFile: "/etc/tagseal/clients.crt", required: true, userFrom: undefined });
    assert.deepEqual(auth?.rules, [{ prefix: "*", users: ["*"], actions: ["*"] }]);
  });

  it("lets Notary's client authorities admit connections that log in with tokens, and name no user", () => {
    const options = { realm: "https://a/token", service: "s", issuer: "i", rootcertbundle: "b.pem" };
    const { auth } = configured({ server: { client_ca_file: "clients.crt" }, auth: { type: "token", options } });
    assert.deepEqual(auth?.mtls, { caFile: "/etc/tagseal/clients.crt", required: true, userFrom: "nobody" });
    assert.equal(auth?.rules, undefined);
  });

  it("gives timestamps a lifetime of a day, as configured, or as with Notary", () => {
    const day = 86_400_000;
    const of = (timestamp_lifetime: string): number | undefined =>
      configured({ freshness: { timestamp_lifetime } }).lifetimes?.timestampMs;
    assert.equal(configured({}).lifetimes?.timestampMs, day);
    assert.equal(of("7d"), 7 * day);
    assert.equal(of("reference"), 14 * day);
  });

  it("keeps old versions for thirty days, as configured, or forever", () => {
    assert.equal(configured({}).keepVersionsMs, undefined);
    assert.equal(configured({ retention: { days: 7 } }).keepVersionsMs, 604_800_000);
    assert.equal(configured({ retention: { enabled: false } }).keepVersionsMs, Number.POSITIVE_INFINITY);
  });

  it("bounds how slowly answers are read, connections to the database, and keys of a remote signer", () => {
    const { limits, sqlLimits } = configured({});
    assert.deepEqual([limits?.responseTimeoutMs, limits?.minBytesPerSecond, sqlLimits], [60_000, 16_384, undefined]);
    const given = configured(
      {
        limits: { response_timeout: "90s", min_bytes_per_second: 4096 },
        trust_service: { ...remote, max_pending_keys: 50 },
      },
      { TAGSEAL_SERVER_STORAGE_MAX_CONNECTIONS: "3" },
    );
    assert.deepEqual([given.limits?.responseTimeoutMs, given.limits?.minBytesPerSecond], [90_000, 4096]);
    assert.deepEqual(given.sqlLimits, { connections: 3 });
    assert.equal(given.remoteSigner?.maxPendingKeys, 50);
  });

  for (const [what, content, message] of [
    ["half of a certificate", { server: { tls_cert_file: "a" } }, /go together/u],
    ["a database without an address", { storage: { backend: "postgres" } }, /does not say where/u],
    ["a signer without a host", { trust_service: { type: "remote" } }, /hostname is missing/u],
    ["a signer without a certificate for it", { trust_service: { type: "remote", hostname: "a" } }, /tls_client_cert/u],
    [
      "a place of keys beside a remote signer",
      { trust_service: remote, keys: { store: "vault:transit" } },
      /set keys\.store for that signer/u,
    ],
    ["an invalid port", { trust_service: { ...remote, port: "x" } }, /must be a port/u],
    ["an algorithm no signer has", { trust_service: { ...remote, key_algorithm: "rsa" } }, /rsa/u],
    [
      "tokens without an issuer",
      { auth: { type: "token", options: { realm: "a", service: "b" } } },
      /issuer is missing/u,
    ],
    ["a lifetime of a minute", { freshness: { timestamp_lifetime: "1m" } }, /ten minutes or more/u],
  ] as const) {
    it(`I9: is refused with ${what}`, () => {
      assert.throws(() => configured(content), { code: "SERVER_CONFIGURATION", message });
    });
  }
});

describe("the signer's passphrases", () => {
  it("are Notary's, by alias, settings left out", () => {
    const env = {
      NOTARY_SIGNER_TIMESTAMP_2020: "old",
      NOTARY_SIGNER_CURRENT: "new",
      NOTARY_SIGNER_DEFAULT_ALIAS: "current",
      NOTARY_SIGNER_STORAGE_DB_URL: "no passphrase",
    };
    const found = signerPassphrases(env, undefined);
    assert.deepEqual(
      [...(found?.byAlias ?? [])].sort(([a], [b]) => (a < b ? -1 : 1)),
      [
        ["current", "new"],
        ["timestamp_2020", "old"],
      ],
    );
    assert.equal(found?.defaultAlias, "current");
    assert.equal(signerPassphrases(env, "timestamp_2020")?.defaultAlias, "timestamp_2020");
  });

  it("are a single one of Tagseal's, or none", () => {
    assert.deepEqual(signerPassphrases({ TAGSEAL_SIGNER_PASSPHRASE: "x" }, undefined), {
      byAlias: new Map([["default", "x"]]),
      defaultAlias: "default",
    });
    assert.equal(signerPassphrases({ TAGSEAL_SIGNER_PASSPHRASE: "" }, undefined), undefined);
  });

  it("have no default alias unless it is configured", () => {
    assert.equal(signerPassphrases({ NOTARY_SIGNER_ALIAS1: "x" }, undefined)?.defaultAlias, undefined);
    assert.equal(
      signerPassphrases({}, "Alias1")?.defaultAlias,
      "alias1",
      "a name without a passphrase is not forgotten",
    );
  });

  it("give one alias one passphrase", () => {
    const both = { TAGSEAL_SIGNER_PASSPHRASE: "ours", NOTARY_SIGNER_MY_KEY: "theirs" };
    assert.deepEqual([...(signerPassphrases(both, undefined)?.byAlias ?? [])].length, 2);
    assert.throws(() => signerPassphrases(both, "my-key"), {
      code: "SERVER_CONFIGURATION",
      message: /TAGSEAL_SIGNER_PASSPHRASE and NOTARY_SIGNER_MY_KEY give one passphrase, and differ/u,
    });
    const same = { TAGSEAL_SIGNER_PASSPHRASE: "ours", NOTARY_SIGNER_DEFAULT: "ours" };
    assert.equal(signerPassphrases(same, undefined)?.defaultAlias, "default");
  });
});
