/** One page of a server's changefeed: hostile until parsed here. */

import { isJsonObject, parseOrdinaryJson, type JsonValue } from "../encoding/json.ts";
import { hasCode, NetworkError } from "../errors.ts";
import { gunFault } from "../server/http/gun.ts";
import type { Change } from "../server/storage/change.ts";
import { highestVersion } from "../tuf/collection-draft.ts";

/**
 * The changes of a page, in the order of the server.
 *
 * @throws NetworkError `RESPONSE_MALFORMED`
 */
export function changesIn(bytes: Uint8Array, url: string): readonly Change[] {
  const answer = json(bytes);
  const records = isJsonObject(answer) ? (answer["records"] ?? []) : undefined;
  if (!Array.isArray(records)) throw changefeedMalformed(url, "it has no list of records");
  return records.map((record: JsonValue) => changeIn(record, url));
}

function changeIn(record: JsonValue, url: string): Change {
  const { ID, CreatedAt, GUN, Version, SHA256, Category } = isJsonObject(record) ? record : {};
  const id = typeof ID === "string" && /^\d{1,15}$/u.test(ID) ? Number(ID) : 0;
  const createdAt = new Date(typeof CreatedAt === "string" ? CreatedAt : Number.NaN);
  if (typeof GUN !== "string" || gunFault(GUN) !== undefined)
    throw changefeedMalformed(url, `change ${id} names no repository`);
  if (typeof Version !== "number" || Number.isNaN(createdAt.getTime()) || id === 0)
    throw changefeedMalformed(url, "a record has no ID, time or version");
  const sha256 = typeof SHA256 === "string" ? SHA256.trim() : "";
  if (!Number.isInteger(Version) || Version < 0 || Version > highestVersion)
    throw changefeedMalformed(url, `change ${id} has an invalid version`);
  if (Category === "deletion") return { id, createdAt, gun: GUN, version: 0, sha256: "", category: "deletion" };
  if (/^[0-9a-f]{64}$/u.test(sha256)) return { id, createdAt, gun: GUN, version: Version, sha256, category: "update" };
  throw changefeedMalformed(url, `change ${id} has no hash`);
}

/** The error for a changefeed that cannot be used. @param reason completes "the changefeed of … cannot be used: …" */
export function changefeedMalformed(url: string, reason: string): NetworkError {
  return new NetworkError("RESPONSE_MALFORMED", `the changefeed of ${url} cannot be used: ${reason}`);
}

function json(bytes: Uint8Array): JsonValue | undefined {
  try {
    return parseOrdinaryJson(bytes);
  } catch (error) {
    if (hasCode(error, "JSON_MALFORMED")) return undefined;
    throw error;
  }
}
