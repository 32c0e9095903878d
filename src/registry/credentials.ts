/** Who we are to a registry, as docker remembers it: `config.json` and the credential helpers it names. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { UsageError } from "../errors.ts";
import { dockerHub } from "../reference/image-reference.ts";
import type { Environment } from "./proxy.ts";
import { systemCode } from "./network-failure.ts";

/** What may be shown to a registry or its token service. Never logged, never part of an error. */
export type Credentials =
  | { readonly kind: "basic"; readonly username: string; readonly password: string }
  /** a refresh token, exchanged at the token service */
  | { readonly kind: "identity-token"; readonly token: string }
  /** a bearer token for the registry itself */
  | { readonly kind: "registry-token"; readonly token: string };

/** Finds the credentials for a registry (`docker.io`, `host:port`); undefined means anonymous. */
export type CredentialSource = (registry: string, signal?: AbortSignal) => Promise<Credentials | undefined>;

/** Docker Hub's entry in `config.json` and in helpers. */
const dockerHubKey = "https://index.docker.io/v1/";
const maxConfigBytes = 4 * 1024 * 1024;

interface StoredAuth {
  readonly auth?: unknown;
  readonly username?: unknown;
  readonly password?: unknown;
  readonly identitytoken?: unknown;
  readonly registrytoken?: unknown;
}

/** Docker's `config.json`, as far as credentials go. */
export class DockerConfig {
  readonly #auths: ReadonlyMap<string, StoredAuth>;
  readonly #helpers: ReadonlyMap<string, string>;
  readonly #store: string | undefined;
  readonly #env: Environment;

  constructor(content: unknown, env: Environment) {
    const config = record(content);
    this.#auths = new Map(Object.entries(record(config["auths"])).map(([key, auth]) => [hostOfKey(key), record(auth)]));
    this.#helpers = new Map(
      Object.entries(record(config["credHelpers"])).map(([key, name]) => [hostOfKey(key), String(name)]),
    );
    this.#store =
      typeof config["credsStore"] === "string" && config["credsStore"] !== "" ? config["credsStore"] : undefined;
    this.#env = env;
  }

  /**
   * The credentials for a registry: its own helper first, then the common store, then the file, as docker looks them up.
   *
   * @param registry as in a reference: `docker.io`, `host`, `host:port`
   * @throws UsageError `USAGE` when a helper cannot be run or fails, `FILE_UNREADABLE` for a broken entry; TagsealError `CANCELLED`
   */
  async credentialsFor(registry: string, signal?: AbortSignal): Promise<Credentials | undefined> {
    const isDockerHub = hostOfKey(registry) === dockerHub;
    const helper = this.#helpers.get(hostOfKey(registry)) ?? this.#store;
    if (helper === undefined) return storedCredentials(registry, this.#auths.get(hostOfKey(registry)));
    const { askCredentialHelper } = await import("./credential-helper.ts");
    return await askCredentialHelper(helper, isDockerHub ? dockerHubKey : registry, this.#env, signal);
  }
}

/**
 * Reads `config.json` from docker's configuration directory; a missing file means no credentials at all.
 *
 * @param env what credential helpers see of the environment (less the passphrases)
 * @throws UsageError `FILE_UNREADABLE` when it is there and cannot be read or is no JSON object
 */
export async function loadDockerConfig(directory: string, env: Environment): Promise<DockerConfig> {
  const path = join(directory, "config.json");
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    if (systemCode(error) === "ENOENT") return new DockerConfig({}, env);
    throw new UsageError("FILE_UNREADABLE", `cannot read ${path}`, { cause: error });
  }
  if (bytes.length > maxConfigBytes)
    throw new UsageError("FILE_UNREADABLE", `${path} is larger than ${maxConfigBytes} bytes`);
  return new DockerConfig(parseConfig(path, bytes), env);
}

function parseConfig(path: string, bytes: Buffer): unknown {
  try {
    // the user's own file, which other programs write: any JSON will do
    return bytes.length === 0 ? {} : JSON.parse(bytes.toString("utf8"));
  } catch (error) {
    // the parser's message quotes the file, which holds secrets: it is neither shown nor kept as the cause
    const where = error instanceof Error ? (/position \d+/.exec(error.message)?.[0] ?? "") : "";
    throw new UsageError("FILE_UNREADABLE", `${path} is not JSON ${where}`.trim());
  }
}

/** Keys are hosts, or URLs such as docker wrote long ago: `https://host/v1/`. */
function hostOfKey(key: string): string {
  const host = key.replace(/^https?:\/\//, "").split("/", 1)[0] ?? key;
  return host === "index.docker.io" || host === "registry-1.docker.io" ? dockerHub : host;
}

function storedCredentials(registry: string, stored: StoredAuth | undefined): Credentials | undefined {
  if (stored === undefined) return undefined;
  const { identitytoken, registrytoken, username, password, auth } = stored;
  if (typeof identitytoken === "string" && identitytoken !== "")
    return { kind: "identity-token", token: identitytoken };
  if (typeof registrytoken === "string" && registrytoken !== "")
    return { kind: "registry-token", token: registrytoken };
  if (typeof auth === "string" && auth !== "") return decodeAuth(registry, auth);
  if (typeof username !== "string" || typeof password !== "string" || username === "") return undefined;
  return { kind: "basic", username, password };
}

function decodeAuth(registry: string, auth: string): Credentials {
  const text = Buffer.from(auth, "base64").toString("utf8");
  const colon = text.indexOf(":");
  if (colon < 1) {
    throw new UsageError("FILE_UNREADABLE", `config.json holds a broken "auth" entry for ${registry}`, {
      hint: `log in again: docker login ${registry}`,
    });
  }
  // docker pads some passwords with NUL bytes
  return {
    kind: "basic",
    username: text.slice(0, colon),
    password: text.slice(colon + 1).replaceAll(/^\0+|\0+$/g, ""),
  };
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {};
}
