/**
 * The logins in a file: `auths` of docker's config.json and of podman's auth.json, and which of them is for a repository. Keys come in many
 * spellings: a host, `host:port`, a URL as docker once wrote them (`https://host/v1/`), and the path of a namespace or repository
 * (`host/team/app`), whose login is for the repositories below it and never for the whole host.
 */
import { type JsonObject, jsonMember, type JsonValue } from "../encoding/json.ts";
import { dockerHub } from "../reference/image-reference.ts";
import type { Credentials, LoginTarget, UserAndPassword } from "./credentials.ts";

/** Docker Hub's key in docker's files and helpers. */
export const dockerHubKey = "https://index.docker.io/v1/";

/** Names of Docker Hub that mean one registry, the current key first. */
const dockerHubKeys = {
  docker: [dockerHubKey, dockerHub, "index.docker.io", "registry-1.docker.io"],
  podman: [dockerHub, "index.docker.io", "registry-1.docker.io", dockerHubKey],
} as const;

/** Which keys come first where two name the same registry. */
export type LoginDialect = keyof typeof dockerHubKeys;

/** An entry that cannot be used, and the reason; without any of its content. */
export interface BrokenLogin {
  readonly key: string;
  readonly reason: string;
}

/** The entries of a file for a repository. */
export interface FoundLogin {
  readonly credentials: Credentials | undefined;
  /** broken entries that would come first */
  readonly broken: readonly BrokenLogin[];
}

/** Values by key, where several spellings of a key mean one registry. */
export class KeyedByRegistry<T> {
  readonly #values: ReadonlyMap<string, T>;
  readonly #dialect: LoginDialect;

  constructor(values: ReadonlyMap<string, T>, dialect: LoginDialect) {
    this.#values = values;
    this.#dialect = dialect;
  }

  /** All entries for the target, the best match first: the longest path, the exact key of the registry, then its other spellings. */
  matches(target: LoginTarget): [key: string, value: T][] {
    const exact = [...pathKeys(target), ...registryKeys(target.registry, this.#dialect)];
    const host = hostOfKey(target.registry);
    const spelled = [...this.#values.keys()].filter((key) => host !== undefined && hostOfKey(key) === host);
    const found: [string, T][] = [];
    for (const key of new Set([...exact, ...spelled])) {
      const value = this.#values.get(key);
      if (value !== undefined) found.push([key, value]);
    }
    return found;
  }
}

/** The `auths` of a file, or of docker's variable. */
export class StoredLogins {
  readonly #entries: KeyedByRegistry<JsonValue>;

  constructor(auths: JsonObject, dialect: LoginDialect) {
    this.#entries = new KeyedByRegistry(new Map(Object.entries(auths)), dialect);
  }

  /** The login for a target. An empty entry, as docker leaves beside a credential helper, is not a login. */
  find(target: LoginTarget): FoundLogin {
    const broken: BrokenLogin[] = [];
    let withoutSecret: Credentials | undefined;
    for (const [key, entry] of this.#entries.matches(target)) {
      const credentials = credentialsOf(key, entry, broken);
      if (credentials === undefined) continue;
      if (credentials.kind !== "basic" || credentials.password !== "") return { credentials, broken };
      withoutSecret ??= credentials;
    }
    return { credentials: withoutSecret, broken };
  }
}

/** `host/team/app`, `host/team`: of a namespace, most specific first. */
function pathKeys({ registry, repository }: LoginTarget): string[] {
  if (repository === undefined) return [];
  const parts = repository.split("/");
  const paths = parts.map((_, index) => parts.slice(0, parts.length - index).join("/"));
  return paths.flatMap((path) => registryNames(registry).map((host) => `${host}/${path}`));
}

function registryKeys(registry: string, dialect: LoginDialect): readonly string[] {
  return registryNames(registry).length > 1 ? dockerHubKeys[dialect] : [registry];
}

function registryNames(registry: string): readonly string[] {
  return hostOfKey(registry) === dockerHub ? dockerHubKeys.podman.slice(0, -1) : [registry];
}

/**
 * The registry that a key names as a whole; undefined for the key of a path. A URL may end in the path of the registry's API, and so may a plain
 * key with a final slash, which no namespace has.
 */
function hostOfKey(key: string): string | undefined {
  const [, scheme, rest = ""] = /^([a-z][a-z0-9+.-]*:\/\/)?(.*)$/is.exec(key) ?? [];
  const [, host = "", path = ""] = /^(?:[^/@]*@)?([^/]*)(.*)$/s.exec(rest) ?? [];
  const isWhole = scheme === undefined ? /^(?:\/|\/v[12]\/)?$/ : /^(?:\/|\/v[12]\/?)?$/;
  if (host === "" || !isWhole.test(path)) return undefined;
  const name = host.toLowerCase();
  return name === "index.docker.io" || name === "registry-1.docker.io" ? dockerHub : name;
}

function credentialsOf(key: string, entry: JsonValue, broken: BrokenLogin[]): Credentials | undefined {
  const login = userAndPassword(key, entry, broken);
  const basic = login === undefined || login.password === "" ? {} : { basic: login };
  const identity = text(entry, "identitytoken");
  if (identity !== "") return { kind: "identity-token", token: identity, ...basic };
  const registry = text(entry, "registrytoken");
  if (registry !== "") return { kind: "registry-token", token: registry, ...basic };
  return login === undefined ? undefined : { kind: "basic", ...login };
}

function userAndPassword(key: string, entry: JsonValue, broken: BrokenLogin[]): UserAndPassword | undefined {
  const auth = text(entry, "auth");
  if (auth === "") {
    const username = text(entry, "username");
    return username === "" ? undefined : { username, password: text(entry, "password") };
  }
  const decoded = decodedAuth(auth);
  if (decoded === undefined) broken.push({ key, reason: 'its "auth" is not the base64 of USER:PASSWORD' });
  return decoded;
}

/** The user and password in an `auth` member; undefined when it has neither. */
export function decodedAuth(auth: string): UserAndPassword | undefined {
  const decoded = Buffer.from(auth, "base64").toString("utf8");
  const colon = decoded.indexOf(":");
  if (colon < 1) return undefined;
  // docker pads some passwords with NUL bytes
  return { username: decoded.slice(0, colon), password: decoded.slice(colon + 1).replaceAll(/^\0+|\0+$/g, "") };
}

function text(entry: JsonValue, name: string): string {
  const value = jsonMember(entry, name);
  return typeof value === "string" ? value : "";
}
