/** Clients that log in to the gateway: with a password, a token or a certificate, as they do to a trust server. Every user who logged in may pull. */
import type { IncomingMessage } from "node:http";
import { TagsealError } from "../errors.ts";
import { clientCertificateOf } from "../http/server/client-certificate.ts";
import type { TrustedProxies } from "../http/server/client-address.ts";
import type { ClientCertificates } from "../http/server/tls.ts";
import type { AccessRefusal, AccessRequest, RefusalCounts } from "../login/access-request.ts";
import { inOrder, loginOf, type LoginParts, type LoginSettings, openLoginMethods } from "../login/login-methods.ts";
import type { OrderedMethods } from "../login/login-methods.ts";
import { GatewayRefusal } from "./gateway-refusal.ts";

/** Who asks, as far as known. */
export interface Client {
  /** a verified name */
  readonly user?: string | undefined;
}

/** What clients must show. */
export interface ClientLogins {
  /** what TLS must do so that clients can log in with certificates; undefined when they cannot */
  readonly clientCertificates: ClientCertificates | undefined;
  /** for the metrics */
  readonly refusals: Readonly<RefusalCounts>;
  /**
   * Who a request comes from.
   *
   * @param repository as in the request's path, which tokens name; undefined for the base of the API
   * @throws GatewayRefusal `UNAUTHORIZED` with a challenge
   */
  require(request: IncomingMessage, repository: string | undefined): Promise<Client>;
  close(): Promise<void>;
}

/** What logins need of the gateway. */
export interface GatewayLoginParts extends LoginParts {
  /** proxies that name the client whose guesses are counted */
  readonly proxies: TrustedProxies;
}

const noRefusals = (): RefusalCounts => ({ missing: 0, invalid: 0, throttled: 0, insufficient: 0 });

/** Every client may pull. */
export const everyClient: ClientLogins = {
  clientCertificates: undefined,
  refusals: noRefusals(),
  require: async () => await Promise.resolve({}),
  close: async () => {
    await Promise.resolve();
  },
};

/** Opens the ways to log in. @throws TagsealError `SERVER_CONFIGURATION` */
export async function openClientLogins(
  settings: LoginSettings,
  isTls: boolean,
  parts: GatewayLoginParts,
): Promise<ClientLogins> {
  if (settings.mtls !== undefined && !isTls) {
    const reason = "the gateway must have a certificate itself";
    throw new TagsealError("SERVER_CONFIGURATION", `Cannot ask for client certificates: ${reason}`);
  }
  const { token, passwords, certificates, clientCertificates } = await openLoginMethods(asRegistry(settings), parts);
  const methods = inOrder([token, passwords, certificates]);
  const refusals = noRefusals();
  return {
    clientCertificates,
    refusals,
    require: async (request, repository) =>
      await clientOf(accessRequest(request, repository, parts.proxies), methods, refusals),
    close: async () => await passwords?.close(),
  };
}

function asRegistry({ token, ...others }: LoginSettings): LoginSettings {
  return token === undefined ? others : { ...others, token: { ...token, isLoginScopeless: true } };
}

function accessRequest(
  request: IncomingMessage,
  repository: string | undefined,
  proxies: TrustedProxies,
): AccessRequest {
  return {
    headers: request.headers,
    gun: repository,
    actions: repository === undefined ? [] : ["pull"],
    remoteAddress: proxies.clientOf(request),
    clientCertificate: clientCertificateOf(request.socket),
  };
}

async function clientOf(asked: AccessRequest, methods: OrderedMethods, refusals: RefusalCounts): Promise<Client> {
  const refuse = (refusal: AccessRefusal): GatewayRefusal => {
    refusals[refusal] += 1;
    const challenge = methods[0].challenge(asked, refusal);
    return new GatewayRefusal(401, "UNAUTHORIZED", sentences[refusal], {
      reason: `LOGIN_${refusal.toUpperCase()}`,
      headers: { "www-authenticate": challenge },
    });
  };
  const login = await loginOf(asked, methods);
  if (login === undefined) throw refuse("missing");
  if (login.kind === "refused") throw refuse(login.refusal);
  const { user, grants } = login;
  const mayPull = asked.gun === undefined || grants === undefined || grants(asked.gun, asked.actions);
  if (!mayPull) throw refuse("insufficient");
  return { user };
}

const sentences: Readonly<Record<AccessRefusal, string>> = {
  missing: "log in to the gateway first",
  invalid: "the gateway does not accept this login",
  throttled: "too many wrong passwords: try again in a minute",
  insufficient: "this login may not pull from this repository",
};
