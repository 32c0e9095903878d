/** docker's logins to registries: its variable, the helpers that config.json names, and the logins in it. */
import type { JsonObject, JsonValue } from "../encoding/json.ts";
import type { Environment } from "../environment/environment.ts";
import { hasCode } from "../errors.ts";
import { authVariable, loginsInVariable } from "./auth-variable.ts";
import { dockerConfigPath, objectAt, readConfigurationFile, textAt } from "./configuration-file.ts";
import type { Credentials, LoginTarget } from "./credentials.ts";
import { dockerHubKey, KeyedByRegistry, StoredLogins } from "./stored-logins.ts";

/** Receives a warning about a login that cannot be used; the command continues without it. */
export type TellWarning = (message: string) => void;

/** Docker's `config.json`, as far as credentials go. */
export class DockerConfig {
  readonly #logins: StoredLogins;
  readonly #helpers: JsonObject;
  readonly #store: string;
  readonly #env: Environment;
  readonly #warn: TellWarning;

  /**
   * @param content the parsed file
   * @param env docker's variable, and the environment of credential helpers (without the passphrases)
   * @param warn called once for each login that cannot be used
   * @param file where the content was read, for messages
   * @throws UsageError `FILE_UNREADABLE` when logins or helpers have another type than docker's
   */
  constructor(content: JsonValue, env: Environment, warn: TellWarning = () => undefined, file = "config.json") {
    this.#logins = new StoredLogins(objectAt(file, content, ["auths"]), "docker");
    this.#helpers = objectAt(file, content, ["credHelpers"]);
    this.#store = textAt(file, content, ["credsStore"]) ?? "";
    this.#env = env;
    this.#warn = warn;
  }

  /**
   * The credentials for a repository: docker's variable first, then the registry's own helper or the common store, then the file.
   *
   * A helper that is not installed or fails is not an error, as with docker: the login in the file is used, or none, and the registry decides
   * whether that is enough. Off-docker: a login in the file is also used when the helper works and has none; docker is anonymous then. Where docker
   * finds no login at all, a helper whose key spells the registry differently is used.
   *
   * @param target a repository, or a registry as in a reference: `docker.io`, `host`, `host:port`
   * @throws TagsealError `CANCELLED`
   */
  async credentialsFor(target: LoginTarget | string, signal?: AbortSignal): Promise<Credentials | undefined> {
    const wanted = typeof target === "string" ? { registry: target } : target;
    return (
      this.#inVariable(wanted) ??
      (await this.#fromHelper(wanted.registry, signal)) ??
      this.#found(this.#logins, wanted) ??
      (await this.#fromHelperOfOtherName(wanted.registry, signal))
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

  /** docker looks a registry up by its exact key. */
  async #fromHelper(registry: string, signal: AbortSignal | undefined): Promise<Credentials | undefined> {
    const key = serverUrl(registry);
    const own = this.#helperAt(key);
    return own === undefined
      ? await this.#ask({ name: this.#store, setting: "credsStore", registry }, signal)
      : await this.#ask({ name: own, setting: `credHelpers for ${key}`, registry }, signal);
  }

  async #fromHelperOfOtherName(registry: string, signal: AbortSignal | undefined): Promise<Credentials | undefined> {
    const exact = serverUrl(registry);
    const others = new KeyedByRegistry(new Map(Object.entries(this.#helpers)), "docker").matches({ registry });
    const key = others.map(([spelled]) => spelled).find((spelled) => spelled !== exact);
    const name = key === undefined ? undefined : this.#helperAt(key);
    if (name === undefined) return undefined;
    return await this.#ask({ name, setting: `credHelpers for ${key}`, registry }, signal);
  }

  /** The name of a helper; empty for the file, undefined for a registry without one. */
  #helperAt(key: string): string | undefined {
    const name = Object.hasOwn(this.#helpers, key) ? this.#helpers[key] : undefined;
    if (name === undefined || typeof name === "string") return name;
    if (name === null) return "";
    // as docker, which warns and continues
    this.#warn(`the helper for ${key} in config.json is ignored: credHelpers names none there`);
    return undefined;
  }

  async #ask(
    { name, setting, registry }: HelperUse,
    signal: AbortSignal | undefined,
  ): Promise<Credentials | undefined> {
    // an empty name means the file
    if (name === "") return undefined;
    const { askCredentialHelper } = await import("./credential-helper.ts");
    try {
      return await askCredentialHelper({ name, env: this.#env, signal }, serverUrl(registry));
    } catch (error) {
      if (!hasCode(error, "USAGE")) throw error;
      this.#warn(`${error.message}; going on without it (${setting} in docker's config.json)`);
      return undefined;
    }
  }
}

interface HelperUse {
  readonly name: string;
  /** the member of the file that names it */
  readonly setting: string;
  readonly registry: string;
}

/** The name of a registry for helpers. */
function serverUrl(registry: string): string {
  return ["docker.io", "index.docker.io", "registry-1.docker.io"].includes(registry) ? dockerHubKey : registry;
}

/**
 * Reads `config.json` from docker's configuration directory; a missing file means no credentials at all.
 *
 * @param env docker's variable, and the environment of credential helpers (without the passphrases)
 * @throws UsageError `FILE_UNREADABLE` when it cannot be read or has another form than docker's
 */
export async function loadDockerConfig(directory: string, env: Environment, warn?: TellWarning): Promise<DockerConfig> {
  const file = dockerConfigPath(directory);
  return new DockerConfig((await readConfigurationFile(file)) ?? {}, env, warn, file);
}
