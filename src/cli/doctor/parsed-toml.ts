import { type JsonValue, parseOrdinaryJson } from "../../encoding/json.ts";

/**
 * Reads an engine's configuration file.
 *
 * @returns its tables as JSON, in which nothing has a prototype and dates are text; undefined when it is not TOML
 */
export async function parsedToml(text: string): Promise<JsonValue | undefined> {
  const { parse } = await import("smol-toml");
  try {
    return parseOrdinaryJson(JSON.stringify(parse(text)));
  } catch {
    return undefined; // its own error, or numbers that JSON cannot have
  }
}
