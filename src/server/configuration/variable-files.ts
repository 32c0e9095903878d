/**
 * Variables whose value is in a file, as container platforms and systemd pass secrets: `TAGSEAL_SIGNER_PASSPHRASE_FILE` names the file
 * that holds what `TAGSEAL_SIGNER_PASSPHRASE` would.
 */

import type { Environment } from "../../environment/environment.ts";
import { hasCode, TagsealError } from "../../errors.ts";
import { variableFor } from "./settings.ts";
import type { SettingTable } from "./setting-table.ts";

/** Which variables may be in files, and how to read one. */
export interface VariableFiles {
  /** the prefixes of these variables: `TAGSEAL_SERVER_`, `TAGSEAL_SIGNER_` */
  readonly prefixes: readonly string[];
  /** settings whose own names end in _FILE, such as `server.tls_cert_file`: their variables remain paths */
  readonly table: SettingTable;
  /** bounded; may throw what the file system throws */
  readonly readFile: (path: string) => Uint8Array;
}

const suffix = "_FILE";

/**
 * The environment with the content of each such file, without its last line break, under the shorter name.
 *
 * @throws TagsealError `SERVER_CONFIGURATION` when a file cannot be read, is empty, or the variable is set as well; with its name, never its content
 */
export function withVariableFiles(env: Environment, { prefixes, table, readFile }: VariableFiles): Environment {
  const paths = new Set(Object.keys(table).map(variableFor));
  const found: Record<string, string> = {};
  for (const [name, path] of Object.entries(env)) {
    const prefix = prefixes.find((candidate) => name.startsWith(candidate));
    if (prefix === undefined || !name.endsWith(suffix) || path === undefined || path === "") continue;
    if (paths.has(name.slice(prefix.length))) continue;
    const target = name.slice(0, -suffix.length);
    if ((env[target] ?? "") !== "") throw refused(name, `${target} is set, too`);
    found[target] = contentOf(name, path, readFile);
  }
  return { ...env, ...found };
}

function contentOf(name: string, path: string, readFile: VariableFiles["readFile"]): string {
  let bytes: Uint8Array;
  try {
    bytes = readFile(path);
  } catch (cause) {
    if (hasCode(cause, "KEY_FILE_UNSAFE")) throw cause;
    throw refused(name, `${path} cannot be read`, cause);
  }
  const content = Buffer.from(bytes)
    .toString("utf8")
    .replace(/\r?\n$/u, "");
  if (content === "") throw refused(name, `${path} is empty`);
  return content;
}

function refused(name: string, reason: string, cause?: unknown): TagsealError {
  return new TagsealError(
    "SERVER_CONFIGURATION",
    `Cannot use ${name}: ${reason}`,
    cause === undefined ? {} : { cause },
  );
}
