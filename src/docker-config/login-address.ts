/** The server that a login is for, by the names that docker's `login` and `logout` take. */
import { UsageError } from "../errors.ts";
import { dockerHub } from "../reference/image-reference.ts";
import { dockerHubKey } from "./stored-logins.ts";

/** A server to log in to. */
export interface LoginAddress {
  /** the key of its login in docker's files and helpers: `host`, `host:port`, or Docker Hub's URL */
  readonly key: string;
  /** as in a reference: `docker.io`, `host`, `host:port` */
  readonly registry: string;
}

/**
 * Reads the argument of `login` and `logout` as docker does: without one, and for `docker.io`, Docker Hub is meant; else scheme and path count
 * for nothing.
 *
 * @throws UsageError `USAGE` for what is no host and port
 */
export function loginAddress(typed = ""): LoginAddress {
  if (typed === "" || typed === dockerHub || typed === dockerHubKey) return { key: dockerHubKey, registry: dockerHub };
  const key = hostOf(typed);
  // of a URL without a host the scheme is left
  if (key.endsWith(":") || !URL.canParse(`https://${key}/`) || new URL(`https://${key}/`).username !== "")
    throw new UsageError("USAGE", `unable to parse server address: ${JSON.stringify(typed)}`, {
      hint: "Name a host, or a host and a port, such as registry.example.com:5000.",
    });
  return { key, registry: key === "index.docker.io" ? dockerHub : key };
}

/** Everything a login for the server may be called in a file or a helper: what docker's `logout` takes away, for Docker Hub its web login, too. */
export function erasedKeys(typed = ""): string[] {
  const { key } = loginAddress(typed);
  if (key === dockerHubKey)
    return [...new Set([key, ...(typed === "" ? [] : [typed]), `${key}access-token`, `${key}refresh-token`])];
  return [...new Set([typed, key, `http://${key}`, `https://${key}`])];
}

function hostOf(typed: string): string {
  if (typed.includes("://") && URL.canParse(typed)) {
    const { hostname, port } = new URL(typed);
    // a URL of a scheme that browsers know loses its usual port, which docker keeps
    const named = /^[^:]+:\/\/(?:[^/@]*@)?[^/]*:(\d+)(?:\/|$)/.exec(typed)?.[1] ?? port;
    if (hostname !== "") return named === "" ? hostname : `${hostname}:${named}`;
  }
  return typed.split("/", 1)[0] ?? "";
}
