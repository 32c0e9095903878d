/**
 * Settings from a configuration file and the environment: one table lists them with their kinds, and everything else follows from it. Files are JSON,
 * members are nested as the dots in the names show, and each can be overridden by a variable: `storage.db_url` by
 * `TAGSEAL_SERVER_STORAGE_DB_URL`.
 *
 * Members are found in any case, and values are cast as Notary's reader casts them (`setting-values.ts`), so that its files work unchanged.
 *
 * Nothing is guessed: an unknown member is an error, because a misspelt `auth` would otherwise start an open server.
 */

import type { Environment } from "../../environment/environment.ts";
import { isJsonObject, type JsonValue, parseJson } from "../../encoding/json.ts";
import { hasCode, TagsealError } from "../../errors.ts";
import type { Setting, SettingKind, SettingTable } from "./setting-table.ts";
import { durationMs, valueOf } from "./setting-values.ts";

/** The sources of settings. */
export interface SettingSources {
  /** the configuration file: its bytes, already bounded, and its directory */
  readonly file?: { readonly name: string; readonly directory: string; readonly bytes: Uint8Array } | undefined;
  readonly env: Environment;
  /** the prefixes of variables, in order of precedence: `TAGSEAL_SERVER_`, `NOTARY_SERVER_` */
  readonly prefixes: readonly string[];
  /** command-line flags for settings; they override everything else. Paths are relative to the working directory */
  readonly flags?: readonly SettingFlag[];
  /** sections that were meant to be set and are not, by a misspelt variable for example */
  readonly mentioned?: readonly string[];
  /** called for each unusable setting, which is then left out; when absent, the first one is thrown */
  readonly onProblem?: ((problem: TagsealError) => void) | undefined;
  /** finds the known name that a misspelt one probably is */
  readonly suggest?: ((name: string, known: Iterable<string>) => string | undefined) | undefined;
}

/** A flag that was given. */
export interface SettingFlag {
  /** with its dashes */
  readonly flag: string;
  readonly setting: string;
  readonly value: string;
}

/** The settings of one run. Every getter returns undefined for a setting that was not given. */
export class Settings<Name extends string = string> {
  readonly #values: ReadonlyMap<string, JsonValue>;
  /** settings that were given and have no effect */
  readonly ignored: readonly string[];
  readonly #mentioned: ReadonlySet<string>;

  constructor(values: ReadonlyMap<string, JsonValue>, ignored: readonly string[], mentioned: ReadonlySet<string>) {
    this.#values = values;
    this.ignored = ignored;
    this.#mentioned = mentioned;
  }

