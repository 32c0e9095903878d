import { isJsonObject, parseJson } from "../../encoding/json.ts";
import { hasCode } from "../../errors.ts";

/** Above this size, a version is read from the end of the file instead of parsing all of it. */
const parseWholeBytes = 64 * 1024;

/** The version that a role file claims; undefined when it is not a role file. Only used to choose between files that were verified when written. */
export function claimedVersion(bytes: Uint8Array): number | undefined {
  if (bytes.length <= parseWholeBytes) return parsedVersion(bytes);
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const end = text.lastIndexOf('},"signatures":[');
  const match = end < 0 ? null : /"version":(\d{1,15})$/.exec(text.toString("latin1", Math.max(0, end - 40), end));
  return match === null ? parsedVersion(bytes) : Number(match[1]);
}

function parsedVersion(bytes: Uint8Array): number | undefined {
  try {
    const file = parseJson(bytes);
    const signed = isJsonObject(file) ? file["signed"] : undefined;
    const version = isJsonObject(signed) ? signed["version"] : undefined;
    return typeof version === "number" ? version : undefined;
  } catch (error) {
    if (hasCode(error, "JSON_MALFORMED", "TOO_LARGE")) return undefined;
    throw error;
  }
}
