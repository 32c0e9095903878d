import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseImageReference } from "../reference/image-reference.ts";
import { scopeFault, scopesOf } from "./scope.ts";

describe("scopes", () => {
  it("of an image, the most specific first", () => {
    assert.deepEqual(scopesOf(parseImageReference("eu.registry.example.com:5000/team/app:v1")), [
      "eu.registry.example.com:5000/team/app:v1",
      "eu.registry.example.com:5000/team/app",
      "eu.registry.example.com:5000/team",
      "eu.registry.example.com:5000",
      "*.registry.example.com:5000",
      "*.example.com:5000",
      "*.com:5000",
    ]);
  });

  it("of a short name are those of Docker Hub", () => {
    assert.deepEqual(scopesOf(parseImageReference("redis:7")), [
      "docker.io/library/redis:7",
      "docker.io/library/redis",
      "docker.io/library",
      "docker.io",
      "*.io",
    ]);
  });

  it("of a digest alone have no tag; an address has no domains", () => {
    const digest = `sha256:${"1".repeat(64)}`;
    assert.deepEqual(scopesOf(parseImageReference(`[::1]:5000/app@${digest}`)), ["[::1]:5000/app", "[::1]:5000"]);
  });

  it("are hosts, paths, repositories and tags as they are looked up", () => {
    const good = [
      "docker.io",
      "docker.io/library",
      "docker.io/me",
      "localhost",
      "localhost:5000",
      "r.example.com/a/b:v1",
      "*.example.com",
    ];
    assert.deepEqual(
      good.map(scopeFault),
      good.map(() => undefined),
    );
    for (const bad of [
      "redis",
      "docker.io/",
      "/x",
      "*",
      "*.",
      "a.example.com/*",
      "index.docker.io/library/redis",
      "r.example.com/a@sha256:12",
    ])
      assert.notEqual(scopeFault(bad), undefined, bad);
  });
});
