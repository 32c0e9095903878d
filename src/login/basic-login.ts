/** User names and passwords from a file. RFC 7617 */

import { decodeBase64 } from "../encoding/base64.ts";
import { hasCode, TagsealError } from "../errors.ts";
import type { AccessRequest } from "./access-request.ts";
import type { BasicSettings } from "./login-settings.ts";
import { credentialsOf, invalidLogin, isUserName, quoted, type Login, type LoginMethod } from "./login.ts";
import { LockOutLog } from "../http/server/unknown-proxies.ts";
import { errorFields } from "../service/log.ts";
import { PasswordCheck, type ComparePassword, type PasswordOutcome } from "./password-check.ts";
import { PasswordThread } from "./password-thread.ts";
import { parsePasswordFile, type PasswordFile } from "./password-file.ts";
import { WatchedFiles, type WatchParts } from "../service/watching/watched-files.ts";

/** bcrypt reads no more than this: longer passwords with the same beginning would be equal */
const maxPasswordBytes = 72;
const maxCredentialsLength = 1024;

const logins: Readonly<Record<PasswordOutcome, (user: string, claimedUser: string) => Login>> = {
  right: (user) => ({ kind: "known", user }),
  wrong: (_user, claimedUser) => ({ ...invalidLogin, claimedUser }),
  throttled: (_user, claimedUser) => ({ kind: "refused", refusal: "throttled", claimedUser }),
};

/** People type their password in place of their name, so an unknown name is not logged, nor its hash, which can be guessed. */
const noSuchUser = "(no such user)";

/** Verifies passwords. */
export class BasicLogin implements LoginMethod {
  readonly #realm: string;
  readonly #file: WatchedFiles<PasswordFile>;
  readonly #thread: PasswordThread;
  readonly #passwords: PasswordCheck;

  readonly #lockOuts: LockOutLog;

  private constructor(
    realm: string,
    file: WatchedFiles<PasswordFile>,
    thread: PasswordThread,
    { now, log }: WatchParts,
  ) {
    this.#lockOuts = new LockOutLog(log);
    this.#realm = realm;
    this.#file = file;
    this.#thread = thread;
    this.#passwords = new PasswordCheck((password, hash) => thread.compare(password, hash), now);
  }

  /** @throws TagsealError `SERVER_CONFIGURATION` */
  static async open({ htpasswd, realm = "tagseal" }: BasicSettings, parts: WatchParts): Promise<BasicLogin> {
    if (/\p{Cc}/u.test(realm)) throw new TagsealError("SERVER_CONFIGURATION", "The realm has control characters");
    const file = await WatchedFiles.open(
      {
        part: "passwords",
        files: [htpasswd],
        secrets: [htpasswd],
        parse: (contentOf) => parsePasswordFile(contentOf(htpasswd)),
      },
      parts,
    );
    const thread = new PasswordThread(await loadBcrypt(), (error) =>
      parts.log.write("error", "the thread that compares passwords has failed", errorFields(error)),
    );
    return new BasicLogin(realm, file, thread, parts);
  }

  async login(request: AccessRequest): Promise<Login | undefined> {
    const encoded = credentialsOf(request, "basic");
    if (encoded === undefined) return undefined;
    const claim = parseCredentials(encoded);
    if (claim === undefined) return invalidLogin;
    const file = await this.#file.value();
    const outcome = await this.#passwords.check({ ...claim, address: request.remoteAddress }, file);
    if (outcome === "throttled")
      this.#lockOuts.tell(request.remoteAddress, "wrong passwords", request.isUnknownProxy === true);
    return logins[outcome](claim.user, file.hashes.has(claim.user) ? claim.user : noSuchUser);
  }

  /** What a user's password is checked against now; undefined for an unknown user. */
  async hashOf(user: string): Promise<string | undefined> {
    return (await this.#file.value()).hashes.get(user);
  }

  challenge(): string {
    return `Basic realm=${quoted(this.#realm)}`;
  }

  close(): Promise<void> {
    return this.#thread.close();
  }
}

/** Only servers with passwords need it. */
async function loadBcrypt(): Promise<ComparePassword> {
  try {
    return (await import("bcryptjs")).compare;
  } catch (cause) {
    throw new TagsealError("SERVER_CONFIGURATION", "Passwords need the package bcryptjs", {
      cause,
      hint: "Install it beside tagseal: npm install bcryptjs",
    });
  }
}

function parseCredentials(encoded: string): { user: string; password: string } | undefined {
  const text = encoded.length > maxCredentialsLength ? undefined : decodedText(encoded);
  if (text === undefined) return undefined;
  const colon = text.indexOf(":");
  const [user, password] = [text.slice(0, Math.max(0, colon)), text.slice(colon + 1)];
  const isPassword = Buffer.byteLength(password) <= maxPasswordBytes && !/\p{Cc}/u.test(password);
  return isUserName(user) && isPassword ? { user, password } : undefined;
}

function decodedText(encoded: string): string | undefined {
  try {
    const bytes = decodeBase64(encoded);
    const text = Buffer.from(bytes).toString("utf8");
    return Buffer.from(text, "utf8").equals(bytes) ? text : undefined;
  } catch (error) {
    if (hasCode(error, "BASE64_MALFORMED")) return undefined;
    throw error;
  }
}
