/** Who a request comes from, as far as one way of logging in can tell. */

import type { AccessRequest, Refusal } from "../http/authorise.ts";

/** Somebody whose credentials are good. */
export interface KnownUser {
  readonly kind: "known";
  /** undefined for whoever got a token without logging in */
  readonly user: string | undefined;
  /** what the credentials themselves allow; absent: whatever the rules do */
  readonly grants?: Grants;
}

/** Answers whether all `actions` are granted on a collection, or on the catalogue where there is no name. */
export type Grants = (gun: string | undefined, actions: readonly string[]) => boolean;

/** Credentials that are not good. */
export interface RefusedLogin {
  readonly kind: "refused";
  readonly refusal: Refusal;
  /** for the log: whose name came with a wrong password; never what is no user's name */
  readonly claimedUser?: string;
}

/** Outcome of looking at credentials. */
export type Login = KnownUser | RefusedLogin;

/** One way of logging in. */
export interface LoginMethod {
  /** undefined when the request shows nothing of this kind: another method may know it */
  login(request: AccessRequest): Promise<Login | undefined>;
  /** what to send in `WWW-Authenticate` */
  challenge(request: AccessRequest, refusal: Refusal): string;
}

/** Credentials that prove nothing. */
export const invalidLogin: RefusedLogin = { kind: "refused", refusal: "invalid" };

/** The text behind a scheme in an `Authorization` header; undefined when it is of another scheme. RFC 9110 §11.4 */
export function credentialsOf(request: AccessRequest, scheme: string): string | undefined {
  const header = request.headers.authorization ?? "";
  const space = header.indexOf(" ");
  const found = space < 0 ? header : header.slice(0, space);
  if (found.toLowerCase() !== scheme) return undefined;
  return space < 0 ? "" : header.slice(space).trim();
}

/** longer ones are of no use to anybody who reads a log */
const maxUserBytes = 256;

/** Answers whether a name can be a user's: not empty, bounded, printable. */
export function isUserName(name: string): boolean {
  return name !== "" && Buffer.byteLength(name) <= maxUserBytes && name.isWellFormed() && !/\p{Cc}/u.test(name);
}

/** A quoted string in a header. Other scripts are sent as UTF-8, byte for byte. RFC 9110 §5.6.4 */
export function quoted(text: string): string {
  return `"${Buffer.from(text.replaceAll(/["\\]/gu, String.raw`\$&`), "utf8").toString("latin1")}"`;
}
