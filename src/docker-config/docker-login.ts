/** Who we are to a registry, as docker remembers it: its variable, the helpers that config.json names, and the logins in it. */
import { isJsonObject, jsonMember, type JsonValue } from "../encoding/json.ts";
import type { Environment } from "../environment/environment.ts";
import { hasCode } from "../errors.ts";
import { authVariable, loginsInVariable } from "./auth-variable.ts";
import { dockerConfigPath, readConfigurationFile } from "./configuration-file.ts";
import type { Credentials, LoginTarget } from "./credentials.ts";
import { dockerHubKey, KeyedByRegistry, StoredLogins } from "./stored-logins.ts";

/** What is told of a login that cannot be used; the work goes on without it. */
export type TellWarning = (message: string) => void;

/** Docker's `config.json`, as far as credentials go. */
export class DockerConfig {
  readonly #logins: StoredLogins;
  readonly #helpers: KeyedByRegistry<string>;
  readonly #store: string;
  readonly #env: Environment;
  readonly #warn: TellWarning;

  /**
   * @param content the parsed file
   * @param env docker's variable, and what credential helpers see (less the passphrases)
   * @param warn told once of each login that cannot be used
   */
  constructor(content: JsonValue, env: Environment, warn: TellWarning = () => undefined) {
    this.#logins = new StoredLogins(jsonMember(content, "auths"), "docker");
    this.#helpers = new KeyedByRegistry(helperNames(jsonMember(content, "credHelpers")), "docker");
    const store = jsonMember(content, "credsStore");
    this.#store = typeof store === "string" ? store : "";
    this.#env = env;
    this.#warn = warn;
  }

  /**
   * The credentials for a repository: docker's variable first, then the registry's own helper or the common store, then the file.
   *
   * A helper that is not installed or fails ends nothing, as with docker: what is in the file counts, or nothing does, and the registry says
   * whether that is enough. Off-docker: a login in the file counts, too, when the helper works and has none; docker is anonymous then.
   *
   * @param target a repository, or a registry as in a reference: `docker.io`, `host`, `host:port`
   * @throws TagsealError `CANCELLED`
   */
  async credentialsFor(target: LoginTarget | string, signal?: AbortSignal): Promise<Credentials | undefined> {
    const wanted = typeof target === "string" ? { registry: target } : target;
    return (
      this.#inVariable(wanted) ?? (await this.#fromHelper(wanted.registry, signal)) ?? this.#found(this.#logins, wanted)
    );
  }

  #inVariable(target: LoginTarget): Credentials | undefined {
    try {
      const logins = loginsInVariable(this.#env);
      return logins === undefined ? undefined : this.#found(logins, target);
    } catch (error) {
      if (!hasCode(error, "FILE_UNREADABLE")) throw error;
      this.#warn(`${authVariable} is ignored: ${error.message}`);
      return undefined;
    }
  }

  #found(logins: StoredLogins, target: LoginTarget): Credentials | undefined {
    const { credentials, broken } = logins.find(target);
    for (const { key, reason } of broken) this.#warn(`the login for ${key} in config.json is ignored: ${reason}`);
    return credentials;
  }

  async #fromHelper(registry: string, signal: AbortSignal | undefined): Promise<Credentials | undefined> {
    const [own] = this.#helpers.matches({ registry });
    const name = own === undefined ? this.#store : own[1];
    // an empty name means the file
    if (name === "") return undefined;
    const { askCredentialHelper } = await import("./credential-helper.ts");
    try {
      return await askCredentialHelper(name, serverUrl(registry), this.#env, signal);
    } catch (error) {
      if (!hasCode(error, "USAGE")) throw error;
      const setting = own === undefined ? "credsStore" : `credHelpers for ${own[0]}`;
      this.#warn(`${error.message}; going on without it (${setting} in docker's config.json)`);
      return undefined;
    }
  }
}

/** What helpers call a registry. */
function serverUrl(registry: string): string {
  return ["docker.io", "index.docker.io", "registry-1.docker.io"].includes(registry) ? dockerHubKey : registry;
}

function helperNames(helpers: JsonValue | undefined): Map<string, string> {
  const entries = Object.entries(isJsonObject(helpers) ? helpers : {});
  return new Map(entries.map(([key, name]) => [key, typeof name === "string" ? name : ""]));
}

/**
 * Reads `config.json` from docker's configuration directory; a missing file means no credentials at all.
 *
 * @param env docker's variable, and what credential helpers see of the environment (less the passphrases)
 * @throws UsageError `FILE_UNREADABLE` when it is there and cannot be read or is no JSON object
 */
export async function loadDockerConfig(directory: string, env: Environment, warn?: TellWarning): Promise<DockerConfig> {
  return new DockerConfig((await readConfigurationFile(dockerConfigPath(directory))) ?? {}, env, warn);
}
