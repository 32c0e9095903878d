/** Tokens this server issues to its own users. They say who the user is, not what the user may do: the rules decide that for each request. */

import { createHmac, randomBytes } from "node:crypto";
import { jwtVerify, SignJWT } from "jose";
import { TagsealError } from "../../errors.ts";
import { type ContentOf, WatchedFiles, type WatchParts } from "../../service/watching/watched-files.ts";

/** The user a token was issued to. */
export interface TokenHolder {
  /** undefined: an anonymous client, which asked without a password */
  readonly user: string | undefined;
  /** the hash the password was checked against, so that a changed password invalidates the token */
  readonly passwordHash: string | undefined;
}

/** How long a token is valid, in seconds. Clients treat a shorter lifetime than a minute as a minute. */
export const tokenLifetimeSeconds = 300;

const issuer = "tagseal";
/** the clocks of replicas with the same key may differ by this much */
const leewaySeconds = 60;
/** as long as the hash; a shorter key could be guessed */
const minKeyBytes = 32;

/** Issues and verifies. The key never leaves this server and its replicas. */
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
   * @param keyFile when absent, each start makes a new key, and tokens end with the process
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
   * Verifies a token and returns its holder.
   *
   * @param hashOf the hash a user's password is checked against now; undefined for a user who no longer exists
   * @returns undefined for a token that this server did not issue or that is no longer valid
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
      // Every failure here is a property of the token: not issued by this server, or no longer valid.
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
