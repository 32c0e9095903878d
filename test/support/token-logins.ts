/** What tests of docker's token authentication are told with: an issuer, its tokens, and logins that trust it. */
import assert from "node:assert/strict";
import { createPublicKey } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Login } from "../../src/login/login.ts";
import type { TokenSettings } from "../../src/login/login-settings.ts";
import { libtrustKeyId } from "../../src/login/token-keys.ts";
import { TokenLogin } from "../../src/login/token-login.ts";
import { ServerLog } from "../../src/service/log.ts";
import type { FileWatch } from "../../src/service/watching/file-watch.ts";
import { temporaryDirectory } from "./temporary-directory.ts";
import { type CertificateWish, type MadeCertificate, makeCertificate, signedToken } from "./token-maker.ts";

const directory = temporaryDirectory();

let files = 0;

/** A new file with this content. @returns its path */
export function tokenFile(content: string): string {
  const path = join(directory, `file-${(files += 1)}`);
  writeFileSync(path, content);
  return path;
}

/** When the stories begin. */
export const start = new Date("2026-11-23T12:00:00Z");

/** A time as tokens write it, this many seconds after the beginning. */
export function seconds(offset: number): number {
  return start.getTime() / 1000 + offset;
}

/** A time this many days after the beginning. */
export function days(count: number): Date {
  return new Date(start.getTime() + count * 86_400_000);
}

/** The collection that tokens are about. */
export const gun = "example.com/team/app";

/** Claims that are valid. */
export const claims = {
  iss: "the issuer",
  aud: "the service",
  sub: "alice",
  exp: seconds(300),
  nbf: seconds(-10),
  access: [{ type: "repository", name: gun, actions: ["pull"] }],
};

/** A certificate that is valid during the stories, unless it is wished otherwise. */
export async function make(wish: CertificateWish): Promise<MadeCertificate> {
  return await makeCertificate({ from: days(-100), to: days(100), ...wish });
}

/** The issuer's authority, which logins trust. */
export const root = await make({ name: "root", isCa: true });

/** Another authority of the same name. */
export const strangerRoot = await make({ name: "root", isCa: true });

/** The name of the issuer's key. */
export const kid = libtrustKeyId(createPublicKey(root.key));

/** A token that the issuer's key signed and that names this key. */
export function byName(more: object = {}, header: object = {}): string {
  return signedToken({ ...claims, ...more }, { kid, ...header }, root.key);
}

const settings: TokenSettings = {
  realm: "https://auth.example.com/token",
  service: "the service",
  issuer: "the issuer",
  rootcertbundle: tokenFile(root.pem),
};

/** Opens a login that trusts the issuer. @param lines receives its log */
export async function openTokenLogin(
  more: Partial<TokenSettings> = {},
  clock = { now: start },
  lines: string[] = [],
  watch?: FileWatch,
): Promise<TokenLogin> {
  const now = (): Date => clock.now;
  const log = new ServerLog({ sink: (line) => lines.push(line), level: "debug", now });
  return await TokenLogin.open({ ...settings, ...more }, { now, log, watch });
}

/** A request with these credentials. */
export function request(authorization: string | undefined, actions = ["pull"], name: string | undefined = gun) {
  return {
    headers: authorization === undefined ? {} : { authorization },
    gun: name,
    actions,
    remoteAddress: "127.0.0.1",
    clientCertificate: undefined,
  };
}

/** Who a request with this token comes from. */
export async function loginWith(token: string, login?: TokenLogin): Promise<Login | undefined> {
  return await (login ?? (await openTokenLogin())).login(request(`Bearer ${token}`));
}

/** Asserts that a token grants what it says. */
export async function assertGood(token: string, login?: TokenLogin): Promise<void> {
  const found = await loginWith(token, login);
  assert.equal(found?.kind, "known");
  assert.ok(found.grants?.(gun, ["pull"]));
}

/** Asserts that a token is refused as invalid. */
export async function assertRefused(token: string, login?: TokenLogin): Promise<void> {
  assert.deepEqual(await loginWith(token, login), { kind: "refused", refusal: "invalid" });
}
