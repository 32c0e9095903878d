/** Opens the ways to log in that settings name, and asks them in turn who a request comes from. */

import { TagsealError } from "../errors.ts";
import type { ClientCertificates } from "../http/server/tls.ts";
import type { WatchParts } from "../service/watching/watched-files.ts";
import type { AccessRequest } from "./access-request.ts";
import { BasicLogin } from "./basic-login.ts";
import { ClientCertificateLogin } from "./client-certificate-login.ts";
import { invalidLogin, type Login, type LoginMethod } from "./login.ts";
import type { BasicSettings, ClientCertificateSettings, TokenSettings } from "./login-settings.ts";
import { TokenLogin } from "./token-login.ts";

/** The ways to log in; at least one. */
export interface LoginSettings {
  /** docker's token authentication: a separate token server knows the users, and its signed token states what each may do */
  readonly token?: TokenSettings | undefined;
  /** user names and passwords in a file */
  readonly basic?: BasicSettings | undefined;
  /** client certificates; the server must speak TLS itself */
  readonly mtls?: ClientCertificateSettings | undefined;
}

/** What logins need besides settings. */
export interface LoginParts extends WatchParts {
  /** called with the PEM text of the authorities when their file changed: TLS must use it */
  readonly onAuthoritiesChange?: (authorities: Buffer) => void;
}

/** The ways to log in, opened. */
export interface LoginMethods {
  readonly token: TokenLogin | undefined;
  readonly passwords: BasicLogin | undefined;
  readonly certificates: ClientCertificateLogin | undefined;
  /** what TLS must do so that clients can log in with certificates; undefined when they cannot */
  readonly clientCertificates: ClientCertificates | undefined;
}

/** True when certificates name users, and do not only admit connections. */
export function isNamedByCertificate({ mtls }: LoginSettings): boolean {
  return mtls !== undefined && mtls.userFrom !== "nobody";
}

/** Opens them. @throws TagsealError `SERVER_CONFIGURATION` without any way to log in, and for files that cannot be used */
export async function openLoginMethods(settings: LoginSettings, parts: LoginParts): Promise<LoginMethods> {
  const { token, basic, mtls } = settings;
  if (token === undefined && basic === undefined && !isNamedByCertificate(settings)) {
    throw new TagsealError("SERVER_CONFIGURATION", "There is no way to log in: expected token, basic or mtls settings");
  }
  const { onAuthoritiesChange: onChange = () => {} } = parts;
  const certificates = mtls && (await ClientCertificateLogin.open(mtls, { ...parts, onChange }));
  const tokens = token && (await TokenLogin.open(token, parts));
  // Last: only this one has something to close, and nothing fails after it.
  const passwords = basic && (await BasicLogin.open(basic, parts));
  return {
    token: tokens,
    passwords,
    certificates,
    clientCertificates: certificates && {
      authorities: () => certificates.authorities(),
      required: mtls?.required ?? false,
    },
  };
}

/** Methods in the order they are tried; the challenge of the first is sent. */
export type OrderedMethods = readonly [LoginMethod, ...LoginMethod[]];

/** Those that are there. @throws TagsealError `INTERNAL` when none is */
export function inOrder(methods: readonly (LoginMethod | undefined)[]): OrderedMethods {
  const [first, ...others] = methods.filter((method) => method !== undefined);
  if (first === undefined) throw new TagsealError("INTERNAL", "There is no way to log in");
  return [first, ...others];
}

/** Who a request comes from; undefined when it has no credentials. Those of a kind that no method knows are invalid. */
export async function loginOf(request: AccessRequest, methods: OrderedMethods): Promise<Login | undefined> {
  for (const method of methods) {
    const login = await method.login(request);
    if (login !== undefined) return login;
  }
  return request.headers.authorization === undefined ? undefined : invalidLogin;
}
