/** `-D` and TAGSEAL_DEBUG: what went over the wire, for users and for reports, without any secret. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CliSandbox } from "./cli-sandbox.ts";

describe("debug output", () => {
  const sandbox = CliSandbox.forSuite("debug");

  for (const [how, argv, env] of [
    ["-D", ["-D"], {}],
    ["--debug", ["--debug"], {}],
    ["TAGSEAL_DEBUG=1", [], { TAGSEAL_DEBUG: "1" }],
  ] as const) {
    it(`with ${how} shows each request, its answer and how long it took, and where an error came from`, async () => {
      const { stderr, stdout } = await sandbox.run([...argv, "verify", `${sandbox.repository("not/signed")}:1`], {
        env: { ...sandbox.sandbox.environment, ...env },
      });
      assert.match(stderr, /^debug: GET https?:\/\/[^\s?]+\/_trust\/tuf\/root\.json: 404, \d+ ms$/mu);
      assert.match(stderr, /^\s+at /mu);
      assert.equal(stdout, "");
    });
  }

  it("is not there unless asked for", async () => {
    for (const env of [{}, { TAGSEAL_DEBUG: "0" }, { TAGSEAL_DEBUG: "" }]) {
      const { stderr } = await sandbox.run(["verify", `${sandbox.repository("not/signed")}:1`], {
        env: { ...sandbox.sandbox.environment, ...env },
      });
      assert.doesNotMatch(stderr, /^debug:|^\s+at /mu);
    }
  });

  it("says why there was no answer, and shows no user, password or query of an address", async () => {
    const env = {
      HTTPS_PROXY: "http://alice:hunter22@127.0.0.1:1",
      DOCKER_CONTENT_TRUST_SERVER: "https://trust.example.com",
    };
    const { stderr } = await sandbox.run(["-D", "verify", "registry.example.com/x:1"], { env });
    assert.match(stderr, /^debug: GET https:\/\/trust\.example\.com\/v2\/\S+: NETWORK_UNREACHABLE, \d+ ms$/mu);
    assert.doesNotMatch(stderr, /hunter22/u);
  });
});
