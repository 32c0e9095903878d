import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { erasedKeys, loginAddress } from "./login-address.ts";

const hub = "https://index.docker.io/v1/";

describe("the server of a login", () => {
  it("is Docker Hub without a name, and by its names", () => {
    for (const typed of [undefined, "", "docker.io", hub])
      assert.deepEqual(loginAddress(typed), { key: hub, registry: "docker.io" });
  });

  it("is a host and a port, whatever scheme and path stand around", () => {
    for (const [typed, key] of [
      ["r.example", "r.example"],
      ["r.example:5000", "r.example:5000"],
      ["r.example/team/app", "r.example"],
      ["https://r.example/v2/", "r.example"],
      ["http://r.example:80/v1/", "r.example:80"],
      ["https://me@r.example:5000", "r.example:5000"],
      ["[::1]:5000", "[::1]:5000"],
    ] as const)
      assert.deepEqual(loginAddress(typed), { key, registry: key }, typed);
  });

  it("is refused where it is no host and port, before anything is sent", () => {
    for (const typed of ["a b", "r.example:port", "r.example:99999", "user@r.example", ":5000", "https://"])
      assert.throws(() => loginAddress(typed), { code: "USAGE" }, typed);
  });

  it("is erased under each name that docker erases", () => {
    assert.deepEqual(erasedKeys("r.example"), ["r.example", "http://r.example", "https://r.example"]);
    assert.deepEqual(erasedKeys(), [hub, `${hub}access-token`, `${hub}refresh-token`]);
  });
});
