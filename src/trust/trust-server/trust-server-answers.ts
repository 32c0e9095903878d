/** Parsers of the answers of a trust server other than metadata files: its keys, the end of its changefeed, its refusals. */

import { PublicKey } from "../../crypto/public-key.ts";
import { decodeBase64 } from "../../encoding/base64.ts";
import { isJsonObject, type JsonValue, parseJson } from "../../encoding/json.ts";
import { hasCode } from "../../errors.ts";
import type { HttpResponse } from "../../http/client/http-response.ts";
import { serverRefusal } from "./server-refusal.ts";

/** Of the body of a refusal. Old clients read 1 KiB of it and then often cannot parse it. */
export const maxErrorBytes = 64 * 1024;

/** The public key of a role; undefined when the body has none. */
export function serverKeyIn(body: Uint8Array): PublicKey | undefined {
  try {
    const key = parseJson(body);
    const value = isJsonObject(key) ? key["keyval"] : undefined;
    if (!isJsonObject(key) || !isJsonObject(value)) return undefined;
    const { keytype } = key;
    const text = value["public"];
    return typeof keytype === "string" && typeof text === "string"
      ? new PublicKey(keytype, decodeBase64(text))
      : undefined;
  } catch (error) {
    if (hasCode(error, "JSON_MALFORMED", "BASE64_MALFORMED", "TOO_LARGE")) return undefined;
    throw error;
  }
}

/** The category of the last change in a changefeed. @throws EncodingError `JSON_MALFORMED`, `TOO_LARGE` */
export function lastCategoryIn(body: Uint8Array): JsonValue | undefined {
  const feed = parseJson(body);
  const records = isJsonObject(feed) ? feed["records"] : undefined;
  const last = Array.isArray(records) ? records.at(-1) : undefined;
  return isJsonObject(last) ? last["Category"] : undefined;
}

/** The error for an answer whose status is not 200. @param subject what was asked for @param login the command that logs in, for hints */
export async function refusalOf(response: HttpResponse, subject: string, login: string | undefined): Promise<Error> {
  return serverRefusal({ status: response.status, subject, login, body: await errorBody(response) });
}

/** The status alone is enough to act on: an unreadable body must not hide it. */
async function errorBody(response: HttpResponse): Promise<Uint8Array> {
  try {
    return await response.bytes(maxErrorBytes);
  } catch (error) {
    if (hasCode(error, "CANCELLED") || !(error instanceof Error)) throw error;
    return new Uint8Array();
  }
}
