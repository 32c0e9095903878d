/** The sources of a server's settings: a configuration file, variables, and flags for a few of them. */
import { readFileSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { Environment } from "../../environment/environment.ts";
import { EncodingError, hasCode, UsageError } from "../../errors.ts";
import type { SettingFlag, Settings, SettingSources } from "../../server/configuration/settings.ts";
import type { SettingTable } from "../../server/configuration/setting-table.ts";
import type { UnknownVariable } from "../../server/configuration/unknown-variables.ts";
import type { Io } from "../io.ts";
import { refuseWorldWritable } from "../../files/private-modes.ts";
import { systemReason } from "../../files/system-error.ts";

/** Far more than any configuration or secret needs. */
const maxFileBytes = 1024 * 1024;

/** What {@link loadSettings} reads. */
export interface SettingFiles {
  readonly config: string | undefined;
  readonly notaryConfig: string | undefined;
  /** prefixes of variables; the first one found counts */
  readonly prefixes: readonly string[];
  readonly flags: readonly (Omit<SettingFlag, "value"> & { readonly value: string | undefined })[];
  /** called for each unusable setting; when absent, the first one is thrown */
  readonly onProblem?: SettingSources["onProblem"];
  /** called for each variable that looks like a setting and is not; when absent, it is a warning on standard error */
  readonly onUnknown?: ((unknown: UnknownVariable) => void) | undefined;
}

/** The settings, and the environment with the values that its `…_FILE` variables refer to. */
export interface LoadedSettings<Name extends string> {
  readonly settings: Settings<Name>;
  readonly env: Environment;
  /** files with secrets that were read, which only their owner should be able to read */
  readonly secretFiles: readonly string[];
}

/**
 * Loads the settings; a flag overrides a variable, and a variable overrides the file.
 *
 * @throws TagsealError `SERVER_CONFIGURATION`; UsageError `USAGE`, `FILE_UNREADABLE`
 */
export async function loadSettings<Table extends SettingTable>(
  table: Table,
  { config, notaryConfig, prefixes, flags, onProblem, onUnknown }: SettingFiles,
  io: Io,
): Promise<LoadedSettings<keyof Table & string>> {
  const { readSettings } = await import("../../server/configuration/settings.ts");
  const { withVariableFiles } = await import("../../server/configuration/variable-files.ts");
  if (config !== undefined && notaryConfig !== undefined)
    throw new UsageError("USAGE", "--config and --notary-config are the same: give one of them");
  const path = config ?? notaryConfig;
  const secretFiles: string[] = [];
  const readFile = (name: string): Uint8Array => {
    secretFiles.push(name);
    return readBounded(name);
  };
  const secrets = { prefixes: [...prefixes, "TAGSEAL_SIGNER_", "NOTARY_SIGNER_", "TAGSEAL_TOKEN_"], table, readFile };
  const env = withVariableFiles(io.env, secrets);
  const given = flags.filter((flag): flag is SettingFlag => flag.value !== undefined);
  const file = path === undefined ? {} : { file: fileOf(path) };
  if (path !== undefined && holdsPassword(file.file?.bytes)) secretFiles.push(path);
  const { nearestWord } = await import("../help/suggestion.ts");
  const { unknownVariables } = await import("../../server/configuration/unknown-variables.ts");
  const unknown = unknownVariables(io.env, nearestWord);
  const tell = onUnknown ?? ((one) => io.stderr.write(`warning: ${unknownVariableText(one)}\n`));
  unknown.forEach(tell);
  const mentioned = unknown.flatMap(({ variable, meant = variable }) => sectionOf(meant, prefixes) ?? []);
  const sources = { ...file, env, prefixes, flags: given, mentioned, onProblem, suggest: nearestWord };
  return { settings: readSettings(table, sources), env, secretFiles };
}

/** The warning as a sentence. */
export function unknownVariableText({ variable, meant }: UnknownVariable): string {
  return `${variable} is not a setting and has no effect${meant === undefined ? "" : `: did you mean ${meant}?`}`;
}

/** The warning as a line of the server's log. */
export function unknownVariableLine({ variable, meant }: UnknownVariable): string {
  return JSON.stringify({ level: "warning", event: "variable without effect", variable, meant });
}

/** A misspelt setting of `auth` must not open the server to all users. */
function sectionOf(variable: string, prefixes: readonly string[]): string | undefined {
  const prefix = prefixes.find((candidate) => variable.startsWith(candidate));
  return prefix === undefined ? undefined : variable.slice(prefix.length).split("_")[0]?.toLowerCase();
}

function fileOf(path: string): NonNullable<SettingSources["file"]> {
  try {
    return { name: path, directory: dirname(resolve(path)), bytes: readBounded(path) };
  } catch (cause) {
    if (hasCode(cause, "KEY_FILE_UNSAFE")) throw cause;
    throw new UsageError("FILE_UNREADABLE", `cannot read ${path}: ${systemReason(cause)}`, { cause });
  }
}

/** The address of a database with an account and its password: a URL, or Go's data source name. */
function holdsPassword(bytes: Uint8Array | undefined): boolean {
  return bytes !== undefined && /[\w.-]:[^\s"@/]+@/u.test(Buffer.from(bytes).toString("utf8"));
}

/** The content of a file of settings or of a secret, bounded. @throws EncodingError `TOO_LARGE`, and what the file system throws */
export function readBounded(path: string): Uint8Array {
  const found = statSync(path);
  if (found.isFile()) refuseWorldWritable(path, found);
  const { size } = found;
  if (size > maxFileBytes)
    throw new EncodingError("TOO_LARGE", `it has ${size} bytes, more than the ${maxFileBytes} allowed`);
  return readFileSync(path);
}
