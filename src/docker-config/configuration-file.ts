/**
 * docker's and podman's configuration files in JSON: `config.json`, `auth.json`, `daemon.json`. The one reader of them, and the one rule for
 * all: a file that is not there says nothing; one that is there and cannot be read, or is no JSON object, is an error, and what it said is not
 * guessed. Other programs write these files, so any JSON serves, as Go reads it.
 *
 * This folder knows what those files say about logins, registries and contexts. It asks no network and decides nothing about trust.
 */
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { isJsonObject, type JsonObject, jsonMember, parseOrdinaryJson } from "../encoding/json.ts";
import { hasCode, systemCode, UsageError } from "../errors.ts";

/** Far more than anybody's logins. */
const maxBytes = 4 * 1024 * 1024;

/**
 * Reads a configuration file.
 *
 * @returns undefined when there is none; an empty object for an empty file, as docker has it
 * @throws UsageError `FILE_UNREADABLE`, without a word of what the file holds
 */
export async function readConfigurationFile(path: string): Promise<JsonObject | undefined> {
  const text = await readConfigurationText(path);
  if (text === undefined) return undefined;
  return text.trim() === "" ? {} : parsedConfiguration(path, text);
}

/** The text of a configuration file, whatever its form; undefined when there is none. @throws UsageError `FILE_UNREADABLE` */
export async function readConfigurationText(path: string): Promise<string | undefined> {
  let file: FileHandle;
  try {
    // a pipe in the file's place would be waited for without end
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(systemCode(error))) return undefined;
    throw unreadable(path, `cannot read ${path}`, error);
  }
  try {
    return await boundedText(path, file);
  } catch (error) {
    throw error instanceof UsageError ? error : unreadable(path, `cannot read ${path}`, error);
  } finally {
    await file.close();
  }
}

async function boundedText(path: string, file: FileHandle): Promise<string> {
  const found = await file.stat();
  if (!found.isFile()) throw unreadable(path, `${path} is not a file`);
  if (found.size > maxBytes) throw unreadable(path, `${path} is larger than ${maxBytes} bytes`);
  const buffer = Buffer.alloc(maxBytes + 1);
  let length = 0;
  for (;;) {
    const { bytesRead } = await file.read(buffer, length, buffer.length - length);
    length += bytesRead;
    if (length > maxBytes) throw unreadable(path, `${path} is larger than ${maxBytes} bytes`);
    if (bytesRead === 0) return buffer.toString("utf8", 0, length);
  }
}

/** Parses a configuration that came from `where`: a file, or a variable. @throws UsageError `FILE_UNREADABLE` */
export function parsedConfiguration(where: string, text: string): JsonObject {
  const value = parsedJson(where, text);
  if (isJsonObject(value)) return value;
  throw unreadable(where, `${where} is not a JSON object`);
}

function parsedJson(where: string, text: string): ReturnType<typeof parseOrdinaryJson> {
  try {
    return parseOrdinaryJson(text, { maxBytes });
  } catch (error) {
    if (!hasCode(error, "JSON_MALFORMED", "TOO_LARGE")) throw error;
    const reason = error.message.replace(/^Cannot parse JSON: /, "");
    throw unreadable(where, `${where} is not JSON: ${reason}`);
  }
}

function unreadable(where: string, message: string, cause?: unknown): UsageError {
  return new UsageError("FILE_UNREADABLE", message, { cause, hint: `Correct ${where}, or move it away.` });
}

/** docker's own file in its configuration directory (`$DOCKER_CONFIG`, usually `~/.docker`). */
export function dockerConfigPath(directory: string): string {
  return join(directory, "config.json");
}

/** A text in docker's `config.json`, by the names that lead to it: `["plugins", "tagseal", "engine"]`. @throws UsageError `FILE_UNREADABLE` */
export async function dockerSetting(directory: string, path: readonly string[]): Promise<string | undefined> {
  let found: ReturnType<typeof jsonMember> = await readConfigurationFile(dockerConfigPath(directory));
  for (const name of path) found = jsonMember(found, name);
  return typeof found === "string" && found !== "" ? found : undefined;
}
