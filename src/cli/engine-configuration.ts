/** The engine chosen in docker's configuration file: `"plugins": {"tagseal": {"engine": "podman"}}`, where docker keeps settings of plugins. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Io } from "./io.ts";
import { dockerConfigDir } from "./options/docker-config.ts";

/** What the file says, undefined when it says nothing. A file that is not there or is broken is docker's affair. */
export async function engineInConfiguration(io: Io): Promise<string | undefined> {
  let text: string;
  try {
    text = await readFile(join(dockerConfigDir(io), "config.json"), "utf8");
  } catch {
    return undefined; // most people have none
  }
  // Most files say nothing about us; reading JSON is for those that may.
  return text.includes('"tagseal"') ? engineIn(text) : undefined;
}

function engineIn(text: string): string | undefined {
  let config: unknown;
  try {
    config = JSON.parse(text);
  } catch {
    return undefined; // docker itself will complain about it, in its words
  }
  const engine = member(member(member(config, "plugins"), "tagseal"), "engine");
  return typeof engine === "string" ? engine : undefined;
}

function member(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Readonly<Record<string, unknown>>)[name];
}
