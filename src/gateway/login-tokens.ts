/**
 * Tokens that stand for the login of a client. Engines without a login get one, too: of a server that wants a password, docker pulls nothing without
 * one. The gateway keeps no list of them: a token holds the login, sealed, for a few minutes.
 */
import { jsonMember, parseOrdinaryJson } from "../encoding/json.ts";
import { openText, sealText } from "../crypto/sealed-text.ts";
import { PassedLogin } from "./passed-login.ts";

/** how long a token counts; engines ask for another one before */
export const tokenSeconds = 300;
const prefix = "tagseal-login.";

/** See the top of this file. */
export class LoginTokens {
  readonly #key: () => Uint8Array;
  readonly #now: () => Date;

  /** @param key the current one, which all replicas have */
  constructor(key: () => Uint8Array, now: () => Date) {
    this.#key = key;
    this.#now = now;
  }

  /** A token for a login with a password, or without any. */
  issue(login: PassedLogin): string {
    const until = this.#now().getTime() + tokenSeconds * 1000;
    const credentials = login.credentials();
    const { username, password } = credentials?.kind === "basic" ? credentials : {};
    return prefix + sealText(this.#key(), JSON.stringify({ until, username, password })).toString("base64url");
  }

  /** True for a token of a gateway; another one is a token of the registry. */
  isOurs(token: string): boolean {
    return token.startsWith(prefix);
  }

  /** The login that a token stands for; undefined when it counts no longer, or never did. */
  open(token: string): PassedLogin | undefined {
    const text = openText(this.#key(), Buffer.from(token.slice(prefix.length), "base64url"));
    if (text === undefined) return undefined;
    const [until, username, password] = ["until", "username", "password"].map((name) =>
      jsonMember(parseOrdinaryJson(Buffer.from(text)), name),
    );
    if (typeof until !== "number" || this.#now().getTime() >= until) return undefined;
    if (typeof username !== "string" || typeof password !== "string") return new PassedLogin(undefined);
    return new PassedLogin({ kind: "basic", username, password });
  }
}