  /** True when a section is mentioned, even by its name alone: the operator then did not mean its absence. */
  mentions(section: string): boolean {
    return [...this.#mentioned].some((name) => name === section || name.startsWith(`${section}.`));
  }

  /** Which of these were set. */
  given(...names: readonly Name[]): Name[] {
    return names.filter((name) => this.#values.has(name));
  }

  /** A text, or an absolute path for a `file`. */
  text(name: Name): string | undefined {
    return this.#values.get(name) as string | undefined; // checked when it was read
  }

  /** A number; milliseconds for a `duration`. */
  number(name: Name): number | undefined {
    return this.#values.get(name) as number | undefined;
  }

  boolean(name: Name): boolean | undefined {
    return this.#values.get(name) as boolean | undefined;
  }

  /** A list of texts. */
  list(name: Name): readonly string[] | undefined {
    return this.#values.get(name) as readonly string[] | undefined;
  }

  /** The unchecked JSON value, which the caller checks. */
  json(name: Name): JsonValue | undefined {
    return this.#values.get(name);
  }
}

/**
 * Reads the settings.
 *
 * @throws TagsealError `SERVER_CONFIGURATION` for a file that is not JSON, an unknown member, or a value of the wrong kind; with the name of the
 * setting and its source
 */
export function readSettings<Table extends SettingTable>(
  table: Table,
  sources: SettingSources,
): Settings<keyof Table & string> {
  const values = new Map<string, JsonValue>();
  const ignored: string[] = [];
  const mentioned = new Set<string>(sources.mentioned);
  const keepValid = (name: string, value: JsonValue, origin: string, directory = sources.file?.directory): void => {
    const setting = Object.hasOwn(table, name) ? table[name] : undefined;
    if (setting === undefined) throw invalid(origin, `there is no setting ${name}`, nearest(name, table, sources));
    mentioned.add(name);
    // Notary's reader treats an empty text as absent.
    if (value === "" && setting.kind !== "names" && setting.kind !== "json") return;
    if (setting.ignored === true) ignored.push(name);
    else values.set(name, checked(name, setting, value, { origin, directory }));
  };
  const keep: Keep = (...given) => tryKeeping(() => keepValid(...given), sources.onProblem);
  if (sources.file !== undefined) {
    refuseSpelledTwice(table, sources.file, sources.onProblem);
    fromFile(table, sources.file, keep, (name) => mentioned.add(name));
  }
  fromEnvironment(table, sources, keep);
  for (const { flag, setting, value } of sources.flags ?? []) keep(setting, fromText(value, table[setting]), flag, "");
  return new Settings(values, ignored, mentioned);
}

type Keep = (name: string, value: JsonValue, origin: string, directory?: string) => void;

function tryKeeping(work: () => void, onProblem: SettingSources["onProblem"]): void {
  try {
    work();
  } catch (error) {
    if (onProblem === undefined || !(error instanceof TagsealError)) throw error;
    onProblem(error);
  }
}

function fromFile(
  table: SettingTable,
  file: NonNullable<SettingSources["file"]>,
  keep: Keep,
  mention: (name: string) => void,
): void {
  const visit = (value: JsonValue, path: readonly string[]): void => {
    const name = path.join(".");
    const isLeaf = Object.hasOwn(table, name);
    if (isLeaf || !isJsonObject(value) || Object.keys(value).length === 0) {
      if (value !== null && (isLeaf || !isJsonObject(value))) keep(name, value, file.name);
      else mention(name);
      return;
    }
    for (const [member, inner] of Object.entries(value)) visit(inner, [...path, member.toLowerCase()]);
  };
  const content = parsed(file.name, file.bytes);
  if (!isJsonObject(content)) throw invalid(file.name, "it does not hold a JSON object");
  visit(content, []);
}

/** Notary's reader takes one of them by chance, and only the writer knows which one was meant. */
function refuseSpelledTwice(
  table: SettingTable,
  { name: origin, bytes }: NonNullable<SettingSources["file"]>,
  onProblem: SettingSources["onProblem"],
): void {
  const seen = new Set<string>();
  const visit = (value: JsonValue, path: readonly string[]): void => {
    const name = path.join(".").toLowerCase();
    if (path.length > 0 && seen.has(name))
      tryKeeping(() => {
        throw invalid(origin, `${name} is set twice: ${path.join(".")} is another spelling of it`);
      }, onProblem);
    seen.add(name);
    if (!isJsonObject(value) || Object.hasOwn(table, name)) return;
    for (const [member, inner] of Object.entries(value)) visit(inner, [...path, member]);
  };
  visit(parsed(origin, bytes), []);
}

function parsed(name: string, bytes: Uint8Array): JsonValue {
  try {
    return parseJson(bytes);
  } catch (cause) {
    if (!hasCode(cause, "JSON_MALFORMED")) throw cause;
    const format = /\.(?<format>ya?ml|toml|hcl|properties|ini|env)$/iu.exec(name)?.groups?.["format"];
    if (format !== undefined)
      throw invalid(
        name,
        `it is ${format.toUpperCase()} by its name, and only JSON is read`,
        "Write the same members as JSON, and name that file with --config.",
        cause,
      );
    throw invalid(name, cause.message, undefined, cause);
  }
}

function fromEnvironment(table: SettingTable, { env, prefixes }: SettingSources, keep: Keep): void {
  for (const [name, setting] of Object.entries(table)) {
    const variable = variableFor(name);
    const found = prefixes.map((prefix) => `${prefix}${variable}`).find((candidate) => (env[candidate] ?? "") !== "");
    if (found !== undefined) keep(name, fromText(env[found] ?? "", setting), found);
  }
}

/** The part of a variable's name that names a setting: `STORAGE_DB_URL` for `storage.db_url`. */
export function variableFor(name: string): string {
  return name.toUpperCase().replaceAll(/[.-]/gu, "_");
}

/** A variable holds text: JSON is parsed here, other values are cast by the check. */
function fromText(text: string, setting: Setting | undefined): JsonValue {
  return setting?.kind === "json" && setting.ignored !== true ? parsed("the environment", Buffer.from(text)) : text;
}

interface Place {
  readonly origin: string;
  readonly directory: string | undefined;
}

function checked(name: string, setting: Setting, value: JsonValue, { origin, directory }: Place): JsonValue {
  const { kind, values, range } = setting;
  const found = valueOf(setting, value, directory);
  if (found === undefined) throw invalid(origin, `${name} must be ${descriptions[kind]}, not ${shown(value)}`);
  if (values !== undefined && !(typeof found === "string" && values.includes(found)))
    throw invalid(origin, `${name} must be one of ${values.join(", ")}`);
  if (range !== undefined && !isWithin(range, found))
    throw invalid(origin, `${name} must be from ${range[0]} to ${range[1]}, not ${JSON.stringify(value)}`);
  return found;
}

function isWithin(range: NonNullable<Setting["range"]>, found: JsonValue): boolean {
  const [least = 0, most = 0] = range.map((end) => (typeof end === "number" ? end : durationMs(end)));
  return typeof found === "number" && found >= least && found <= most;
}

const descriptions: Readonly<Record<SettingKind, string>> = {
  text: "text",
  file: "a path",
  number: "a whole number, zero or more",
  boolean: "true or false",
  duration: "a duration such as 90s, 15m, 24h or 30d",
  names: "a list of texts",
  json: "JSON",
};

/** Configuration files contain secrets, so messages repeat only short plain values. */
function shown(value: JsonValue): string {
  return typeof value === "string" || typeof value === "object"
    ? `a ${Array.isArray(value) ? "list" : typeof value}`
    : String(value);
}

/** A hint for a misspelt name: the one it probably is, or else known ones that share its last part, or its first. */
function nearest(name: string, table: SettingTable, { suggest }: Pick<SettingSources, "suggest">): string | undefined {
  const last = name.split(".").at(-1);
  const first = name.split(".")[0];
  const known = Object.keys(table);
  const meant = suggest?.(name, known);
  if (meant !== undefined) return `did you mean ${meant}?`;
  const similar = known.filter((candidate) => candidate.split(".").at(-1) === last);
  const siblings = known.filter((candidate) => candidate.split(".")[0] === first);
  const offered = similar.length > 0 ? similar : siblings;
  return offered.length === 0 ? undefined : `settings like it: ${offered.slice(0, 8).join(", ")}`;
}

function invalid(origin: string, reason: string, hint?: string, cause?: unknown): TagsealError {
  const options = { ...(hint === undefined ? {} : { hint }), ...(cause === undefined ? {} : { cause }) };
  return new TagsealError("SERVER_CONFIGURATION", `Cannot use the configuration of ${origin}: ${reason}`, options);
}
