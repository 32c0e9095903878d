/** Tokens this server gives to its own users. They say who somebody is, not what they may do: that is for the rules, each time. */

import { createHmac, randomBytes } from "node:crypto";
import { jwtVerify, SignJWT } from "jose";
import { TagsealError } from "../../errors.ts";
import { type ContentOf, WatchedFiles, type WatchParts } from "../../service/watching/watched-files.ts";

/** Who a token was given to. */
export interface TokenHolder {
  /** undefined: whoever asked without a password */
  readonly user: string | undefined;
  /** what the password was checked against, so that a changed password ends the token */
  readonly passwordHash: string | undefined;
}

/** Seconds a token is good for. Clients take none to live shorter than a minute. */
export const tokenLifetimeSeconds = 300;

const issuer = "tagseal";
/** replicas with the same key may differ that much in time */
const leewaySeconds = 60;
/** as long as the hash; anything shorter could be guessed */
const minKeyBytes = 32;

/** Issues and verifies. The key never leaves this server, or these replicas. */
export class IssuedTokens {
  readonly #audience: string;
  readonly #now: () => Date;
  readonly #ownKey = randomBytes(minKeyBytes);
  readonly #keyFile: WatchedFiles<Uint8Array> | undefined;

  private constructor(audience: string, now: () => Date, keyFile: WatchedFiles<Uint8Array> | undefined) {
    this.#audience = audience;
    this.#now = now;
    this.#keyFile = keyFile;
  }

  /**
   * @param keyFile absent: a new key for each start, and tokens end with the process
   * @throws TagsealError `SERVER_CONFIGURATION`
   */
  static async open(audience: string, keyFile: string | undefined, parts: WatchParts): Promise<IssuedTokens> {
    if (keyFile === undefined) return new IssuedTokens(audience, parts.now, undefined);
    const parse = (contentOf: ContentOf): Uint8Array => parseKey(contentOf(keyFile));
    const file = await WatchedFiles.open({ part: "token_key", files: [keyFile], secrets: [keyFile], parse }, parts);
    return new IssuedTokens(audience, parts.now, file);
  }

  async issue({ user = "", passwordHash }: TokenHolder): Promise<string> {
    const key = await this.#key();
    const seconds = Math.floor(this.#now().getTime() / 1000);
    return new SignJWT({ mark: markOf(passwordHash, key) })
      .setProtectedHeader({ alg: "HS256", typ: "JWT" })
      .setIssuer(issuer)
      .setAudience(this.#audience)
      .setSubject(user)
      .setIssuedAt(seconds)
      .setExpirationTime(seconds + tokenLifetimeSeconds)
      .sign(key);
  }

  /**
   * Whom a token was given to.
   *
   * @param hashOf what a user's password is checked against now; undefined for who is no user any more
   * @returns undefined for what is no token of ours, or not any more
   */
  async verify(
    token: string,
    hashOf: (user: string) => Promise<string | undefined>,
  ): Promise<{ readonly user: string | undefined } | undefined> {
    const key = await this.#key();
    const payload = await this.#payload(token, key);
    if (payload === undefined) return undefined;
    const { sub: user = "" } = payload;
    if (user === "") return { user: undefined };
    const hash = await hashOf(user);
    return hash !== undefined && payload["mark"] === markOf(hash, key) ? { user } : undefined;
  }

  async #key(): Promise<Uint8Array> {
    return this.#keyFile?.value() ?? this.#ownKey;
  }

  async #payload(token: string, key: Uint8Array) {
    try {
      const { payload } = await jwtVerify(token, key, {
        algorithms: ["HS256"],
        issuer,
        audience: this.#audience,
        clockTolerance: leewaySeconds,
        currentDate: this.#now(),
        requiredClaims: ["exp", "sub"],
      });
      return payload;
    } catch {
      // Whatever is wrong with it came with the token; it is not one of ours, or no longer good.
      return undefined;
    }
  }
}

function markOf(passwordHash: string | undefined, key: Uint8Array): string {
  return createHmac("sha256", key)
    .update(passwordHash ?? "")
    .digest("base64url");
}

function parseKey(bytes: Buffer): Uint8Array {
  if (bytes.length >= minKeyBytes) return bytes;
  throw new TagsealError("SERVER_CONFIGURATION", `it holds ${bytes.length} bytes, expected ${minKeyBytes} at least`);
}
