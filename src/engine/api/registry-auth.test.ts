import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { registryAuth } from "./registry-auth.ts";

const decoded = (header: string): unknown => JSON.parse(Buffer.from(header, "base64url").toString());

describe("X-Registry-Auth", () => {
  it("is padded base64url, which every engine reads", () => {
    const header = registryAuth("host:5000", { kind: "basic", username: "ü", password: "??>>~~" });
    assert.match(header, /^[\w-]+={0,2}$/u);
    assert.equal(header.length % 4, 0);
    assert.deepEqual(decoded(header), { username: "ü", password: "??>>~~", serveraddress: "host:5000" });
  });

  it("names Docker Hub by its old address", () => {
    const header = registryAuth("docker.io", { kind: "identity-token", token: "t" });
    assert.deepEqual(decoded(header), { identitytoken: "t", serveraddress: "https://index.docker.io/v1/" });
  });

  it("carries a registry's own token", () => {
    const header = registryAuth("host", { kind: "registry-token", token: "t" });
    assert.deepEqual(decoded(header), { registrytoken: "t", serveraddress: "host" });
  });

  it("is there for anonymous users, too: without it an engine looks into the body", () => {
    assert.deepEqual(decoded(registryAuth("host", undefined)), {});
  });
});
