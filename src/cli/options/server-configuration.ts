/** Where a server's settings come from: a configuration file, variables, and the flags that stand for a few of them. */
import { readFileSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { Environment } from "../../environment/environment.ts";
import { hasCode, UsageError } from "../../errors.ts";
import type { SettingFlag, Settings, SettingSources, SettingTable } from "../../server/configuration/settings.ts";
import type { UnknownVariable } from "../../server/configuration/unknown-variables.ts";
import type { Io } from "../io.ts";
import { refuseWorldWritable } from "../../files/private-modes.ts";
import { systemReason } from "../../files/system-error.ts";
import type { TextOption } from "./option.ts";

/** Far more than any configuration, or secret, has. */
const maxFileBytes = 1024 * 1024;

/** `--config`: settings from a file. */
export const configOption: TextOption = {
  kind: "text",
  value: "file",
  complete: "file",
  help: "Settings, JSON; Notary's own configuration files are understood",
};

/** `--notary-config`: the same, under the name people look for. */
export const notaryConfigOption: TextOption = {
  kind: "text",
  value: "file",
  complete: "file",
  help: "The same as --config",
};

/** What {@link loadSettings} reads. */
export interface SettingFiles {
  readonly config: string | undefined;
  readonly notaryConfig: string | undefined;
  /** beginnings of variables, the first one found counting */
  readonly prefixes: readonly string[];
  readonly flags: readonly (Omit<SettingFlag, "value"> & { readonly value: string | undefined })[];
  /** told of each setting that cannot be used; the first one ends it when absent */
  readonly onProblem?: SettingSources["onProblem"];
  /** told of each variable that looks like a setting and is none; they are warnings on standard error when absent */
  readonly onUnknown?: ((unknown: UnknownVariable) => void) | undefined;
}

/** The settings, and the environment with what its `…_FILE` variables name. */
export interface LoadedSettings<Name extends string> {
  readonly settings: Settings<Name>;
  readonly env: Environment;
  /** what of it came from files that only their owner should read */
  readonly secretFiles: readonly string[];
}

/**
 * Reads them all; flags win over variables, which win over the file.
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
  const secrets = { prefixes: [...prefixes, "TAGSEAL_SIGNER_", "NOTARY_SIGNER_"], table, readFile };
  const env = withVariableFiles(io.env, secrets);
  const given = flags.filter((flag): flag is SettingFlag => flag.value !== undefined);
  const file = path === undefined ? {} : { file: fileOf(path) };
  if (path !== undefined && holdsPassword(file.file?.bytes)) secretFiles.push(path);
  const { nearestWord } = await import("../suggestion.ts");
  const { unknownVariables } = await import("../../server/configuration/unknown-variables.ts");
  const unknown = unknownVariables(io.env, nearestWord);
  const tell = onUnknown ?? ((one) => io.stderr.write(`warning: ${unknownVariableText(one)}\n`));
  unknown.forEach(tell);
  const mentioned = unknown.flatMap(({ variable, meant = variable }) => sectionOf(meant, prefixes) ?? []);
  const sources = { ...file, env, prefixes, flags: given, mentioned, onProblem, suggest: nearestWord };
  return { settings: readSettings(table, sources), env, secretFiles };
}

/** For a person. */
export function unknownVariableText({ variable, meant }: UnknownVariable): string {
  return `${variable} is no setting and has no effect${meant === undefined ? "" : `: did you mean ${meant}?`}`;
}

/** The same as a line of a server's log. */
export function unknownVariableLine({ variable, meant }: UnknownVariable): string {
  return JSON.stringify({ level: "warning", event: "variable without effect", variable, meant });
}

/** Somebody who misspelt a setting of `auth` did not mean an open server. */
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

function readBounded(path: string): Uint8Array {
  const found = statSync(path);
  if (found.isFile()) refuseWorldWritable(path, found);
  const { size } = found;
  if (size > maxFileBytes) throw new Error(`it has ${size} bytes, more than the ${maxFileBytes} allowed`);
  return readFileSync(path);
}
