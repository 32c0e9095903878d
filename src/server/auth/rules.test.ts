import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { AuthSettings } from "./auth-settings.ts";
import { Rules } from "./rules.ts";

type RuleSettings = Pick<AuthSettings, "rules" | "groups">;

const rules = new Rules({
  groups: { release: ["bob", "carol"] },
  rules: [
    { prefix: "*", users: ["*"], actions: ["pull"] },
    { prefix: "example.com/team/", users: ["alice"], actions: ["push"] },
    { prefix: "example.com/app", groups: ["release"], actions: ["pull", "push"] },
    { prefix: "example.com/", users: ["carol"], actions: ["*"] },
    { prefix: "*", users: ["root"], actions: ["*"] },
  ],
});

describe("access rules", () => {
  const cases: readonly (readonly [user: string, gun: string | undefined, actions: string, allowed: boolean])[] = [
    ["dave", "anything/at/all", "pull", true],
    ["dave", "example.com/team/app", "push,pull", false],
    ["alice", "example.com/team/app", "push,pull", true],
    ["alice", "example.com/team/deep/app", "push,pull", true],
    ["alice", "example.com/team/app", "*", false],
    ["alice", "example.com/team", "push,pull", false],
    ["alice", "example.com/team-of-strangers/app", "push,pull", false],
    ["Alice", "example.com/team/app", "push,pull", false],
    ["bob", "example.com/app", "push,pull", true],
    ["bob", "example.com/app/more", "push,pull", false],
    ["bob", "example.com/app2", "push,pull", false],
    ["carol", "example.com/app", "*", true],
    ["carol", "example.com/app", "push,pull", true],
    ["carol", undefined, "*", false],
    ["root", undefined, "*", true],
    ["root", "example.com/app", "*", true],
    ["release", "example.com/app", "push,pull", false],
    ["dave", undefined, "*", false],
    ["dave", undefined, "pull", true],
  ];
  for (const [user, gun, actions, allowed] of cases) {
    it(`I10: ${allowed ? "let" : "do not let"} ${user} ${actions} ${gun ?? "the catalogue"}`, () => {
      assert.equal(rules.allow(user, gun, actions.split(",")), allowed);
    });
  }

  it("I9: allow nothing when there are none, and nothing to a request without actions", () => {
    assert.equal(new Rules({}).allow("root", "a", ["pull"]), false);
    assert.equal(rules.allow("dave", "a", []), false);
  });

  const refused: Readonly<Record<string, { settings: RuleSettings; message: RegExp }>> = {
    "an empty prefix": {
      settings: { rules: [{ prefix: "", users: ["a"], actions: ["pull"] }] },
      message: /prefix ""/u,
    },
    "a prefix with a star": {
      settings: { rules: [{ prefix: "a/*", users: ["a"], actions: ["pull"] }] },
      message: /prefix "a\/\*" fits no name/u,
    },
    "a prefix with two slashes": {
      settings: { rules: [{ prefix: "a//", users: ["a"], actions: ["pull"] }] },
      message: /prefix/u,
    },
    "no users": {
      settings: { rules: [{ prefix: "a/", actions: ["pull"] }] },
      message: /rule 1 .*neither users nor groups/u,
    },
    "no actions": { settings: { rules: [{ prefix: "a/", users: ["a"], actions: [] }] }, message: /no actions/u },
    "an unknown action": {
      settings: { rules: [{ prefix: "a/", users: ["a"], actions: ["delete" as "push"] }] },
      message: /"delete"/u,
    },
    "an unknown group": {
      settings: { rules: [{ prefix: "a/", groups: ["nobody"], actions: ["pull"] }] },
      message: /no group "nobody"/u,
    },
    "a user without a name": {
      settings: { rules: [{ prefix: "a/", users: [""], actions: ["pull"] }] },
      message: /"" cannot be a user/u,
    },
    "a misspelt member": {
      settings: { rules: [{ prefix: "a/", user: ["a"], users: ["b"], actions: ["pull"] } as never] },
      message: /there is no "user"/u,
    },
    "one user instead of a list": {
      settings: { rules: [{ prefix: "a/", users: "*", actions: ["pull"] } as never] },
      message: /expected a list of texts, found "\*"/u,
    },
    "no actions at all": { settings: { rules: [{ prefix: "a/", users: ["a"] } as never] }, message: /list of texts/u },
    "no prefix at all": {
      settings: { rules: [{ users: ["a"], actions: ["pull"] } as never] },
      message: /prefix undefined fits no name/u,
    },
    "a rule that is a text": { settings: { rules: ["everything"] as never }, message: /rule 1 .*no members/u },
    "rules that are not a list": { settings: { rules: {} as never }, message: /the list .*not a list/u },
    "groups that are a list": { settings: { groups: ["a"] as never }, message: /the groups/u },
    "a group of one text": { settings: { groups: { a: "b" } as never }, message: /group "a" .*list of texts/u },
    "a group of all users": { settings: { groups: { all: ["*"] } }, message: /group "all" .*not the name of a user/u },
  };
  for (const [what, { settings, message }] of Object.entries(refused)) {
    it(`are refused with ${what}`, () => {
      assert.throws(() => new Rules(settings), { code: "SERVER_CONFIGURATION", message });
    });
  }
});
