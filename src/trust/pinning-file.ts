/**
 * Reads pins from a file in the form of the notary client's `config.json`: its member `trust_pinning` counts, all others belong to notary.
 * What cannot count as it is written is an error: a pin that is skipped would leave its repository to trust on first use.
 *
 * Off-spec: the paths of authorities start at the file's directory, not at the current one; names are not lower-cased; a name that no
 * repository has, an unknown member and an authority file that holds no certificate are refused when the file is read.
 */
import { dirname, resolve } from "node:path";
import { parseCertificateBundle } from "../crypto/certificate.ts";
import { readConfigurationFile } from "../docker-config/configuration-file.ts";
import { readSettings } from "../docker-config/settings-file.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../encoding/json.ts";
import { hasCode, UsageError } from "../errors.ts";
import { gunOf, parseImageReference } from "../reference/image-reference.ts";
import type { TrustPinning } from "../tuf/pinning.ts";

const members: ReadonlySet<string> = new Set(["certs", "ca", "disable_tofu"]);

/**
 * Reads the pins in a file.
 *
 * @param path a notary client's `config.json`, or a file with its member `trust_pinning` alone; it must exist
 * @throws UsageError `FILE_UNREADABLE`, also for an authority file; `PINNING_INVALID` for pins that cannot count as written
 * @see Notary v1: trust pinning
 */
export async function loadTrustPinning(path: string): Promise<TrustPinning> {
  const content = await readConfigurationFile(path);
  if (content === undefined) throw new UsageError("FILE_UNREADABLE", `cannot read the pins in ${path}: no such file`);
  const { certs, ca, disableTofu } = writtenPins(path, content);
  return { certs, ca: new Map([...ca].map(([prefix, file]) => [prefix, authorityFile(file)])), disableTofu };
}

/** Pins as they are written: authorities are files. */
export interface WrittenPins {
  /** by GUN, or by GUN prefix with a final `*`: certificate IDs */
  readonly certs: ReadonlyMap<string, readonly string[]>;
  /** by GUN prefix: the absolute path of a file with authorities */
  readonly ca: ReadonlyMap<string, string>;
  readonly disableTofu: boolean;
}

/** The pins in a configuration that was read from `path`. @throws UsageError `PINNING_INVALID` */
export function writtenPins(path: string, content: JsonObject): WrittenPins {
  const section = content["trust_pinning"];
  if (section === undefined) throw invalid(path, 'it has no member "trust_pinning"');
  if (!isJsonObject(section)) throw invalid(path, "trust_pinning is not an object");
  const unknown = Object.keys(section).find((name) => !members.has(name));
  if (unknown !== undefined) throw invalid(path, `trust_pinning has the unknown member ${JSON.stringify(unknown)}`);
  return {
    certs: pinnedCertificates(path, objectIn(path, section, "certs")),
    ca: pinnedAuthorities(path, objectIn(path, section, "ca")),
    disableTofu: flagIn(path, section, "disable_tofu"),
  };
}

function objectIn(path: string, section: JsonObject, name: string): JsonObject {
  const value = section[name] ?? {};
  if (isJsonObject(value)) return value;
  throw invalid(path, `invalid format for trust_pinning.${name}: expected an object`);
}

function flagIn(path: string, section: JsonObject, name: string): boolean {
  const value = section[name] ?? false;
  if (typeof value === "boolean") return value;
  throw invalid(path, `trust_pinning.${name} is neither true nor false`);
}

function pinnedCertificates(path: string, certs: JsonObject): ReadonlyMap<string, readonly string[]> {
  return new Map(
    Object.entries(certs).map(([name, ids]) => {
      requireName(path, name);
      return [name, certificateIds(path, name, ids)];
    }),
  );
}

/** An exact name must be one that a repository can have; a prefix ends in `*`. */
function requireName(path: string, name: string): void {
  if (name.endsWith("*")) return;
  const gun = gunIn(name);
  if (gun === name) return;
  const meant = gun === undefined ? "" : `; write ${gun}`;
  throw invalid(path, `trust_pinning.certs names ${JSON.stringify(name)}, which no repository is called${meant}`);
}

function gunIn(name: string): string | undefined {
  try {
    return gunOf(parseImageReference(name));
  } catch (error) {
    if (hasCode(error, "REFERENCE_INVALID")) return undefined;
    throw error;
  }
}

function certificateIds(path: string, name: string, ids: JsonValue): readonly string[] {
  const where = `trust_pinning.certs for ${JSON.stringify(name)}`;
  if (!Array.isArray(ids)) throw invalid(path, `invalid format for ${where}: expected a list of certificate IDs`);
  return ids.map((id) => {
    if (typeof id === "string" && /^[0-9a-f]{64}$/u.test(id)) return id;
    throw invalid(path, `${where} has an entry that is not a certificate ID: 64 lower-case hexadecimal characters`);
  });
}

function pinnedAuthorities(path: string, ca: JsonObject): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const [prefix, file] of Object.entries(ca)) {
    if (typeof file !== "string" || file === "")
      throw invalid(path, `trust_pinning.ca for ${JSON.stringify(prefix)} is not the path of a file`);
    found.set(prefix, resolve(dirname(path), file));
  }
  return found;
}

function authorityFile(path: string): string {
  const text = readSettings(path);
  if (text === undefined)
    throw new UsageError("FILE_UNREADABLE", `could not load root cert from CA path ${path}: no such file`);
  try {
    if (parseCertificateBundle(text).length > 0) return text;
  } catch (cause) {
    if (!hasCode(cause, "PEM_MALFORMED", "DER_MALFORMED", "CERTIFICATE_INVALID", "KEY_UNSUPPORTED", "KEY_MALFORMED"))
      throw cause;
    throw invalid(path, `invalid CA certs provided: ${cause.message}`, cause);
  }
  throw invalid(path, "invalid CA certs provided: it holds no certificate");
}

function invalid(path: string, reason: string, cause?: unknown): UsageError {
  return new UsageError("PINNING_INVALID", `cannot use the pins in ${path}: ${reason}`, {
    cause,
    hint: 'Correct the file. An example: {"trust_pinning": {"certs": {"registry.example.com/team/app": ["CERTIFICATE_ID"]}, "disable_tofu": true}}',
  });
}
