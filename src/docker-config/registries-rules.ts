/** Reads the rules of one registries.conf: the tables of version 2, and the lists of the form before it. */
import { UsageError } from "../errors.ts";
import { unreadable } from "./settings-file.ts";

/** What a file says about the repositories whose names begin with a prefix. */
export interface RegistryRule {
  readonly prefix: string;
  readonly location: string;
  readonly insecure: boolean;
  readonly blocked: boolean;
  readonly mirrors: readonly { readonly location: string; readonly insecure: boolean }[];
}

/** The rules of a file, in its order. @throws UsageError `FILE_UNREADABLE`, also for a value of another type than podman's */
export async function rulesIn(path: string, text: string): Promise<readonly RegistryRule[]> {
  const { parse } = await import("smol-toml");
  let content: unknown;
  try {
    content = parse(text);
  } catch (error) {
    throw new UsageError("FILE_UNREADABLE", `${path} is not TOML`, { cause: error });
  }
  const file = new TomlFile(path);
  const tables = file.list(content, "registry").map((table) => ruleOf(file, table));
  return [...tables, ...formerRules(file, content)];
}

function ruleOf(file: TomlFile, table: unknown): RegistryRule {
  const location = file.text(table, "location").replace(/\/+$/, "");
  const prefix = file.text(table, "prefix") || location;
  if (prefix === "" || (location === "" && !prefix.startsWith("*.")))
    throw new UsageError("FILE_UNREADABLE", `${file.path} has a registry without prefix and location`);
  const mirrors = file
    .list(table, "mirror")
    .filter((mirror) => file.text(mirror, "pull-from-mirror") !== "tag-only" && file.text(mirror, "location") !== "")
    .map((mirror) => ({
      location: file.text(mirror, "location").replace(/\/+$/, ""),
      insecure: file.flag(mirror, "insecure"),
    }));
  return { prefix, location, insecure: file.flag(table, "insecure"), blocked: file.flag(table, "blocked"), mirrors };
}

/** The form before version 2: lists of registries under `insecure` and `block`. */
function formerRules(file: TomlFile, content: unknown): readonly RegistryRule[] {
  const registries = member(content, "registries");
  const named = (kind: string): string[] =>
    file.list(member(registries, kind), "registries").map((name) => {
      if (typeof name === "string") return name;
      throw file.wrong("registries", "a list of names");
    });
  const blocked = new Set(named("block"));
  const insecure = new Set(named("insecure"));
  return [...new Set([...blocked, ...insecure])].map((name) => ({
    prefix: name,
    location: name,
    insecure: insecure.has(name),
    blocked: blocked.has(name),
    mirrors: [],
  }));
}

/** The values of a file by their types: as with podman, one of another type is an error and does not count as missing. */
class TomlFile {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** empty when it is missing */
  text(table: unknown, name: string): string {
    const value = member(table, name) ?? "";
    if (typeof value === "string") return value;
    throw this.wrong(name, "a text");
  }

  /** false when it is missing */
  flag(table: unknown, name: string): boolean {
    const value = member(table, name) ?? false;
    if (typeof value === "boolean") return value;
    throw this.wrong(name, "true or false");
  }

  /** empty when it is missing */
  list(table: unknown, name: string): readonly unknown[] {
    const value = member(table, name) ?? [];
    if (Array.isArray(value)) return value;
    throw this.wrong(name, "a list");
  }

  wrong(name: string, expected: string): UsageError {
    return unreadable(this.path, `${this.path} has a "${name}" that is not ${expected}`);
  }
}

function member(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
  return Object.getOwnPropertyDescriptor(value, name)?.value;
}
