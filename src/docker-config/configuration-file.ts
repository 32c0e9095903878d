/**
 * docker's and podman's configuration files in JSON: `config.json`, `auth.json`, `daemon.json`, a context's `meta.json`. The only reader of them,
 * with one rule for all: a missing file has no settings; a file that cannot be read, or is not a JSON object, is an error, and so
 * is a member that is used and has another type than docker's. The content of a broken file is not guessed. Other programs write these files, so
 * any JSON is accepted, as Go reads it.
 *
 * This folder reads logins, registries and contexts from those files. It uses no network and decides nothing about trust.
 */
import { join } from "node:path";
import { isJsonObject, type JsonObject, jsonMember, type JsonValue, parseOrdinaryJsonOr } from "../encoding/json.ts";
import type { UsageError } from "../errors.ts";
import { maxSettingsBytes, readSettings, unreadable } from "./settings-file.ts";

/**
 * Reads a configuration file.
 *
 * @returns undefined when there is none; an empty object for an empty file, as in docker
 * @throws UsageError `FILE_UNREADABLE`, without any of the file's content
 */
export async function readConfigurationFile(path: string): Promise<JsonObject | undefined> {
  const text = readSettings(path);
  if (text === undefined) return undefined;
  return text.trim() === "" ? {} : parsedConfiguration(path, text);
}

/** Parses a configuration that came from `where`: a file, or a variable. @throws UsageError `FILE_UNREADABLE` */
export function parsedConfiguration(where: string, text: string): JsonObject {
  const notJson = (cause: Error): UsageError =>
    unreadable(where, `${where} is not JSON: ${cause.message.replace(/^Cannot parse JSON: /, "")}`);
  const value = parseOrdinaryJsonOr(notJson, text, { maxBytes: maxSettingsBytes });
  if (isJsonObject(value)) return value;
  throw unreadable(where, `${where} is not a JSON object`);
}

/** The names that lead to a member, outermost first: `["plugins", "tagseal", "engine"]`. */
export type MemberPath = readonly [string, ...string[]];

/** An object in a configuration; empty when it is missing or null, as in Go. @throws UsageError `FILE_UNREADABLE` for anything else */
export function objectAt(where: string, content: JsonValue | undefined, path: MemberPath): JsonObject {
  const value = memberAt(where, content, path) ?? {};
  if (isJsonObject(value)) return value;
  throw unreadable(where, `${where} has a ${JSON.stringify(path.join("."))} that is not an object`);
}

/** A string in a configuration; undefined when it is missing, null or empty. @throws UsageError `FILE_UNREADABLE` for anything else */
export function textAt(where: string, content: JsonValue | undefined, path: MemberPath): string | undefined {
  const value = memberAt(where, content, path) ?? "";
  if (typeof value === "string") return value === "" ? undefined : value;
  throw unreadable(where, `${where} has a ${JSON.stringify(path.join("."))} that is not a text`);
}

function memberAt(where: string, content: JsonValue | undefined, path: MemberPath): JsonValue | undefined {
  const name = path.at(-1) ?? "";
  const [first, ...others] = path.slice(0, -1);
  return jsonMember(first === undefined ? content : objectAt(where, content, [first, ...others]), name);
}

/** docker's own file in its configuration directory (`$DOCKER_CONFIG`, usually `~/.docker`). */
export function dockerConfigPath(directory: string): string {
  return join(directory, "config.json");
}

/** A string in docker's `config.json`; undefined when it is missing or empty. @throws UsageError `FILE_UNREADABLE` */
export async function dockerSetting(directory: string, path: MemberPath): Promise<string | undefined> {
  const file = dockerConfigPath(directory);
  return textAt(file, await readConfigurationFile(file), path);
}
