import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fuzzRuns } from "../../test/support/fuzz.ts";
import { hasCode } from "../errors.ts";
import { parseChallenges } from "./challenge.ts";

function plain(header: string): [string, Record<string, string>][] {
  return parseChallenges(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);
}

test("reads a Bearer challenge as registries send it", () => {
  const header =
    'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push"';
  assert.deepEqual(plain(header), [
    [
      "bearer",
      { realm: "https://auth.docker.io/token", service: "registry.docker.io", scope: "repository:a/b:pull,push" },
    ],
  ]);
});

test("reads several challenges, in any case, quoted or not", () => {
  assert.deepEqual(plain('BASIC Realm=simple , bearer REALM="a \\"b\\" c", service = x'), [
    ["basic", { realm: "simple" }],
    ["bearer", { realm: 'a "b" c', service: "x" }],
  ]);
  assert.deepEqual(plain("Negotiate, Basic realm=x"), [
    ["negotiate", {}],
    ["basic", { realm: "x" }],
  ]);
  assert.deepEqual(plain(""), []);
});

test("I1: refuses an overlong challenge", () => {
  assert.throws(
    () => parseChallenges(`Bearer realm="${"x".repeat(20_000)}"`),
    (error) => hasCode(error, "RESPONSE_MALFORMED"),
  );
});

test("fuzz: I1: any header gives challenges, and quickly", () => {
  const unit = fc.constantFrom(...Array.from('Bb=",\\ \t;realm'), "Bearer ", 'scope="');
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 400 }), (header) => {
      for (const { scheme } of parseChallenges(header)) assert.match(scheme, /^\S+$/);
    }),
    { numRuns: fuzzRuns * 3 },
  );
});
