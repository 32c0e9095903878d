import { readFileSync, statSync } from "node:fs";
import { isJsonObject, type JsonValue, parseOrdinaryJson } from "../encoding/json.ts";
import { hasCode, UsageError } from "../errors.ts";

const maxBytes = 1024 * 1024;

/**
 * The address of the database that a configuration file of notary-server or notary-signer names (`storage.db_url`), so that its password
 * does not have to be typed.
 *
 * @throws UsageError `FILE_UNREADABLE`; `USAGE` when it names none that can be read
 * @see Notary v1: configuration files
 */
export function databaseInConfiguration(path: string): string {
  const storage = member(readConfiguration(path), "storage");
  const [backend, url] = [member(storage, "backend"), member(storage, "db_url")];
  if (typeof url === "string" && typeof backend === "string" && ["mysql", "postgres", "sqlite3"].includes(backend))
    return url;
  throw new UsageError(
    "USAGE",
    `${path} names no database that can be read: its storage.backend is ${JSON.stringify(backend)}`,
    {
      hint: "Use mysql, postgres or sqlite3, or import from the running server: tagseal import notary-server URL",
    },
  );
}

function readConfiguration(path: string): JsonValue {
  try {
    if (statSync(path).size > maxBytes) throw new UsageError("TOO_LARGE", `${path} has more than ${maxBytes} bytes`);
    return parseOrdinaryJson(readFileSync(path));
  } catch (cause) {
    if (hasCode(cause, "TOO_LARGE")) throw cause;
    const reason = hasCode(cause, "JSON_MALFORMED") ? `: ${cause.message}` : "";
    throw new UsageError("FILE_UNREADABLE", `Cannot read the configuration ${path}${reason}`, { cause });
  }
}

function member(value: JsonValue | undefined, name: string): JsonValue | undefined {
  return isJsonObject(value) ? value[name] : undefined;
}
