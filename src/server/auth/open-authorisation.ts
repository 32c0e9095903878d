/**
 * Turns settings into the function that decides who the caller is and what the caller may do.
 *
 * Each `…-login.ts` knows one way of logging in; `rules.ts` knows what users may do. Nothing here knows what a request is for
 * beyond its name and actions, and only a token, a rule or `anonymousPull` allows anything.
 */

import { TagsealError } from "../../errors.ts";
import type { ClientCertificates } from "../../http/server/tls.ts";
import type { AccessDecision, AccessRefusal, AccessRequest, Asker, Authorise } from "../../login/access-request.ts";
import type { KnownUser } from "../../login/login.ts";
import {
  inOrder,
  isNamedByCertificate,
  type LoginMethods,
  loginOf,
  type LoginParts,
  openLoginMethods,
  type OrderedMethods,
} from "../../login/login-methods.ts";
import type { WatchParts } from "../../service/watching/watched-files.ts";
import type { TokenEndpoint } from "../http/authorise.ts";
import type { AuthSettings } from "./auth-settings.ts";
import { IssuedTokenLogin } from "./issued-token-login.ts";
import { Rules } from "./rules.ts";

/** Authorises requests until the server stops. */
export interface Authorisation {
  readonly authorise: Authorise;
  /** what TLS must do so that clients can log in with certificates; undefined when they cannot */
  readonly clientCertificates: ClientCertificates | undefined;
  /** undefined when this server issues no tokens */
  readonly tokenEndpoint: TokenEndpoint | undefined;
  close(): Promise<void>;
}

/**
 * Reads and checks the settings and the files they name.
 *
 * @throws TagsealError `SERVER_CONFIGURATION`
 */
export async function openAuthorisation(settings: AuthSettings, parts: LoginParts): Promise<Authorisation> {
  const rules = new Rules(settings);
  if (rules.isEmpty && (settings.basic !== undefined || isNamedByCertificate(settings))) {
    throw new TagsealError(
      "SERVER_CONFIGURATION",
      "Users can log in, but there are no rules that allow them anything",
      {
        hint: 'Add rules, such as {"prefix": "*", "users": ["*"], "actions": ["pull"]}.',
      },
    );
  }
  requireOneIssuer(settings);
  const methods = await openLoginMethods(settings, parts);
  const { token, passwords, certificates, clientCertificates } = methods;
  const issued = await openIssuedTokens(settings, passwords, parts);
  return {
    authorise: authoriseWith(inOrder([token, issued ?? passwords, certificates]), rules, settings),
    tokenEndpoint: issued?.endpoint,
    clientCertificates,
    close: async () => await passwords?.close(),
  };
}

async function openIssuedTokens(
  { basic }: AuthSettings,
  passwords: LoginMethods["passwords"],
  parts: WatchParts,
): Promise<IssuedTokenLogin | undefined> {
  if (basic?.tokenRealm === undefined || passwords === undefined) return undefined;
  return IssuedTokenLogin.open(basic.tokenRealm, basic, passwords, parts);
}

function requireOneIssuer({ token, basic }: AuthSettings): void {
  if (basic?.tokenRealm === undefined || token === undefined) return;
  const reason = "tokens come either from there or from this server";
  throw new TagsealError("SERVER_CONFIGURATION", `Cannot use token together with basic.tokenRealm: ${reason}`);
}

function authoriseWith(all: OrderedMethods, rules: Rules, settings: AuthSettings): Authorise {
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
