/** Publishers of a gateway that passes pushes on, before a registry that knows its users by password. */
import type { StoryGateway, GatewayStory } from "./gateway-story.ts";
import type { OpenUpstream } from "../../src/gateway/upstreams.ts";
import type { GatewayOptions, PushSettings } from "../../src/gateway/gateway-options.ts";
import { RegistryClient, type RegistryClientOptions } from "../../src/registry/registry-client.ts";

/** An `Authorization` header. */
export function basic(user: string, password = "right"): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
}

/** alice may push, bob may read, others are not known. */
export const alice = basic("alice");
/** See {@link alice}. */
export const bob = basic("bob");

/** Opens the registry with the login of each client. */
export function openedWith(options: RegistryClientOptions = {}): OpenUpstream {
  return async (name, access) => {
    const credentials = async () => await Promise.resolve(name.login?.credentials());
    return await Promise.resolve(RegistryClient.forReference(name, { ...options, credentials, access }));
  };
}

/** What the registry saw of a request. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** Has the registry ask for passwords; gives what it sees from now on. `instead` may answer before the registry does. */
export function withPasswords(
  { registry }: GatewayStory,
  instead: NonNullable<GatewayStory["registry"]["hooks"]["intercept"]> = () => false,
): SeenRequest[] {
  const seen: SeenRequest[] = [];
  registry.hooks.intercept = async (request, response) => {
    const { method = "", url = "", headers } = request;
    const { authorization } = headers;
    seen.push({ method, path: url, authorization, headers });
    const isKnown = authorization === alice || authorization === bob;
    const isWriting = method !== "GET" && method !== "HEAD";
    if (!isKnown || (isWriting && authorization !== alice)) {
      request.resume();
      response.writeHead(isKnown ? 403 : 401, isKnown ? {} : { "www-authenticate": 'Basic realm="registry"' }).end();
      return true;
    }
    return await instead(request, response);
  };
  return seen;
}

/** A gateway that passes pushes to the registry on. */
export async function pushGateway(
  story: GatewayStory,
  { tls, rules: given, ...pushes }: PushSettings & Pick<GatewayOptions, "tls"> & { readonly rules?: object } = {},
  client: RegistryClientOptions = {},
): Promise<StoryGateway & PushDoor> {
  const { host } = story.registry;
  const rules = given ?? { [host]: { firstUse: true, digests: "signed" } };
  const openUpstream = openedWith(client);
  const gateway = await story.gateway({ registry: host, passThrough: [host], pushes, openUpstream, rules, tls });
  const as = (authorization: string | undefined, init: RequestInit = {}): RequestInit => ({
    ...init,
    headers: { ...(init.headers as Record<string, string>), ...(authorization === undefined ? {} : { authorization }) },
  });
  return {
    ...gateway,
    push: async (path, init, authorization = alice) =>
      await fetch(`${gateway.url}/v2/${path}`, as(authorization, init)),
  };
}

/** How publishers ask. */
export interface PushDoor {
  /** Requests a path below `/v2/`, as alice unless another login is given. */
  push(path: string, init?: RequestInit, authorization?: string): Promise<Response>;
}
