/** Who a request comes from, according to one way of logging in. */

import type { AccessRequest, AccessRefusal } from "./access-request.ts";

/** A user whose credentials are valid. */
export interface KnownUser {
  readonly kind: "known";
  /** undefined for an anonymous client with a token */
  readonly user: string | undefined;
  /** what the credentials themselves allow; absent: what the rules allow */
  readonly grants?: Grants;
}

/** Answers whether all `actions` are granted on a collection, or on the catalogue without a name. */
export type Grants = (gun: string | undefined, actions: readonly string[]) => boolean;

/** Credentials that are not valid. */
export interface RefusedLogin {
  readonly kind: "refused";
  readonly refusal: AccessRefusal;
  /** for the log: whose name came with a wrong password; never what is no user's name */
  readonly claimedUser?: string;
}

/** Outcome of checking credentials. */
export type Login = KnownUser | RefusedLogin;

/** One way of logging in. */
export interface LoginMethod {
  /** undefined when the request has no credentials of this kind: another method may accept it */
  login(request: AccessRequest): Promise<Login | undefined>;
  /** what to send in `WWW-Authenticate` */
  challenge(request: AccessRequest, refusal: AccessRefusal): string;
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

/** a longer name is of no use in a log */
const maxUserBytes = 256;

/** Answers whether a name can be a user's: not empty, bounded, printable. */
export function isUserName(name: string): boolean {
  return name !== "" && Buffer.byteLength(name) <= maxUserBytes && name.isWellFormed() && !/\p{Cc}/u.test(name);
}

/** A quoted string in a header. Other scripts are sent as UTF-8, byte for byte. RFC 9110 §5.6.4 */
export function quoted(text: string): string {
  return `"${Buffer.from(text.replaceAll(/["\\]/gu, String.raw`\$&`), "utf8").toString("latin1")}"`;
}
