import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readSettings } from "./settings.ts";
import { configuredKeys, configuredSigner, type SignerSettings } from "./signer-configuration.ts";
import { signerSettings, signerVariables } from "./signer-settings.ts";

const server = { tls_cert_file: "s.crt", tls_key_file: "s.key", client_ca_file: "ca.crt" };

function read(content: object, env: Readonly<Record<string, string>> = {}): SignerSettings {
  const file = { name: "signer.json", directory: "/etc/tagseal", bytes: Buffer.from(JSON.stringify(content)) };
  return readSettings(signerSettings, { file, env, prefixes: signerVariables });
}

describe("a signer's configuration", () => {
  it("names the certificates that callers must have", () => {
    const { tls, clientCaFile, limits } = configuredSigner(read({ server }));
    assert.deepEqual(tls, { certFile: "/etc/tagseal/s.crt", keyFile: "/etc/tagseal/s.key" });
    assert.equal(clientCaFile, "/etc/tagseal/ca.crt");
    assert.deepEqual(limits, { maxPendingKeys: 100_000, maxMessageBytes: 4_194_304, maxConcurrentCalls: 100 });
    assert.throws(() => configuredSigner(read({ server: { ...server, client_ca_file: null } })), {
      code: "SERVER_CONFIGURATION",
      message: /server\.client_ca_file is missing/u,
    });
  });

  it("bounds requests of callers, and connections to the database", () => {
    const limits = { max_pending_keys: 7, max_message_bytes: 65_536 };
    const settings = read({ server, limits }, { TAGSEAL_SIGNER_LIMITS_MAX_CONCURRENT_CALLS: "9" });
    assert.deepEqual(configuredSigner(settings).limits, {
      maxPendingKeys: 7,
      maxMessageBytes: 65_536,
      maxConcurrentCalls: 9,
    });
    assert.equal(configuredKeys(settings, {}).sqlLimits, undefined);
    const storage = { db_url: "postgres://db/keys", max_connections: 2 };
    assert.deepEqual(configuredKeys(read({ server, storage }), {}).sqlLimits, { connections: 2 });
  });

  for (const [what, limits] of [
    ["no pending keys", { max_pending_keys: 0 }],
    ["messages too small for a key", { max_message_bytes: 100 }],
    ["no calls", { max_concurrent_calls: 0 }],
  ] as const) {
    it(`I9: is refused with ${what}`, () => {
      assert.throws(() => read({ server, limits }), { code: "SERVER_CONFIGURATION", message: /must be from/u });
    });
  }
});
