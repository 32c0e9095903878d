import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { remoteTrustService } from "../../../test/support/notary-configuration.ts";
import { serverSettings, serverVariables } from "./server-settings.ts";
import { readSettings, type Settings, type SettingSources } from "./settings.ts";

import { durationMs } from "./setting-values.ts";

type ServerSettings = Settings<keyof typeof serverSettings>;

function read(content: string, env: SettingSources["env"] = {}): ServerSettings {
  const file = { name: "server.json", directory: "/etc/tagseal", bytes: Buffer.from(content) };
  return readSettings(serverSettings, { file, env, prefixes: serverVariables });
}

/** A configuration of Notary's server with every section it knows. */
const notary = JSON.stringify({
  server: { http_addr: ":4443", tls_key_file: "./tls/server.key", tls_cert_file: "/abs/server.crt" },
  trust_service: remoteTrustService,
  logging: { level: "debug" },
  storage: { backend: "mysql", db_url: "server@tcp(mysql:3306)/notaryserver?parseTime=True" },
  auth: { type: "token", options: { realm: "https://a/token", service: "n", issuer: "i", rootcertbundle: "b.pem" } },
  caching: { max_age: { current_metadata: 300, consistent_metadata: 31536000 } },
  repositories: { gun_prefixes: ["docker.io/", "my-own-registry.com/"] },
  reporting: { bugsnag: { api_key: "c9d60ae4c7e70c4b6c4ebd3e8056d2b8", release_stage: "production" } },
});

describe("settings", () => {
  it("are read from an unchanged configuration of Notary's server", () => {
    const settings = read(notary);
    assert.equal(settings.text("server.http_addr"), ":4443");
    assert.equal(settings.text("server.tls_key_file"), "/etc/tagseal/tls/server.key");
    assert.equal(settings.text("server.tls_cert_file"), "/abs/server.crt");
    assert.equal(settings.text("trust_service.port"), "7899");
    assert.equal(settings.number("caching.max_age.consistent_metadata"), 31_536_000);
    assert.deepEqual(settings.list("repositories.gun_prefixes"), ["docker.io/", "my-own-registry.com/"]);
    assert.deepEqual(settings.ignored, ["reporting"]);
    assert.equal(settings.text("server.data_directory"), undefined);
  });

  it("are overridden by variables, ours before Notary's", () => {
    const settings = read(notary, {
      NOTARY_SERVER_STORAGE_DB_URL: "theirs",
      TAGSEAL_SERVER_STORAGE_DB_URL: "ours",
      NOTARY_SERVER_CACHING_MAX_AGE_CURRENT_METADATA: "60",
      NOTARY_SERVER_REPOSITORIES_GUN_PREFIXES: "a/, b/",
      NOTARY_SERVER_SERVER_HTTP_ADDR: "",
    });
    assert.equal(settings.text("storage.db_url"), "ours");
    assert.equal(settings.number("caching.max_age.current_metadata"), 60);
    assert.deepEqual(settings.list("repositories.gun_prefixes"), ["a/", "b/"]);
    assert.equal(settings.text("server.http_addr"), ":4443");
  });

  it("come from variables alone without a file", () => {
    const env = { TAGSEAL_SERVER_AUTH_ANONYMOUS_PULL: "true", TAGSEAL_SERVER_STORAGE_CACHE_MAX_AGE: "2s" };
    const settings = readSettings(serverSettings, { env, prefixes: serverVariables });
    assert.equal(settings.boolean("auth.anonymous_pull"), true);
    assert.equal(settings.number("storage.cache_max_age"), 2000);
  });

  for (const [what, content, message] of [
    ["no JSON", "{", /server\.json: Cannot parse JSON/u],
    ["no object", "[]", /does not hold a JSON object/u],
    ["a member twice", '{"auth":{"type":"token","type":"basic"}}', /duplicate/u],
    ["a misspelt section", '{"aut":{"type":"token"}}', /there is no setting aut\.type/u],
    ["a misspelt member", '{"auth":{"typ":"token"}}', /there is no setting auth\.typ\b/u],
    ["a member of another kind", '{"auth":"token"}', /there is no setting auth\b/u],
    ["a name every object has", '{"constructor":1}', /there is no setting constructor/u],
    [
      "a number as text",
      '{"caching":{"max_age":{"current_metadata":"x"}}}',
      /current_metadata must be a whole number/u,
    ],
    ["an unknown value", '{"storage":{"backend":"rethinkdb"}}', /storage\.backend must be one of sqlite, /u],
    ["a duration without its unit", '{"storage":{"cache_max_age":"10"}}', /must be a duration/u],
    [
      "no connection",
      '{"storage":{"max_connections":0}}',
      /server\.json: storage\.max_connections must be from 1 to 1000, not 0/u,
    ],
    ["too many of something", '{"limits":{"min_bytes_per_second":1000000001}}', /must be from 1 to 1000000000, not 1/u],
    ["too short a time", '{"limits":{"response_timeout":"0s"}}', /response_timeout must be from 1s to 1h/u],
    ["too long a time", '{"limits":{"response_timeout":"2d"}}', /response_timeout must be from 1s to 1h/u],
    ["a list of other things", '{"repositories":{"gun_prefixes":[1]}}', /must be a list of texts/u],
  ] as const) {
    it(`I9: are refused: ${what}`, () => {
      assert.throws(() => read(content), { code: "SERVER_CONFIGURATION", message });
    });
  }

  it("I6: are refused without repeating what may be a secret", () => {
    const content = '{"storage":{"backend":"postgres://user:secret@host"}}';
    assert.throws(
      () => read(content),
      (error: Error) => !error.message.includes("secret"),
    );
  });

  it("suggests a known name for a misspelt one", () => {
    assert.throws(() => read('{"storage":{"url":"x"}}'), { hint: /storage\.db_url/u });
  });

  it("an empty section, or a null, sets nothing", () => {
    assert.equal(read('{"auth":{},"logging":null}').text("auth.type"), undefined);
  });
});

it("durations have a unit", () => {
  assert.deepEqual(["90s", "15m", "24h", "30d"].map(durationMs), [90_000, 900_000, 86_400_000, 2_592_000_000]);
  for (const text of ["", "1", "h", "1.5h", "-1s", "1y", "9999999s"]) assert.equal(durationMs(text), undefined);
});
