/** docker's `DOCKER_AUTH_CONFIG`: logins in a variable, for machines without a configuration file. */
import { isJsonObject, type JsonValue } from "../encoding/json.ts";
import type { Environment } from "../environment/environment.ts";
import { UsageError } from "../errors.ts";
import { parsedConfiguration } from "./configuration-file.ts";
import { decodedAuth, StoredLogins } from "./stored-logins.ts";

/** The variable. */
export const authVariable = "DOCKER_AUTH_CONFIG";

/**
 * The logins in the variable. As in docker (28.3 and later), it contains only `auths` with one `auth` each; anything else is refused, so that a
 * helper or setting is not ignored silently.
 *
 * @returns undefined when it is not set
 * @throws UsageError `FILE_UNREADABLE` for anything else, without a word of it
 */
export function loginsInVariable(env: Environment): StoredLogins | undefined {
  const value = env[authVariable];
  if (value === undefined || value.trim() === "") return undefined;
  const { auths = null, ...others } = parsedConfiguration(authVariable, value);
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw refused(`has the member "${unknown}", which docker does not read there`);
  if (auths !== null && !isJsonObject(auths)) throw refused('has "auths" that are not an object');
  for (const [key, entry] of Object.entries(auths ?? {})) refuseOtherEntry(key, entry);
  return new StoredLogins(auths ?? {}, "docker");
}

function refuseOtherEntry(key: string, entry: JsonValue): void {
  const { auth = "", ...others } = isJsonObject(entry) ? entry : {};
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw refused(`has "${unknown}" for ${key}; docker reads "auth" alone`);
  if (typeof auth !== "string" || decodedAuth(auth) === undefined)
    throw refused(`has no "auth" for ${key} that is the base64 of USER:PASSWORD`);
}

function refused(reason: string): UsageError {
  return new UsageError("FILE_UNREADABLE", `${authVariable} ${reason}`);
}
