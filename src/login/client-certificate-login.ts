/** Client certificates. TLS has verified the chain before a request is read; here the certificate becomes a user. */

import { createSecureContext } from "node:tls";
import { parseCertificate, parseCertificateBundle, type Certificate } from "../crypto/certificate.ts";
import { TagsealError } from "../errors.ts";
import type { AccessRequest } from "./access-request.ts";
import type { ClientCertificateSettings, UserFrom } from "./login-settings.ts";
import { invalidLogin, isUserName, type Login, type LoginMethod } from "./login.ts";
import { authoritiesValidity, type Validity } from "../service/watching/certificate-validity.ts";
import { type ContentOf, WatchedFiles, type WatchParts } from "../service/watching/watched-files.ts";

/** Names the users of verified client certificates. */
export class ClientCertificateLogin implements LoginMethod {
  readonly #file: WatchedFiles<Buffer>;
  readonly #userFrom: UserFrom;
  readonly #now: () => Date;

  private constructor(file: WatchedFiles<Buffer>, userFrom: UserFrom, now: () => Date) {
    this.#file = file;
    this.#userFrom = userFrom;
    this.#now = now;
  }

  /**
   * @param onChange called with the authorities' PEM text after the file changed
   * @throws TagsealError `SERVER_CONFIGURATION`
   */
  static async open(
    { caFile, userFrom = "commonName" }: ClientCertificateSettings,
    parts: WatchParts & { readonly onChange: (authorities: Buffer) => void },
  ): Promise<ClientCertificateLogin> {
    if (!Object.hasOwn(userNames, userFrom)) {
      const known = Object.keys(userNames).join(", ");
      throw new TagsealError("SERVER_CONFIGURATION", `Cannot name users by "${userFrom}", expected one of ${known}`);
    }
    const parse = (contentOf: ContentOf): Buffer => parseAuthorities(contentOf(caFile));
    const validity = (contentOf: ContentOf): Validity | undefined => authoritiesValidity(contentOf(caFile));
    const { onChange } = parts;
    const file = await WatchedFiles.open(
      { part: "client_authorities", files: [caFile], parse, validity, onChange },
      parts,
    );
    return new ClientCertificateLogin(file, userFrom, parts.now);
  }

  /** PEM text of the authorities, for TLS. */
  authorities(): Promise<Buffer> {
    return this.#file.value();
  }

  async login({ clientCertificate, headers }: AccessRequest): Promise<Login | undefined> {
    // Read for its effect: a changed file is passed to TLS and holds from the next connection on.
    await this.#file.value();
    // A connection presents its certificate with every request; a header is sent on purpose, so the header counts.
    if (clientCertificate === undefined || headers.authorization !== undefined) return undefined;
    if (this.#userFrom === "nobody") return undefined;
    const user = this.#userOf(clientCertificate);
    return user === undefined ? invalidLogin : { kind: "known", user };
  }

  /** No client answers this challenge, but HTTP requires one with a 401. RFC 9110 §15.5.2 */
  challenge(): string {
    return 'TLS-Client-Certificate realm="tagseal"';
  }

  #userOf(der: Uint8Array): string | undefined {
    try {
      const certificate = parseCertificate(der);
      const now = this.#now();
      // A connection may live longer than the certificate that opened it.
      if (now < certificate.notBefore || now > certificate.notAfter) return undefined;
      const user = userNames[this.#userFrom](certificate);
      return user !== undefined && isUserName(user) ? user : undefined;
    } catch (error) {
      if (error instanceof TagsealError) return undefined;
      throw error;
    }
  }
}

const userNames: Readonly<Record<UserFrom, (certificate: Certificate) => string | undefined>> = {
  commonName: ({ subjectCommonName }) => subjectCommonName,
  dns: ({ alternativeNames }) => only(alternativeNames.dns),
  uri: ({ alternativeNames }) => only(alternativeNames.uris),
  nobody: () => undefined,
};

/** The only value: with several, a rule could not know which one is the user. */
function only(names: readonly string[]): string | undefined {
  return names.length === 1 ? names[0] : undefined;
}

function parseAuthorities(bytes: Buffer): Buffer {
  parseCertificateBundle(bytes);
  try {
    createSecureContext({ ca: bytes });
  } catch (cause) {
    throw new TagsealError("SERVER_CONFIGURATION", "TLS cannot use these certificates", { cause });
  }
  return bytes;
}
