/**
 * Casts a written value to the kind of its setting. Numbers and booleans may be written as texts and the other way round, as Notary's reader (viper)
 * casts them; but a value that viper turns into zero or false because it cannot parse it is refused here.
 */

import { isAbsolute, resolve } from "node:path";
import type { JsonValue } from "../../encoding/json.ts";
import type { Setting } from "./setting-table.ts";

/**
 * The value of a setting as written, cast to its kind.
 *
 * @param directory what a relative `file` is relative to
 * @returns undefined for a value that is not of this kind
 */
export function valueOf(setting: Setting, value: JsonValue, directory: string | undefined): JsonValue | undefined {
  switch (setting.kind) {
    case "text":
      return textOf(setting, value);
    case "file":
      return typeof value === "string" ? absolute(value, directory) : undefined;
    case "number":
      return numberOf(value);
    case "boolean":
      return booleanOf(value);
    case "duration":
      return typeof value === "string" ? durationMs(value) : undefined;
    case "names":
      return namesOf(setting, value);
    case "json":
      break;
  }
  return value;
}

function textOf({ anyCase }: Setting, value: JsonValue): string | undefined {
  // Notary's ports are texts, and people write numbers
  const text = typeof value === "number" ? String(value) : value;
  if (typeof text !== "string") return undefined;
  return anyCase === true ? text.toLowerCase() : text;
}

function numberOf(value: JsonValue): number | undefined {
  const number = typeof value === "string" && /^\d{1,15}$/u.test(value) ? Number(value) : value;
  return typeof number === "number" && Number.isSafeInteger(number) && number >= 0 ? number : undefined;
}

/** Go's spellings: https://pkg.go.dev/strconv#ParseBool */
const spellings: ReadonlyMap<JsonValue, boolean> = new Map<JsonValue, boolean>([
  ...([true, 1, "1", "t", "T", "true", "True", "TRUE"] as const).map((yes) => [yes, true] as const),
  ...([false, 0, "0", "f", "F", "false", "False", "FALSE"] as const).map((no) => [no, false] as const),
]);

function booleanOf(value: JsonValue): boolean | undefined {
  return spellings.get(value);
}

function namesOf({ spaced }: Setting, value: JsonValue): JsonValue | undefined {
  const items = typeof value === "string" ? separated(value, spaced === true) : value;
  return Array.isArray(items) && items.every((item) => typeof item === "string") ? items : undefined;
}

function separated(text: string, isSpaced: boolean): string[] {
  const items = isSpaced ? text.split(/[\s,]+/u) : text.split(",").map((item) => item.trim());
  return isSpaced ? items.filter((item) => item !== "") : items;
}

function absolute(path: string, directory: string | undefined): string {
  return path === "" || isAbsolute(path) || directory === undefined ? path : resolve(directory, path);
}

const unitMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds in `90s`, `15m`, `24h`, `30d`; undefined for anything else. */
export function durationMs(text: string): number | undefined {
  const [, digits, unit] = /^(\d{1,6})([smhd])$/u.exec(text) ?? [];
  return digits === undefined || unit === undefined ? undefined : Number(digits) * (unitMs[unit] ?? 0);
}
