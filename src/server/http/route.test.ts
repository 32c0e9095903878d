import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { parseRoute, type Route } from "./route.ts";

const hex = "87f5d9e3f7365048df474c5cd71f697a5c095cd9ba4e471cab6e05d8c2606c40";
const gun = "localhost:5000/a/first";
const tuf = `/v2/${gun}/_trust/tuf`;

describe("routes", () => {
  const known: [string, Route][] = [
    ["/v2/", { kind: "ping" }],
    ["/metrics", { kind: "metrics" }],
    ["/_notary_server/health", { kind: "health" }],
    ["/v2/_trust/changefeed?records=3", { kind: "changefeed", gun: undefined }],
    [`/v2/${gun}/_trust/changefeed`, { kind: "changefeed", gun }],
    [`${tuf}/`, { kind: "collection", gun }],
    [`${tuf}/timestamp.key`, { kind: "key", gun, role: "timestamp" }],
    [`${tuf}/snapshot.key?x=1`, { kind: "key", gun, role: "snapshot" }],
    [`${tuf}/timestamp.json`, { kind: "current", gun, role: "timestamp" }],
    [`${tuf}/targets/releases.json`, { kind: "current", gun, role: "targets/releases" }],
    [`${tuf}/targets/a/b.${hex}.json`, { kind: "checksum", gun, role: "targets/a/b", checksum: hex }],
    [
      `${tuf}/targets.${hex.toUpperCase()}.json`,
      { kind: "checksum", gun, role: "targets", checksum: hex.toUpperCase() },
    ],
    [`${tuf}/targets.${hex}${hex}.json`, { kind: "checksum", gun, role: "targets", checksum: hex + hex }],
    [`${tuf}/01.root.json`, { kind: "version", gun, role: "root", version: 1 }],
    [`${tuf}/7.targets/releases.json`, { kind: "version", gun, role: "targets/releases", version: 7 }],
    ["/v2/localhost%3A5000/a/first/_trust/tuf/root.json", { kind: "current", gun, role: "root" }],
    ["/v2/x/_trust/tuf/targets/_trust/tuf.json", { kind: "current", gun: "x", role: "targets/_trust/tuf" }],
    ["/v2/../_trust/tuf/root.json", { kind: "current", gun: "..", role: "root" }],
  ];
  for (const [target, route] of known) {
    it(`finds ${target.slice(0, 70)}`, () => assert.deepEqual(parseRoute(target), route));
  }

  const unknown = [
    "/",
    "/v2",
    "/v2//",
    "",
    "*",
    `/v2/${gun}/_trust/tuf`,
    `${tuf}/targets.key`,
    `${tuf}/root.key`,
    `${tuf}/nosuch.json`,
    `${tuf}/root`,
    `${tuf}/root.${hex.slice(1)}.json`,
    `${tuf}/1.root.${hex}.json`,
    `${tuf}/99999999999.root.json`,
    `${tuf}/targets/.json`,
    `${tuf}/targets/A.json`,
    `${tuf}/targets/../root.json`,
    `${tuf}/../tuf/root.json`,
    "/v2/_trust/tuf/root.json",
    "/v2/%zz/_trust/tuf/root.json",
    "/v2/%ff/_trust/tuf/root.json",
    "/v1/x/_trust/tuf/root.json",
  ];
  for (const target of unknown) {
    it(`knows nothing of ${JSON.stringify(target.slice(0, 60))}`, () => assert.equal(parseRoute(target), undefined));
  }

  it("answers any request target without an error", () => {
    fc.assert(fc.property(fc.string(), (text) => void parseRoute(`/v2/${text}/_trust/tuf/${text}.json`)));
  });
});
