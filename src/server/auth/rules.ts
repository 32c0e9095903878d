/** What the rules of the configuration allow. Nothing, unless one says so: invariant I10. */

import { TagsealError } from "../../errors.ts";
import { gunFault } from "../http/gun.ts";
import { isUserName } from "./login.ts";
import type { AccessRule, AuthSettings, RuleAction } from "./auth-settings.ts";

interface CheckedRule {
  readonly prefix: string;
  readonly users: ReadonlySet<string>;
  readonly actions: ReadonlySet<string>;
}

const everybody = "*";
const everything = "*";
const ruleActions: ReadonlySet<string> = new Set<RuleAction>(["pull", "push", "*"]);

/** Rules that make sense, ready to be asked. */
export class Rules {
  readonly #rules: readonly CheckedRule[];

  /** @throws TagsealError `SERVER_CONFIGURATION` for a rule that nobody can have meant */
  constructor({ rules = [], groups = {} }: Pick<AuthSettings, "rules" | "groups">) {
    const members = new Map(Object.entries(groups));
    for (const [group, users] of members) requireUsers(users, `group ${JSON.stringify(group)}`);
    this.#rules = rules.map((rule, index) => checked(rule, members, `rule ${index + 1}`));
  }

  get isEmpty(): boolean {
    return this.#rules.length === 0;
  }

  /** Answers whether the rules allow a user all `actions` on a collection, or on the catalogue where there is no name. */
  allow(user: string, gun: string | undefined, actions: readonly string[]): boolean {
    const granted = new Set<string>();
    for (const rule of this.#rules) {
      if (covers(rule.prefix, gun) && (rule.users.has(user) || rule.users.has(everybody))) {
        for (const action of rule.actions) granted.add(action);
      }
    }
    return granted.has("*") || (actions.length > 0 && actions.every((action) => granted.has(action)));
  }
}

function covers(prefix: string, gun: string | undefined): boolean {
  if (prefix === everything) return true;
  if (gun === undefined) return false;
  // Without the slash, a rule for example.com/team would cover example.com/team-of-strangers.
  return prefix.endsWith("/") ? gun.startsWith(prefix) : gun === prefix;
}

function checked(rule: AccessRule, groups: ReadonlyMap<string, readonly string[]>, where: string): CheckedRule {
  const { prefix, users = [], groups: named = [], actions } = rule;
  const fault = prefix === everything ? undefined : gunFault(prefix.replace(/\/$/u, ""));
  if (fault !== undefined) throw invalid(where, `prefix ${JSON.stringify(prefix)} fits no name: ${fault}`);
  if (users.length === 0 && named.length === 0) throw invalid(where, "neither users nor groups are named");
  if (actions.length === 0) throw invalid(where, "no actions are named");
  const unknown = actions.find((action) => !ruleActions.has(action));
  if (unknown !== undefined)
    throw invalid(where, `expected the actions pull, push or *, found ${JSON.stringify(unknown)}`);
  requireUsers(
    users.filter((user) => user !== everybody),
    where,
  );
  const members = named.flatMap((group) => groups.get(group) ?? unknownGroup(where, group));
  return { prefix, users: new Set([...users, ...members]), actions: new Set(actions) };
}

function requireUsers(users: readonly string[], where: string): void {
  for (const user of users) {
    if (user === everybody) throw invalid(where, "* is nobody's name; write it under users in a rule");
    if (!isUserName(user)) throw invalid(where, `${JSON.stringify(user)} cannot be a user's name`);
  }
}

function unknownGroup(where: string, group: string): never {
  throw invalid(where, `there is no group ${JSON.stringify(group)}`);
}

function invalid(where: string, reason: string): TagsealError {
  return new TagsealError("SERVER_CONFIGURATION", `Cannot use ${where} of the access rules: ${reason}`);
}
