/** podman's logins to registries: the files that its `login` writes, or what a command line names instead. */
import { join } from "node:path";
import type { JsonObject } from "../encoding/json.ts";
import type { Environment } from "../environment/environment.ts";
import { hasCode, systemCode, UsageError } from "../errors.ts";
import { objectAt, readConfigurationFile } from "./configuration-file.ts";
import type { HelperCall } from "./credential-helper.ts";
import type { Credentials, CredentialSource, LoginTarget } from "./credentials.ts";
import type { TellWarning } from "./docker-login.ts";
import { podmanDirectory } from "./podman-directory.ts";
import { KeyedByRegistry, StoredLogins } from "./stored-logins.ts";

/** Where podman looks; nothing is read from the process. */
export interface PodmanLoginOptions {
  readonly env: Environment;
  /** undefined for an account that has none */
  readonly home: string | undefined;
  /** the user's numeric ID, for the directory of users without `XDG_RUNTIME_DIR` */
  readonly uid: number | undefined;
  /** `--authfile` */
  readonly authFile?: string | undefined;
  /** `--creds`: USER:PASSWORD */
  readonly creds?: string | undefined;
  /** used when none of podman's files has a login and no file was named: podman reads docker's files last */
  readonly docker: CredentialSource;
  readonly warn: TellWarning;
}

/**
 * podman's logins: `--creds`, else the file that `--authfile` or `REGISTRY_AUTH_FILE` names, which must be there, else
 * `$XDG_RUNTIME_DIR/containers/auth.json`, `~/.config/containers/auth.json` and docker's.
 *
 * @throws UsageError (at a question) `FILE_UNREADABLE`; `USAGE` for `--creds` without a password
 * @see containers-auth.json(5)
 */
export function podmanLogins(options: PodmanLoginOptions): CredentialSource {
  return async (target, signal) => {
    if (options.creds !== undefined && options.creds !== "") return typedLogin(options.creds);
    const named = namedAuthFile(options);
    if (named !== undefined) return await loginIn(named, target, options, { signal, mustExist: true });
    for (const path of usualFiles(options)) {
      const found = await loginIn(path, target, options, { signal }).catch(nothingForOthers);
      if (found !== undefined) return found;
    }
    return await options.docker(target, signal);
  };
}

/** The file that a command line or the environment names; undefined for podman's usual ones. */
function namedAuthFile({ authFile, env }: PodmanLoginOptions): string | undefined {
  const named = authFile ?? env["REGISTRY_AUTH_FILE"];
  return named === "" ? undefined : named;
}

function usualFiles({ env, home, uid }: PodmanLoginOptions): string[] {
  const runtime = env["XDG_RUNTIME_DIR"] || (uid === undefined ? undefined : `/run/containers/${uid}`);
  const directories = [runtime && join(runtime, "containers"), podmanDirectory(env, home)];
  return directories.filter((directory) => directory !== undefined).map((directory) => join(directory, "auth.json"));
}

/** Without `XDG_RUNTIME_DIR` the directory must be root's, so that the login in it is this user's. */
function nothingForOthers(error: unknown): undefined {
  if (hasCode(error, "FILE_UNREADABLE") && systemCode(error.cause) === "EACCES") return undefined;
  throw error;
}

function typedLogin(creds: string): Credentials {
  const colon = creds.indexOf(":");
  if (colon < 1) {
    throw new UsageError("USAGE", "--creds holds no password", {
      hint: "Give both, as in --creds USER:PASSWORD, or log in first: podman login REGISTRY",
    });
  }
  return { kind: "basic", username: creds.slice(0, colon), password: creds.slice(colon + 1) };
}

async function loginIn(
  path: string,
  target: LoginTarget,
  { env, warn }: PodmanLoginOptions,
  how: { readonly signal: AbortSignal | undefined; readonly mustExist?: boolean },
): Promise<Credentials | undefined> {
  const content = await readConfigurationFile(path);
  if (content === undefined && how.mustExist === true)
    throw new UsageError("FILE_UNREADABLE", `cannot read the login file ${path}: no such file`);
  const helper = helperFor(target, objectAt(path, content, ["credHelpers"]));
  if (helper !== undefined) return await helperLogin({ name: helper, env, signal: how.signal }, target, warn);
  const { credentials, broken } = new StoredLogins(objectAt(path, content, ["auths"]), "podman").find(target);
  for (const { key, reason } of broken) warn(`the login for ${key} in ${path} is ignored: ${reason}`);
  return credentials;
}

/** Helpers are named for whole registries only. */
function helperFor({ registry }: LoginTarget, helpers: JsonObject): string | undefined {
  const [found] = new KeyedByRegistry(new Map(Object.entries(helpers)), "podman").matches({ registry });
  return typeof found?.[1] === "string" && found[1] !== "" ? found[1] : undefined;
}

async function helperLogin(
  helper: HelperCall,
  { registry }: LoginTarget,
  warn: TellWarning,
): Promise<Credentials | undefined> {
  const { askCredentialHelper } = await import("./credential-helper.ts");
  try {
    return await askCredentialHelper(helper, registry);
  } catch (error) {
    if (!hasCode(error, "USAGE")) throw error;
    warn(`${error.message}; going on without it (credHelpers of podman's login)`);
    return undefined;
  }
}
