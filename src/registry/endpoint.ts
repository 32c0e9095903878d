/** The base URL of a registry, found once per client. */
import { hasCode, type TagsealError, UsageError } from "../errors.ts";
import { dockerHub } from "../reference/image-reference.ts";
import type { Authenticator } from "./authentication.ts";
import { mayBePlain } from "./insecure-registries.ts";

/** What {@link findEndpoint} needs. */
export interface EndpointOptions {
  /** as in a reference: `docker.io`, `host`, `host:port` */
  readonly registry: string;
  /** configured as insecure, as in docker's daemon.json */
  readonly insecureRegistries: readonly string[];
  readonly authenticator: Authenticator;
  readonly signal: AbortSignal | undefined;
}

/** The host that serves a registry: Docker Hub's differs from its name. */
export function serverHost(registry: string): string {
  return registry === dockerHub ? "registry-1.docker.io" : registry;
}

/**
 * Finds the base URL of a registry, ending in `/v2/`. Always https; for loopback and configured insecure registries https is tried first and
 * plain HTTP is used when there is no TLS. An untrusted certificate never leads to plain HTTP.
 *
 * @throws NetworkError as requests do; UsageError `REFERENCE_INVALID` for a port out of range
 */
export async function findEndpoint(options: EndpointOptions): Promise<URL> {
  const secure = baseUrl("https", options.registry);
  if (!mayBePlain(options.registry, options.insecureRegistries)) return secure;
  const failure = await probe(secure, options);
  if (failure === undefined) return secure;
  if (!hasCode(failure, "NETWORK_UNREACHABLE")) throw failure;
  const plain = baseUrl("http", options.registry);
  const plainFailure = await probe(plain, options);
  if (plainFailure !== undefined) throw plainFailure;
  return plain;
}

/** Requests `/v2/`; any answer, a challenge or an error page included, means that the endpoint exists. */
async function probe(url: URL, options: EndpointOptions): Promise<TagsealError | undefined> {
  try {
    await options.authenticator.probe(url, options.signal);
    return undefined;
  } catch (error) {
    if (hasCode(error, "NETWORK_UNREACHABLE", "NETWORK_TIMEOUT", "TLS_UNTRUSTED", "REDIRECT_REFUSED")) return error;
    throw error;
  }
}

function baseUrl(scheme: string, registry: string): URL {
  const text = `${scheme}://${serverHost(registry)}/v2/`;
  if (URL.canParse(text)) return new URL(text);
  throw new UsageError("REFERENCE_INVALID", "invalid reference format", {
    hint: `Correct the host and port: ${JSON.stringify(registry)} is not an address.`,
  });
}
