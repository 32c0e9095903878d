import type { Environment } from "../../environment/environment.ts";
import { UsageError } from "../../errors.ts";
import type { ImageReference } from "../../reference/image-reference.ts";
import { isLoopbackHost } from "../../reference/loopback.ts";
import { hubServer } from "./docker-hub.ts";

/** What determines a trust server's address besides the image. */
export interface ServerUrlOptions {
  /** the environment: `DOCKER_CONTENT_TRUST_SERVER` wins over everything */
  readonly env: Environment;
  /** accept plain http to loopback too; for sandboxes and tests */
  readonly allowPlainHttpLoopback?: boolean;
}

/**
 * Finds the trust server for an image: `DOCKER_CONTENT_TRUST_SERVER`, else `https://notary.docker.io` for Docker Hub, else the
 * registry's own host. A path in the variable is kept, trailing slashes are not (docker then fails with a bare 301).
 *
 * @returns an address without trailing slash, query or credentials, ready for `/v2/…` to be appended
 * @throws UsageError `TRUST_SERVER_URL_INVALID`
 * @see Notary v1: names, servers, TLS
 */
export function trustServerUrl(reference: ImageReference, options: ServerUrlOptions): string {
  const configured = options.env["DOCKER_CONTENT_TRUST_SERVER"];
  if (configured !== undefined && configured !== "") return checkedServerUrl(configured, options);
  if (reference.registry === "docker.io") return hubServer;
  return checkedServerUrl(`https://${reference.registry}`, options);
}

/**
 * Parses a configured trust server address.
 *
 * @returns as {@link trustServerUrl}
 * @throws UsageError `TRUST_SERVER_URL_INVALID`
 */
export function checkedServerUrl(text: string, options: Pick<ServerUrlOptions, "allowPlainHttpLoopback">): string {
  const url = URL.parse(text);
  if (url === null || !isAllowedScheme(url, options)) throw invalid(text, "https://HOST[:PORT][/PATH]");
  // Credentials belong in the registry's login: in a variable they would appear in messages and child processes.
  if (url.username !== "" || url.password !== "")
    throw invalid(`${url.protocol}//…@${url.host}`, "an address without credentials");
  if (url.search !== "" || url.hash !== "") throw invalid(text, "an address without query or fragment");
  return `${url.protocol}//${url.host}${url.pathname}`.replace(/\/+$/, "");
}

function isAllowedScheme(url: URL, options: Pick<ServerUrlOptions, "allowPlainHttpLoopback">): boolean {
  if (url.protocol === "https:") return true;
  return url.protocol === "http:" && options.allowPlainHttpLoopback === true && isLoopbackHost(url.hostname);
}

function invalid(shown: string, expected: string): UsageError {
  return new UsageError(
    "TRUST_SERVER_URL_INVALID",
    `error establishing connection to trust repository: valid https URL required for trust server, got ${shown}`,
    {
      hint: `Set DOCKER_CONTENT_TRUST_SERVER to the trust server's address: ${expected}, such as https://trust.example.com:4443.`,
    },
  );
}
