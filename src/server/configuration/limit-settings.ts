/** Reads and checks `repositories.limits`: a misread limit would be no limit. */

import { isJsonObject, type JsonValue } from "../../encoding/json.ts";
import { TagsealError } from "../../errors.ts";
import { gunFault } from "../http/gun.ts";
import { everyName, type UsageLimit } from "../storage/usage-limit.ts";

/** The metrics have four lines for each. */
const maxLimits = 1000;

/**
 * Checks a list of limits.
 *
 * @param value undefined for none
 * @throws TagsealError `SERVER_CONFIGURATION` for a limit that has no possible meaning
 */
export function usageLimits(value: JsonValue | undefined): readonly UsageLimit[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw invalid("the list", "it is not a list");
  if (value.length > maxLimits) throw invalid("the list", `it has more than ${maxLimits} limits`);
  const limits = value.map((limit: JsonValue, index) => checked(limit, `limit ${index + 1}`));
  const prefixes = limits.map(({ prefix }) => prefix);
  const twice = prefixes.find((prefix, index) => prefixes.indexOf(prefix) !== index);
  if (twice !== undefined) throw invalid("the list", `there are two limits for ${twice}`);
  return limits;
}

function checked(limit: JsonValue, where: string): UsageLimit {
  if (!isJsonObject(limit)) throw invalid(where, "it has no members");
  const { prefix, repositories, bytes, ...others } = limit;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined)
    throw invalid(where, `there is no ${JSON.stringify(unknown)} in a limit, only prefix, repositories and bytes`);
  if (repositories === undefined && bytes === undefined)
    throw invalid(where, "it says neither how many repositories nor how many bytes");
  return {
    prefix: checkedPrefix(prefix, where),
    repositories: checkedNumber(repositories, where, "repositories"),
    bytes: checkedNumber(bytes, where, "bytes"),
  };
}

function checkedPrefix(prefix: JsonValue | undefined, where: string): string {
  const text = typeof prefix === "string" ? prefix.replace(/\/$/u, "") : "";
  const fault = text === everyName ? undefined : gunFault(text);
  if (fault === undefined) return text;
  throw invalid(where, `prefix ${JSON.stringify(prefix)} fits no name: ${fault}`);
}

function checkedNumber(value: JsonValue | undefined, where: string, name: string): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw invalid(where, `${name} must be a whole number, zero or more, not ${JSON.stringify(value)}`);
}

function invalid(where: string, reason: string): TagsealError {
  return new TagsealError("SERVER_CONFIGURATION", `Cannot use ${where} of repositories.limits: ${reason}`, {
    hint: 'Write each as { "prefix": "registry.example.com/team/", "repositories": 100, "bytes": 10485760 }.',
  });
}
