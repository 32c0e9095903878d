import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { remoteTrustService } from "../../../test/support/notary-configuration.ts";
import { configuredServer } from "./server-configuration.ts";
import { serverSettings, serverVariables } from "./server-settings.ts";
import { readSettings } from "./settings.ts";
import { configuredSigner } from "./signer-configuration.ts";
import { signerSettings, signerVariables } from "./signer-settings.ts";

type Env = Readonly<Record<string, string>>;

function fileOf(content: object): { name: string; directory: string; bytes: Buffer } {
  return { name: "notary.json", directory: "/etc/notary", bytes: Buffer.from(JSON.stringify(content)) };
}

const readServer = (content: object, env: Env = {}): ReturnType<typeof readSettings<typeof serverSettings>> =>
  readSettings(serverSettings, { file: fileOf(content), env, prefixes: serverVariables });
const readSigner = (content: object, env: Env = {}): ReturnType<typeof readSettings<typeof signerSettings>> =>
  readSettings(signerSettings, { file: fileOf(content), env, prefixes: signerVariables });

/** The files that come with Notary differ in their storage only. */
const server = {
  server: { http_addr: ":4443", tls_key_file: "./notary-server.key", tls_cert_file: "./notary-server.crt" },
  trust_service: remoteTrustService,
  logging: { level: "debug" },
};
const signer = {
  server: {
    grpc_addr: ":7899",
    tls_cert_file: "./notary-signer.crt",
    tls_key_file: "./notary-signer.key",
    client_ca_file: "./notary-server.crt",
  },
  logging: { level: "debug" },
};

const storages: Readonly<Record<string, object>> = {
  mysql: { backend: "mysql", db_url: "server@tcp(mysqldb:3306)/notaryserver?parseTime=True" },
  postgres: { backend: "postgres", db_url: "postgres://server@postgresql:5432/notaryserver?sslmode=verify-ca" },
  memory: { backend: "memory" },
};

const foreign: Readonly<Record<string, object>> = {
  rethinkdb: { backend: "rethinkdb", db_url: "rdb-proxy.rdb", database: "notaryserver", tls_ca_file: "./ca.pem" },
  couchdb: { backend: "couchdb", db_url: "https://u:p@cdb:6984", database: "notaryserver", tls_ca_file: "./ca.pem" },
  pkcs11: { backend: "pkcs11", provider: "/opt/libcknfast.so", token: "label:ocs2" },
};

/** The names of all members in capitals, sections too. */
function inCapitals(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([member, inner]) => [member.toUpperCase(), inCapitals(inner)] as const),
  );
}

const capitals = (content: object): object => Object.assign({}, inCapitals(content));

