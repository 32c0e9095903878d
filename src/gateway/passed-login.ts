/** The login of a client that the gateway passes on to a registry, and never keeps, writes down or shows to another one. */
import { createHmac, randomBytes } from "node:crypto";
import type { Credentials } from "../docker-config/credentials.ts";

/** access tokens of clouds take a few KiB */
const maxHeaderLength = 12 * 1024;
/** of this process: a scope is worth nothing elsewhere, and no password can be guessed from it */
const scopeKey = randomBytes(32);

/** What a registry is shown in the place of the gateway's own login. */
export class PassedLogin {
  /** the same for the same login; what is remembered for one client is never used for another */
  readonly scope: string;
  readonly #credentials: Credentials | undefined;

  constructor(credentials: Credentials | undefined) {
    this.#credentials = credentials;
    const text = JSON.stringify(credentials === undefined ? [] : Object.entries(credentials));
    this.scope = createHmac("sha256", scopeKey).update(text).digest("base64url");
  }

  /** True for a client that shows no login: the registry sees an anonymous one. */
  get isAnonymous(): boolean {
    return this.#credentials === undefined;
  }

  /** For the audit of pushes; undefined for a token, which has no name. */
  get user(): string | undefined {
    return this.#credentials?.kind === "basic" ? this.#credentials.username : undefined;
  }

  /** For the registry alone that the request names. */
  credentials(): Credentials | undefined {
    return this.#credentials;
  }
}

/** The login in an `Authorization` header. @returns undefined for one that is not Basic or Bearer, or malformed */
export function shownCredentials(header: string): Credentials | "anonymous" | undefined {
  const [, scheme = "", text = ""] =
    /^(basic|bearer) +([\x21-\x7e]+)$/iu.exec(header.slice(0, maxHeaderLength + 1)) ?? [];
  if (scheme === "" || header.length > maxHeaderLength) return undefined;
  if (scheme.toLowerCase() === "bearer") return { kind: "registry-token", token: text };
  const pair = Buffer.from(text, "base64").toString("utf8");
  const colon = pair.indexOf(":");
  // podman and skopeo show an empty pair where they have no login
  if (pair === ":") return "anonymous";
  if (colon < 1 || /\p{Cc}/u.test(pair)) return undefined;
  return { kind: "basic", username: pair.slice(0, colon), password: pair.slice(colon + 1) };
}
