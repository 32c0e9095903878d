import { dockerHub } from "../../reference/image-reference.ts";
import { dockerHubKey } from "../../docker-config/stored-logins.ts";
import type { Credentials } from "../../docker-config/credentials.ts";

/**
 * The value of `X-Registry-Auth`: the login with which the engine calls a registry. Padded base64url, which podman insists on; an
 * empty object stands for an anonymous user, because an engine that gets no header looks for one in the body.
 *
 * @see Docker Engine API: authentication
 */
export function registryAuth(registry: string, credentials: Credentials | undefined): string {
  const json = credentials === undefined ? {} : { ...secretsOf(credentials), serveraddress: serverAddress(registry) };
  return Buffer.from(JSON.stringify(json)).toString("base64").replaceAll("+", "-").replaceAll("/", "_");
}

function secretsOf(credentials: Credentials): Record<string, string> {
  if (credentials.kind === "basic") return { username: credentials.username, password: credentials.password };
  const member = credentials.kind === "identity-token" ? "identitytoken" : "registrytoken";
  return { ...credentials.basic, [member]: credentials.token };
}

function serverAddress(registry: string): string {
  return registry === dockerHub ? dockerHubKey : registry;
}
