/** The entries of `auths` in docker's config.json, as docker writes them. Every other byte of the text stays as it is. */
import { withJsonMember, withoutJsonMember } from "../encoding/json-edit.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../encoding/json.ts";
import { objectAt } from "./configuration-file.ts";
import type { Credentials } from "./credentials.ts";
import type { ConfigurationText } from "./edited-configuration.ts";

/** A login that can be kept. */
export type KeptLogin = Extract<Credentials, { kind: "basic" | "identity-token" }>;

/** The entry for a login in the file. */
export function loginEntry(login: KeptLogin): JsonObject {
  if (login.kind === "basic") return { auth: auth(login.username, login.password) };
  // as docker: the user's name stays beside the token, the password does not
  const name = login.basic === undefined ? {} : { auth: auth(login.basic.username, "") };
  return { ...name, identitytoken: login.token };
}

function auth(username: string, password: string): string {
  return Buffer.from(`${username}:${password}`).toString("base64");
}

/** The entry that counts under a key. @throws UsageError `FILE_UNREADABLE` */
export function loginEntryAt(file: string, content: JsonObject, key: string): JsonValue | undefined {
  const auths = objectAt(file, content, ["auths"]);
  return Object.hasOwn(auths, key) ? auths[key] : undefined;
}

/** Answers whether an entry has exactly the members of another. */
export function isSameEntry(value: JsonValue | undefined, entry: JsonObject): boolean {
  if (!isJsonObject(value)) return false;
  const names = Object.keys(value);
  return names.length === Object.keys(entry).length && names.every((name) => value[name] === entry[name]);
}

/** Go reads member names in any case; a second "auths" beside an "Auths" would hide its logins. */
function authsIn(content: JsonObject): readonly string[] {
  return Object.keys(content).filter((name) => name.toLowerCase() === "auths");
}

/** The text with an entry under a key. */
export function withLoginEntry({ text, content }: ConfigurationText, key: string, entry: JsonObject): string {
  return withJsonMember(text, [authsIn(content).at(-1) ?? "auths", key], entry);
}

/** The text without the entries under keys. */
export function withoutLoginEntries({ text, content }: ConfigurationText, keys: readonly string[]): string {
  const paths = authsIn(content).flatMap((auths) => keys.map((key) => [auths, key] as const));
  return paths.reduce((rest, path) => withoutJsonMember(rest, path), text);
}
