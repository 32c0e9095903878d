/**
 * Turns settings into the function that decides who the caller is and what the caller may do.
 *
 * Each `…-login.ts` knows one way of logging in; `rules.ts` knows what users may do. Nothing here knows what a request is for
 * beyond its name and actions, and only a token, a rule or `anonymousPull` allows anything.
 */

import { TagsealError } from "../../errors.ts";
import type {
  AccessDecision,
  AccessRequest,
  Asker,
  Authorise,
  AccessRefusal,
  TokenEndpoint,
} from "../http/authorise.ts";
import type { AuthSettings } from "./auth-settings.ts";
import { BasicLogin } from "./basic-login.ts";
import { ClientCertificateLogin } from "./client-certificate-login.ts";
import { IssuedTokenLogin } from "./issued-token-login.ts";
import { invalidLogin, type KnownUser, type Login, type LoginMethod } from "./login.ts";
import { Rules } from "./rules.ts";
import { TokenLogin } from "./token-login.ts";
import type { ClientCertificates } from "../../http/server/tls.ts";
import type { WatchParts } from "../../service/watching/watched-files.ts";

/** Authorises requests until the server stops. */
export interface Authorisation {
  readonly authorise: Authorise;
  /** what TLS must do so that clients can log in with certificates; undefined when they cannot */
  readonly clientCertificates: ClientCertificates | undefined;
  /** undefined when this server issues no tokens */
  readonly tokenEndpoint: TokenEndpoint | undefined;
  close(): Promise<void>;
}

/** What authorisation needs besides settings. */
export interface AuthorisationParts extends WatchParts {
  /** called with the PEM text of the authorities when their file changed: TLS must use it */
  readonly onAuthoritiesChange?: (authorities: Buffer) => void;
}

interface Methods {
  /** in the order they are tried; the first one's challenge is sent */
  readonly all: readonly [LoginMethod, ...LoginMethod[]];
  readonly certificates: ClientCertificateLogin | undefined;
  readonly passwords: BasicLogin | undefined;
  readonly tokenEndpoint: TokenEndpoint | undefined;
}

/**
 * Reads and checks the settings and the files they name.
 *
 * @throws TagsealError `SERVER_CONFIGURATION`
 */
export async function openAuthorisation(settings: AuthSettings, parts: AuthorisationParts): Promise<Authorisation> {
  const rules = new Rules(settings);
  const { token, basic, mtls } = settings;
  const isNamedByCertificate = mtls !== undefined && mtls.userFrom !== "nobody";
  if (token === undefined && basic === undefined && !isNamedByCertificate) {
    throw new TagsealError("SERVER_CONFIGURATION", "There is no way to log in: expected token, basic or mtls settings");
  }
  if (rules.isEmpty && (basic !== undefined || isNamedByCertificate)) {
    throw new TagsealError(
      "SERVER_CONFIGURATION",
      "Users can log in, but there are no rules that allow them anything",
      {
        hint: 'Add rules, such as {"prefix": "*", "users": ["*"], "actions": ["pull"]}.',
      },
    );
  }
  const { all, certificates, passwords, tokenEndpoint } = await openMethods(settings, parts);
  return {
    authorise: authoriseWith(all, rules, settings),
    tokenEndpoint,
    clientCertificates: certificates && {
      authorities: () => certificates.authorities(),
      required: settings.mtls?.required ?? false,
    },
    close: async () => await passwords?.close(),
  };
}

async function openMethods(settings: AuthSettings, parts: AuthorisationParts): Promise<Methods> {
  const { token, basic, mtls } = settings;
  const { onAuthoritiesChange: onChange = () => {} } = parts;
  const certificates = mtls && (await ClientCertificateLogin.open(mtls, { ...parts, onChange }));
  const passwords = basic && (await BasicLogin.open(basic, parts));
  const issued = await openIssuedTokens(settings, passwords, parts);
  const [first, ...others] = [token && (await TokenLogin.open(token, parts)), issued ?? passwords, certificates].filter(
    (method) => method !== undefined,
  );
  if (first === undefined) throw new TagsealError("INTERNAL", "There is no way to log in");
  return { all: [first, ...others], certificates, passwords, tokenEndpoint: issued?.endpoint };
}

async function openIssuedTokens(
  { token, basic }: AuthSettings,
  passwords: BasicLogin | undefined,
  parts: WatchParts,
): Promise<IssuedTokenLogin | undefined> {
  if (basic?.tokenRealm === undefined || passwords === undefined) return undefined;
  if (token !== undefined) {
    const reason = "tokens come either from there or from this server";
    throw new TagsealError("SERVER_CONFIGURATION", `Cannot use token together with basic.tokenRealm: ${reason}`);
  }
  return IssuedTokenLogin.open(basic.tokenRealm, basic, passwords, parts);
}

function authoriseWith(all: Methods["all"], rules: Rules, settings: AuthSettings): Authorise {
  const { anonymousPull = false, token } = settings;
  const tokensNeedRules = !rules.isEmpty && (token?.restrictedByRules ?? true);

  function mayAnybody({ gun, actions }: AccessRequest): boolean {
    return anonymousPull && gun !== undefined && actions.length > 0 && actions.every((action) => action === "pull");
  }

  function may({ user, grants }: KnownUser, { gun, actions }: AccessRequest): boolean {
    if (actions.length === 0) return user !== undefined;
    if (grants !== undefined && !grants(gun, actions)) return false;
    if (grants !== undefined && !tokensNeedRules) return true;
    return user !== undefined && rules.allow(user, gun, actions);
  }

  return async (request) => {
    const login = await loginOf(request, all);
    const refuse = (refusal: AccessRefusal, who: Pick<Asker, "user" | "claimedUser"> = {}): AccessDecision => {
      return { allowed: false, challenge: all[0].challenge(request, refusal), refusal, ...who };
    };
    // Invalid credentials are refused even where none are needed: the client must learn that they are invalid.
    if (login?.kind === "refused") return refuse(login.refusal, { claimedUser: login.claimedUser });
    if (login === undefined) return mayAnybody(request) ? { allowed: true } : refuse("missing");
    const { user } = login;
    return mayAnybody(request) || may(login, request) ? { allowed: true, user } : refuse("insufficient", { user });
  };
}

async function loginOf(request: AccessRequest, methods: readonly LoginMethod[]): Promise<Login | undefined> {
  for (const method of methods) {
    const login = await method.login(request);
    if (login !== undefined) return login;
  }
  return request.headers.authorization === undefined ? undefined : invalidLogin;
}
