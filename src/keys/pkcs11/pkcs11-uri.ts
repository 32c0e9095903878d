/** URIs of keys and tokens, as RFC 7512 has them: `pkcs11:token=…;object=…?module-path=…`. */
import { isAbsolute } from "node:path";
import { KeyStoreError } from "../../errors.ts";

/** What a URI says. A token or an object matches when everything that is there is equal. */
export interface Pkcs11Uri {
  readonly token?: string;
  readonly serial?: string;
  readonly manufacturer?: string;
  readonly model?: string;
  readonly slotId?: number;
  /** the label of a key */
  readonly object?: string;
  /** CKA_ID of a key */
  readonly id?: Buffer;
  /** absolute path of the PKCS#11 module */
  readonly modulePath?: string;
  /** absolute path of a file with the PIN */
  readonly pinSource?: string;
}

const pathNames = ["token", "serial", "manufacturer", "model", "slot-id", "object", "id", "type"];
const queryNames = ["module-path", "pin-source"];

/**
 * Reads a URI. What it does not know it refuses: a part that was ignored could be the one that tells two keys apart.
 *
 * @throws KeyStoreError `KEY_URI_INVALID`; no message holds more of the URI than the name of a part
 */
export function parsePkcs11Uri(uri: string): Pkcs11Uri {
  const [, path = "", query] =
    /^pkcs11:([^?#]*)(?:\?([^?#]*))?$/.exec(uri) ?? refuse("it is not one of the form pkcs11:PART=VALUE;…");
  const parts = attributes(path, ";", pathNames);
  const queries = attributes(query ?? "", "&", queryNames);
  if (!["private", "public", undefined].includes(text(parts, "type"))) refuse("its type is not private or public");
  return compact({
    token: text(parts, "token"),
    serial: text(parts, "serial"),
    manufacturer: text(parts, "manufacturer"),
    model: text(parts, "model"),
    slotId: slotId(text(parts, "slot-id")),
    object: text(parts, "object"),
    id: parts.get("id"),
    modulePath: absolutePath("module-path", text(queries, "module-path")),
    pinSource: absolutePath("pin-source", text(queries, "pin-source")?.replace(/^file:(?:\/\/(?=\/))?/, "")),
  });
}

/** Writes a URI that reads back as the same. */
export function formatPkcs11Uri(uri: Pkcs11Uri): string {
  const parts = [
    ["token", uri.token],
    ["serial", uri.serial],
    ["manufacturer", uri.manufacturer],
    ["model", uri.model],
    ["slot-id", uri.slotId?.toString()],
    ["object", uri.object],
    ["id", uri.id],
  ] as const;
  const queries = [
    ["module-path", uri.modulePath],
    ["pin-source", uri.pinSource === undefined ? undefined : `file:${uri.pinSource}`],
  ] as const;
  const query = written(queries, "&");
  return `pkcs11:${written(parts, ";")}${query === "" ? "" : `?${query}`}`;
}

function written(parts: readonly (readonly [string, string | Buffer | undefined])[], separator: string): string {
  return parts.flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${encoded(value)}`])).join(separator);
}

/** An ID is written in bytes, as other programs write it; in text, what has no meaning in a URI stays readable. */
function encoded(value: string | Buffer): string {
  if (typeof value === "string") return encodeURIComponent(value).replaceAll("%2F", "/").replaceAll("%3A", ":");
  return [...value].map((byte) => `%${byte.toString(16).padStart(2, "0").toUpperCase()}`).join("");
}

function attributes(given: string, separator: string, known: readonly string[]): Map<string, Buffer> {
  const found = new Map<string, Buffer>();
  for (const part of given === "" ? [] : given.split(separator)) {
    const [, name = "", value = ""] = /^([a-z0-9_-]+)=(.*)$/.exec(part) ?? refuse("a part of it is not NAME=VALUE");
    if (name === "pin-value") refusePin();
    if (!known.includes(name)) refuse(`"${name}" is not supported there; it may have ${known.join(", ")}`);
    if (found.has(name)) refuse(`"${name}" is given twice`);
    if (value === "") refuse(`"${name}" is empty`);
    found.set(name, decoded(name, value));
  }
  return found;
}

function decoded(name: string, value: string): Buffer {
  if (!/^(?:[^%]|%[0-9A-Fa-f]{2})*$/.test(value))
    refuse(`"${name}" has a % that is not followed by two hexadecimal digits`);
  const bytes = value.match(/%..|[^%]/gs) ?? [];
  return Buffer.from(
    bytes.map((byte) => (byte.length === 1 ? byte.charCodeAt(0) : Number.parseInt(byte.slice(1), 16))),
  );
}

function text(parts: ReadonlyMap<string, Buffer>, name: string): string | undefined {
  const bytes = parts.get(name);
  if (bytes === undefined) return undefined;
  const value = bytes.toString("utf8");
  if (!Buffer.from(value).equals(bytes) || /\p{Cc}/u.test(value)) refuse(`"${name}" is not text`);
  return value;
}

function slotId(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  return /^\d{1,10}$/.test(value) ? Number(value) : refuse(`"slot-id" is not a number`);
}

function absolutePath(name: string, value: string | undefined): string | undefined {
  if (value === undefined || isAbsolute(value)) return value;
  return refuse(`"${name}" is not an absolute path`);
}

function compact(uri: { readonly [Name in keyof Pkcs11Uri]: Pkcs11Uri[Name] | undefined }): Pkcs11Uri {
  return Object.fromEntries(Object.entries(uri).filter(([, value]) => value !== undefined));
}

function refuse(reason: string): never {
  throw new KeyStoreError("KEY_URI_INVALID", `Cannot read the pkcs11 URI: ${reason}`, {
    hint: "List the tokens and their URIs: tagseal trust key tokens",
  });
}

function refusePin(): never {
  throw new KeyStoreError(
    "KEY_URI_INVALID",
    "Cannot read the pkcs11 URI: it holds a PIN, which other users can see in the list of processes",
    {
      hint: "Change that PIN. Give the new one at the prompt, in TAGSEAL_TOKEN_PIN, or with pin-source=file:/PATH.",
    },
  );
}
