import assert from "node:assert/strict";
import { test } from "node:test";
import { isBaseRole, isDelegation, isDirectChild, isRoleName, isWithin, parentOf } from "./role-name.ts";

const wellFormed = ["targets/releases", "targets/a/b", "targets/a-b_c/0", `targets/${"x".repeat(247)}`];
const malformed = [
  "targets",
  "targets/",
  "targets//a",
  "targets/a/",
  "targets/A",
  "targets/a.b",
  "targets/../root",
  "targets/a b",
  "target/a",
  "root/a",
  "targets/a\n",
  "",
  `targets/${"x".repeat(248)}`,
];

for (const name of wellFormed) {
  test(`${name.slice(0, 40)} (${name.length} characters) is a delegation`, () => assert.ok(isDelegation(name)));
}
for (const name of malformed) {
  test(`${JSON.stringify(name.slice(0, 40))} (${name.length} characters) is no delegation`, () =>
    assert.ok(!isDelegation(name)));
}

test("there are four base roles", () => {
  for (const name of ["root", "targets", "snapshot", "timestamp"]) assert.ok(isBaseRole(name) && isRoleName(name));
  assert.ok(!isBaseRole("Root"));
  assert.ok(isRoleName("targets/a"));
  assert.ok(!isRoleName("mirrors"));
});

test("a delegation is declared by the role above it, and there only", () => {
  assert.equal(parentOf("targets/a/b"), "targets/a");
  assert.equal(parentOf("targets/a"), "targets");
  assert.ok(isDirectChild("targets", "targets/a"));
  assert.ok(!isDirectChild("targets", "targets/a/b"));
  assert.ok(!isDirectChild("targets/a", "targets/b/a"));
  assert.ok(!isDirectChild("targets", "root"));
});

test("a role is within itself and its ancestors, not within a role that only shares the beginning of its name", () => {
  assert.ok(isWithin("targets/a/b", "targets/a"));
  assert.ok(isWithin("targets/a", "targets/a"));
  assert.ok(!isWithin("targets/ab", "targets/a"));
});
