/** Docker's token authentication. Notary v1: token authentication. */

import { jwtVerify, type JWTPayload } from "jose";
import { parseCertificateBundle } from "../crypto/certificate.ts";
import { TagsealError } from "../errors.ts";
import type { AccessRequest, AccessRefusal } from "./access-request.ts";
import { errorFields } from "../service/log.ts";
import type { TokenSettings } from "./login-settings.ts";
import { bearerChallenge, maxTokenBytes, requireRealm } from "./bearer-challenge.ts";
import { credentialsOf, invalidLogin, type Login, type LoginMethod } from "./login.ts";
import { parseClaims } from "./token-claims.ts";
import { allKeys, bundleKeys, findTokenKey, jwksKeys, noKeys, type TrustedKeys } from "./token-keys.ts";
import { authoritiesValidity, type Validity } from "../service/watching/certificate-validity.ts";
import { type ContentOf, WatchedFiles, type WatchParts } from "../service/watching/watched-files.ts";

/** how far the clocks of issuer and server may be apart, as with Notary's server */
const leewaySeconds = 60;
/** Signatures by a private key. With an HMAC every public key would serve as a secret that everyone knows. */
const algorithms = [
  "ES256",
  "ES384",
  "ES512",
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "EdDSA",
  "Ed25519",
];

/** Files with keys, watched. */
type KeyFile = WatchedFiles<TrustedKeys>;

/** Verifies tokens, and sends clients without a token to the realm that issues them. */
export class TokenLogin implements LoginMethod {
  readonly #settings: TokenSettings;
  readonly #files: readonly KeyFile[];
  readonly #parts: WatchParts;

  private constructor(settings: TokenSettings, files: readonly KeyFile[], parts: WatchParts) {
    this.#settings = settings;
    this.#files = files;
    this.#parts = parts;
  }

  /** @throws TagsealError `SERVER_CONFIGURATION` */
  static async open(settings: TokenSettings, parts: WatchParts): Promise<TokenLogin> {
    requireRealm(settings.realm, parts.log);
    requireNames(settings);
    const { rootcertbundle, jwks } = settings;
    const opening: Promise<KeyFile>[] = [];
    if (rootcertbundle !== undefined) opening.push(watchBundle(rootcertbundle, parts));
    if (jwks !== undefined) opening.push(watchKeySet(jwks, parts));
    if (opening.length === 0) throw invalid("neither rootcertbundle nor jwks says which keys sign tokens");
    return new TokenLogin(settings, await Promise.all(opening), parts);
  }

  async login(request: AccessRequest): Promise<Login | undefined> {
    const token = credentialsOf(request, "bearer");
    if (token === undefined) return undefined;
    if (token.length > maxTokenBytes) return invalidLogin;
    const payload = await this.#verified(token);
    const latestIssue = new Date(this.#parts.now().getTime() + leewaySeconds * 1000);
    const claims = payload && parseClaims(payload, latestIssue);
    return claims === undefined ? invalidLogin : { kind: "known", ...claims };
  }

  challenge(request: AccessRequest, refusal: AccessRefusal): string {
    return bearerChallenge(this.#settings, request, refusal);
  }

  async #verified(token: string): Promise<JWTPayload | undefined> {
    const { issuer, service } = this.#settings;
    const now = this.#parts.now();
    const keys = (await Promise.all(this.#files.map((file) => file.value()))).reduce(allKeys, noKeys);
    try {
      const { payload } = await jwtVerify(token, (header) => findTokenKey(header, keys, now), {
        algorithms,
        issuer,
        audience: service,
        clockTolerance: leewaySeconds,
        currentDate: now,
        requiredClaims: ["exp"],
      });
      return payload;
    } catch (error) {
      // Every failure to read, find or verify is a property of the token, which then proves nothing.
      this.#parts.log.write("debug", "refused a token", errorFields(error));
      return undefined;
    }
  }
}

function watchBundle(path: string, parts: WatchParts): Promise<KeyFile> {
  const parse = (contentOf: ContentOf): TrustedKeys => bundleKeys(parseCertificateBundle(contentOf(path)));
  const validity = (contentOf: ContentOf): Validity | undefined => authoritiesValidity(contentOf(path));
  return WatchedFiles.open({ part: "token_certificates", files: [path], parse, validity }, parts);
}

function watchKeySet(path: string, parts: WatchParts): Promise<KeyFile> {
  const parse = (contentOf: ContentOf): TrustedKeys => jwksKeys(contentOf(path));
  return WatchedFiles.open({ part: "token_keys", files: [path], parse }, parts);
}

function requireNames({ service, issuer }: TokenSettings): void {
  for (const [name, value] of Object.entries({ service, issuer })) {
    if (value === "" || /\p{Cc}/u.test(value)) throw invalid(`${name} is empty or has control characters`);
  }
}

function invalid(reason: string): TagsealError {
  return new TagsealError("SERVER_CONFIGURATION", `Cannot set token authentication up: ${reason}`);
}
