import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { GatewayRefusal } from "./gateway-refusal.ts";
import { servedName } from "./served-name.ts";

function named(path: string, query = "", registry?: string): string {
  const { registry: host, repository } = servedName(path, new URLSearchParams(query), registry);
  return `${host}/${repository}`;
}

describe("the repository that a request to the gateway names", () => {
  it("is in the path, in the query of a mirror, or in the one registry that is served", () => {
    assert.equal(named("registry.example.com/team/app"), "registry.example.com/team/app");
    assert.equal(named("localhost_5000/team/app"), "localhost:5000/team/app");
    assert.equal(named("team/app", "ns=registry.example.com"), "registry.example.com/team/app");
    assert.equal(named("team/app", "", "registry.example.com"), "registry.example.com/team/app");
    assert.equal(named("team/app", "ns=other.example.com", "registry.example.com"), "other.example.com/team/app");
  });

  it("may name the one registry that is served, as engines do that ask a gateway for several", () => {
    assert.equal(named("localhost_5000/team/app", "", "localhost:5000"), "localhost:5000/team/app");
    assert.equal(named("docker.io/redis", "", "docker.io"), "docker.io/library/redis");
    assert.equal(
      named("other.example.com/app", "", "registry.example.com"),
      "registry.example.com/other.example.com/app",
    );
    assert.equal(named("localhost_5000x/app", "", "localhost:5000"), "localhost:5000/localhost_5000x/app");
  });

  it("I9: of Docker Hub has one name, however it is spelt, so that its rules are the same", () => {
    for (const host of ["docker.io", "index.docker.io", "registry-1.docker.io"]) {
      assert.equal(named("library/redis", `ns=${host}`), "docker.io/library/redis", host);
      assert.equal(named("redis", "", host), "docker.io/library/redis", host);
      assert.equal(named(`${host}/redis`), "docker.io/library/redis", host);
    }
  });

  it("I9: is refused where registry or repository could be read in two ways", () => {
    for (const [path, query] of [
      ["team/app", "ns=team"],
      ["team/app", "ns=a.example.com&ns=b.example.com"],
      ["team/app", "ns=a.example.com/b"],
      ["team/../app", "ns=a.example.com"],
      ["TEAM/app", "ns=a.example.com"],
    ] as const)
      assert.throws(() => named(path, query), isRefusal(400), `${path} ${query}`);
    for (const path of ["team/app", "app"]) assert.throws(() => named(path), isRefusal(404), path);
  });
});

function isRefusal(status: number): (error: unknown) => boolean {
  return (error) => error instanceof GatewayRefusal && error.status === status;
}
