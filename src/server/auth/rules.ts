/** What the rules of the configuration allow. Nothing is allowed unless a rule says so: invariant I10. */

import { TagsealError } from "../../errors.ts";
import { gunFault } from "../http/gun.ts";
import { isUserName } from "../../login/login.ts";
import type { AuthSettings, RuleAction } from "./auth-settings.ts";

interface CheckedRule {
  readonly prefix: string;
  readonly users: ReadonlySet<string>;
  readonly actions: ReadonlySet<string>;
}

const everybody = "*";
const everything = "*";
const ruleActions: ReadonlySet<string> = new Set<RuleAction>(["pull", "push", "*"]);

/** Checked rules. */
export class Rules {
  readonly #rules: readonly CheckedRule[];

  /**
   * Values come straight from a configuration file, so every shape is checked.
   *
   * @throws TagsealError `SERVER_CONFIGURATION` for a rule that has no possible meaning
   */
  constructor({ rules = [], groups = {} }: Pick<AuthSettings, "rules" | "groups">) {
    const members = checkedGroups(groups);
    if (!Array.isArray(rules)) throw invalid("the list", "it is not a list");
    this.#rules = rules.map((rule: unknown, index) => checked(rule, members, `rule ${index + 1}`));
  }

  get isEmpty(): boolean {
    return this.#rules.length === 0;
  }

  /** Answers whether the rules allow a user all `actions` on a collection, or on the catalogue without a name. */
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

type Groups = ReadonlyMap<string, readonly string[]>;

function checkedGroups(groups: unknown): Groups {
  if (!isRecord(groups)) throw invalid("the groups", "they are not lists of users by name");
  return new Map(
    Object.entries(groups).map(([group, users]) => {
      const where = `group ${JSON.stringify(group)}`;
      return [group, checkedUsers(texts(users, where), where)];
    }),
  );
}

function checked(rule: unknown, groups: Groups, where: string): CheckedRule {
  if (!isRecord(rule)) throw invalid(where, "it has no members");
  const { prefix, users = [], groups: named = [], actions, ...others } = rule;
  const [unknown] = Object.keys(others);
  // A misspelt member would be ignored, and the rule would mean something else.
  if (unknown !== undefined) throw invalid(where, `there is no ${JSON.stringify(unknown)} in a rule`);
  const people = texts(users, where);
  const members = texts(named, where).flatMap((group) => groups.get(group) ?? unknownGroup(where, group));
  if (people.length === 0 && members.length === 0) throw invalid(where, "neither users nor groups are named");
  checkedUsers(
    people.filter((user) => user !== everybody),
    where,
  );
  return {
    prefix: checkedPrefix(prefix, where),
    users: new Set([...people, ...members]),
    actions: new Set(checkedActions(texts(actions, where), where)),
  };
}

function checkedPrefix(prefix: unknown, where: string): string {
  const text = typeof prefix === "string" ? prefix : "";
  const fault = text === everything ? undefined : gunFault(text.replace(/\/$/u, ""));
  if (fault === undefined) return text;
  throw invalid(where, `prefix ${JSON.stringify(prefix)} fits no name: ${fault}`);
}

function checkedActions(actions: readonly string[], where: string): readonly string[] {
  const unknown = actions.find((action) => !ruleActions.has(action));
  if (unknown !== undefined)
    throw invalid(where, `expected the actions pull, push or *, found ${JSON.stringify(unknown)}`);
  if (actions.length === 0) throw invalid(where, "no actions are named");
  return actions;
}

function checkedUsers(users: readonly string[], where: string): readonly string[] {
  for (const user of users) {
    if (user === everybody) throw invalid(where, "* is not the name of a user; write it under users in a rule");
    if (!isUserName(user)) throw invalid(where, `${JSON.stringify(user)} cannot be a user's name`);
  }
  return users;
}

function texts(value: unknown, where: string): readonly string[] {
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
  throw invalid(where, `expected a list of texts, found ${JSON.stringify(value)}`);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function unknownGroup(where: string, group: string): never {
  throw invalid(where, `there is no group ${JSON.stringify(group)}`);
}

function invalid(where: string, reason: string): TagsealError {
  return new TagsealError("SERVER_CONFIGURATION", `Cannot use ${where} of the access rules: ${reason}`);
}
