/** The changefeed's parameters and its JSON. Notary v1: changefeed. */

import type { Change, ChangeQuery } from "../storage/change.ts";
import { WireError } from "./wire-error.ts";

const defaultRecords = 100;
/** Consumers continue from the last ID they received, so one answer stays small for both sides. */
const maxRecords = 10_000;

/** Reads what of the changefeed a request wants. @throws WireError `INVALID_PARAMETERS` */
export function parseChangeQuery(gun: string | undefined, query: URLSearchParams): ChangeQuery {
  const records = parseInteger("records", query.get("records") ?? "");
  const changeId = query.get("change_id") ?? "";
  const from = changeId === "" ? 0 : parseInteger("change_id", changeId);
  if (from < 0) throw invalid("change_id", changeId);
  const limit = Math.min(Math.abs(records) || defaultRecords, maxRecords);
  return { gun, from, limit, backwards: records < 0 };
}

/** Writes changes as clients of Notary v1 read them. */
export function changefeedJson(changes: readonly Change[]): string {
  const records = changes.map((change) => ({
    ID: String(change.id),
    CreatedAt: change.createdAt.toISOString(),
    GUN: change.gun,
    Version: change.version,
    SHA256: change.sha256,
    Category: change.category,
  }));
  return JSON.stringify({ count: records.length, records });
}

function parseInteger(name: string, text: string): number {
  const value = /^[+-]?\d{1,15}$/u.test(text) ? Number(text) : undefined;
  if (value === undefined) throw invalid(name, text);
  return value;
}

/** The words are the reference's, which repeats its parser's message. */
function invalid(name: string, text: string): WireError {
  const detail = `invalid ${name} parameter: strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`;
  return new WireError("INVALID_PARAMETERS", { detail });
}