describe("a configuration file of Notary", () => {
  for (const [what, storage] of Object.entries(storages)) {
    it(`with ${what} serves both servers as it is, and with its members in capitals`, () => {
      const ofServer = { ...server, storage, escrow: { backend: "memory" } };
      const expected = configuredServer(readServer(ofServer), {});
      assert.equal(expected.remoteSigner?.port, 7899);
      assert.equal(expected.logLevel, "debug");
      assert.deepEqual(configuredServer(readServer(capitals(ofServer)), {}), expected);
      const ofSigner = { ...signer, storage };
      const { tls } = configuredSigner(readSigner(ofSigner));
      assert.equal(tls.certFile, "/etc/notary/notary-signer.crt");
      assert.deepEqual(configuredSigner(readSigner(capitals(ofSigner))), configuredSigner(readSigner(ofSigner)));
    });
  }

  for (const [what, storage] of Object.entries(foreign)) {
    it(`I9: is refused with ${what}, by the member's name`, () => {
      const refusal = { code: "SERVER_CONFIGURATION", message: /storage\.backend must be one of sqlite, /u };
      assert.throws(() => readServer({ ...server, storage }), refusal);
      assert.throws(() => readSigner({ ...signer, storage }), refusal);
    });
  }

  for (const [written, level] of Object.entries({
    trace: "debug",
    Debug: "debug",
    INFO: "info",
    warn: "warning",
    WARNING: "warning",
    Error: "error",
    fatal: "error",
    PANIC: "error",
  })) {
    it(`with the log level ${written} logs as ${level}`, () => {
      const logging = { level: written };
      assert.equal(configuredServer(readServer({ ...server, logging }), {}).logLevel, level);
      assert.equal(configuredSigner(readSigner({ ...signer, logging })).logLevel, level);
      const byServer = readServer(server, { NOTARY_SERVER_LOGGING_LEVEL: written });
      assert.equal(configuredServer(byServer, {}).logLevel, level);
      const bySigner = readSigner(signer, { NOTARY_SIGNER_LOGGING_LEVEL: written });
      assert.equal(configuredSigner(bySigner).logLevel, level);
    });
  }

  it("I9: with a log level that does not exist is refused", () => {
    const logging = { level: "verbose" };
    const refusal = { code: "SERVER_CONFIGURATION", message: /logging\.level must be one of debug, /u };
    assert.throws(() => readServer({ logging }), refusal);
    assert.throws(() => readSigner({ logging }), refusal);
  });

  it("may write numbers and booleans as texts, texts as numbers, and a list as one text", () => {
    const settings = readServer({
      trust_service: { ...server.trust_service, port: 7899 },
      caching: { max_age: { current_metadata: "60", consistent_metadata: 3600 } },
      auth: { anonymous_pull: "true", protect_monitoring: "F" },
      repositories: { gun_prefixes: "docker.io/ example.com/" },
    });
    assert.equal(settings.text("trust_service.port"), "7899");
    assert.equal(settings.number("caching.max_age.current_metadata"), 60);
    assert.equal(settings.number("caching.max_age.consistent_metadata"), 3600);
    assert.equal(settings.boolean("auth.anonymous_pull"), true);
    assert.equal(settings.boolean("auth.protect_monitoring"), false);
    assert.deepEqual(settings.list("repositories.gun_prefixes"), ["docker.io/", "example.com/"]);
    const fromSpaces = readServer({}, { NOTARY_SERVER_REPOSITORIES_GUN_PREFIXES: "a/ b/, c/" });
    assert.deepEqual(fromSpaces.list("repositories.gun_prefixes"), ["a/", "b/", "c/"]);
  });

  for (const [what, content, member] of [
    ["a boolean", { auth: { anonymous_pull: "yes" } }, /auth\.anonymous_pull must be true or false/u],
    ["a boolean", { auth: { anonymous_pull: 2 } }, /auth\.anonymous_pull must be true or false/u],
    ["a number", { caching: { max_age: { current_metadata: "1e3" } } }, /current_metadata must be a whole number/u],
    ["a number", { caching: { max_age: { current_metadata: "-1" } } }, /current_metadata must be a whole number/u],
    ["a text", { storage: { db_url: ["x"] } }, /storage\.db_url must be text, not a list/u],
  ] as const) {
    it(`I9: is refused when ${JSON.stringify(content)} is not ${what}`, () => {
      assert.throws(() => readServer(content), { code: "SERVER_CONFIGURATION", message: member });
    });
  }

  for (const [what, content] of Object.entries({
    "a member": { storage: { backend: "memory", Backend: "mysql" } },
    "a member, by its whole name": { storage: { backend: "memory" }, "Storage.Backend": "mysql" },
    "a section": { storage: { backend: "memory" }, Storage: { db_url: "x" } },
  })) {
    it(`I9: that spells ${what} twice is refused: Notary takes one of them by chance`, () => {
      const refusal = {
        code: "SERVER_CONFIGURATION",
        message: /is set twice: Storage|is set twice: storage/u,
      };
      assert.throws(() => readServer(content), refusal);
      assert.throws(() => readSigner(content), refusal);
    });
  }

  it("has sections without effect on a server, which are named", () => {
    const unused = { reporting: { bugsnag: { api_key: "k" } }, trust_pinning: { disable_tofu: true } };
    assert.deepEqual(readServer({ ...server, ...unused }).ignored, ["reporting", "trust_pinning"]);
    assert.deepEqual(readSigner({ ...signer, ...unused }).ignored, ["reporting", "trust_pinning"]);
  });

  it("may have empty texts, which count as absent", () => {
    const empty = {
      server: { http_addr: ":4443", tls_cert_file: "", tls_key_file: "", client_ca_file: "" },
      trust_service: { type: "", hostname: "", port: "", tls_ca_file: "", tls_client_cert: "", tls_client_key: "" },
      storage: { backend: "", db_url: "" },
      logging: { level: "" },
      caching: { max_age: { current_metadata: "" } },
      repositories: { gun_prefixes: "" },
    };
    const nothing = readServer({ server: { http_addr: ":4443" }, repositories: { gun_prefixes: [] } });
    assert.deepEqual(configuredServer(readServer(empty), {}), configuredServer(nothing, {}));
    const storage = { backend: "memory", db_url: "" };
    assert.deepEqual(
      configuredSigner(readSigner({ server: signer.server, storage, logging: { level: "" } })),
      configuredSigner(readSigner({ server: signer.server })),
    );
  });

  it("I9: with an empty authentication section does not start an open server", () => {
    for (const auth of [{}, { type: "" }, { htpasswd: "" }])
      assert.ok(configuredServer(readServer({ auth }), {}).auth !== undefined, JSON.stringify(auth));
  });

  it("may have storage members that Notary ignores, which are named", () => {
    const storage = { ...storages["mysql"], tls_ca_file: "./ca.pem", database: "notaryserver", password: "secret" };
    const named = ["storage.tls_ca_file", "storage.database", "storage.password"];
    assert.deepEqual(readServer({ ...server, storage }).ignored, named);
    assert.deepEqual(readSigner({ ...signer, storage }).ignored, named);
  });

  for (const [name, format] of [
    ["server-config.yaml", "YAML"],
    ["server-config.yml", "YML"],
    ["server-config.toml", "TOML"],
  ] as const) {
    it(`I9: is refused as ${name}, with the reason that only JSON is read`, () => {
      const file = { ...fileOf({}), name, bytes: Buffer.from('server:\n  http_addr: ":4443"\n') };
      assert.throws(() => readSettings(serverSettings, { file, env: {}, prefixes: serverVariables }), {
        code: "SERVER_CONFIGURATION",
        message: `Cannot use the configuration of ${name}: it is ${format} by its name, and only JSON is read`,
      });
    });
  }

  it("is overridden by Notary's variables", () => {
    const env = { NOTARY_SERVER_TRUST_SERVICE_PORT: "7900", NOTARY_SERVER_STORAGE_BACKEND: "memory" };
    const settings = readServer({ ...server, storage: storages["mysql"] }, env);
    assert.equal(settings.text("trust_service.port"), "7900");
    assert.equal(settings.text("storage.backend"), "memory");
    const ofSigner = readSigner(signer, { NOTARY_SIGNER_SERVER_TLS_KEY_FILE: "other.key" });
    assert.equal(configuredSigner(ofSigner).tls.keyFile, "/etc/notary/other.key");
  });
});
