/** The `hosts.toml` of a registry, which containerd and dockerd 29 read: which addresses they ask for its images, and whom they trust there. */
import { dirname, resolve } from "node:path";
import { isJsonObject, jsonMember, type JsonValue } from "../../encoding/json.ts";
import { parsedToml } from "./parsed-toml.ts";
import { textOf } from "./text-of.ts";

/** What a file says. */
export interface HostsFile {
  readonly path: string;
  /** server and hosts; undefined when the file cannot be read, or has no server: that is then the registry */
  readonly places: readonly string[] | undefined;
  /** the files with authorities that it names */
  readonly authorities: readonly string[];
}

const maxHostsBytes = 1024 * 1024;

/** The file that counts for a registry, or that for every registry. @param directory which has a directory for each registry */
export async function findHostsFile(directory: string, registry: string): Promise<HostsFile | undefined> {
  const names = [registry.replace(/:(\d+)$/u, "_$1_"), registry, "_default"];
  const files = names.map((name) => `${directory}/${name}/hosts.toml`);
  const found = files.map((path) => ({ path, text: textOf(path, maxHostsBytes) })).find(({ text }) => text !== "");
  if (found === undefined) return undefined;
  const content = await parsedToml(found.text);
  const server = jsonMember(content, "server");
  const hosts = jsonMember(content, "host");
  const named = isJsonObject(hosts) ? Object.entries(hosts) : [];
  const places =
    typeof server === "string"
      ? [server, ...named.map(([host]) => host)].map((address) => URL.parse(address)?.origin ?? address)
      : undefined;
  const authorities = [content, ...named.map(([, settings]) => settings)].flatMap((settings) =>
    texts(jsonMember(settings, "ca")).map((file) => resolve(dirname(found.path), file)),
  );
  return { path: found.path, places, authorities: [...new Set(authorities)] };
}

function texts(value: JsonValue | undefined): string[] {
  return (Array.isArray(value) ? value : [value]).filter((each) => typeof each === "string");
}
