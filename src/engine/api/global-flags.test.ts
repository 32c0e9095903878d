import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseConnectionFlags } from "./global-flags.ts";

describe("docker's flags before the command", () => {
  it("are read in every spelling", () => {
    for (const words of [["-H", "tcp://a"], ["-Htcp://a"], ["-H=tcp://a"], ["--host", "tcp://a"], ["--host=tcp://a"]]) {
      assert.equal(parseConnectionFlags(words).host, "tcp://a", words.join(" "));
    }
    assert.equal(parseConnectionFlags(["-c", "far", "-D"]).context, "far");
    assert.equal(parseConnectionFlags(["-l", "--tls", "--context=x"]).context, "x");
  });

  it("count as last given", () => {
    assert.equal(parseConnectionFlags(["-H", "a", "--host=b"]).host, "b");
  });

  it("say nothing when absent", () => {
    assert.deepEqual(
      Object.values(parseConnectionFlags(["-D", "--log-level", "debug"])).filter((value) => value !== undefined),
      [],
    );
  });

  it("are switches with docker's booleans", () => {
    assert.equal(parseConnectionFlags(["--tlsverify"]).tlsVerify, true);
    assert.equal(parseConnectionFlags(["--tlsverify=0"]).tlsVerify, false);
    assert.equal(parseConnectionFlags(["--tls=T", "--tlscacert", "ca"]).tls, true);
  });
});
