/** Turns errors of sockets and TLS into Tagseal's errors: which host, what was awaited, what to do. */
import { NetworkError, systemCode, TagsealError } from "../../errors.ts";

/** Certificate failures that more trusted roots could fix. */
const unknownIssuer = new Set([
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "CERT_UNTRUSTED",
]);

const wrongCertificate = new Map([
  ["CERT_HAS_EXPIRED", "its certificate has expired (is this machine's clock right?)"],
  ["CERT_NOT_YET_VALID", "its certificate is not valid yet (is this machine's clock right?)"],
  ["ERR_TLS_CERT_ALTNAME_INVALID", "its certificate is for another name"],
  ["HOSTNAME_MISMATCH", "its certificate is for another name"],
  ["CERT_REVOKED", "its certificate is revoked"],
  ["CERT_REJECTED", "its certificate is not accepted"],
  ["CERT_SIGNATURE_FAILURE", "a signature in its certificate chain is wrong"],
  ["CERT_CHAIN_TOO_LONG", "its certificate chain is too long"],
  ["PATH_LENGTH_EXCEEDED", "its certificate chain is too long"],
  ["INVALID_CA", "its certificate was issued by something that is not a CA"],
  ["INVALID_PURPOSE", "its certificate is not meant for servers"],
]);

const reasons = new Map([
  ["ECONNREFUSED", "connection refused"],
  ["ECONNRESET", "the connection was closed before the answer was complete"],
  ["EPIPE", "the connection was closed before the answer was complete"],
  ["ENOTFOUND", "no such host"],
  ["EAI_AGAIN", "the name could not be looked up"],
  ["EHOSTUNREACH", "no route to that host"],
  ["ENETUNREACH", "the network is unreachable"],
  ["ETIMEDOUT", "no connection in time"],
  ["EPROTO", "the other side does not speak TLS as expected"],
]);

const hints = new Map([
  ["ECONNREFUSED", "Check the address, and that the server runs; one that was just started again needs a moment."],
  ["ECONNRESET", "Try again: a server that is stopping or starting closes connections."],
  ["EPIPE", "Try again: a server that is stopping or starting closes connections."],
  ["ENOTFOUND", "Check the name of the host, and whether a proxy (HTTPS_PROXY) has to look it up."],
]);

/** True when the certificate's issuer is not among the roots in use. */
export function isUnknownIssuer(error: unknown): boolean {
  return unknownIssuer.has(systemCode(error));
}

/** A URL for messages and logs, without user, password, query and fragment; these may be secrets. */
export function describeUrl(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`;
}

/**
 * Wraps an error of a connection to `url`. Tagseal's errors pass unchanged.
 *
 * @returns `TLS_UNTRUSTED` for certificate errors, `RESPONSE_MALFORMED` and `RESPONSE_TOO_LARGE` for what is not HTTP or has headers
 *   without end, else `NETWORK_UNREACHABLE`; the system's error is the cause
 */
export function networkFailure(error: unknown, url: URL): TagsealError {
  if (error instanceof TagsealError) return error;
  const code = systemCode(error);
  if (unknownIssuer.has(code)) return untrusted(url, "its certificate comes from an unknown authority", error);
  const fault = wrongCertificate.get(code);
  if (fault !== undefined) return untrusted(url, fault, error);
  if (code === "HPE_HEADER_OVERFLOW" || code === "ResponseHeadersTooLarge") {
    return headersWithoutEnd(url, error);
  }
  if (code.startsWith("HPE_") || code === "Malformed_HTTP_Response") {
    return new NetworkError("RESPONSE_MALFORMED", `${describeUrl(url)} answered something that is not HTTP`, {
      cause: error,
    });
  }
  const reason = reasons.get(code) ?? (error instanceof Error ? error.message : "unknown failure");
  return new NetworkError("NETWORK_UNREACHABLE", `cannot reach ${url.host} (${describeUrl(url)}): ${reason}`, {
    cause: error,
    ...hintFor(code),
  });
}

/** The peer sent more headers than any answer has. */
export function headersWithoutEnd(url: URL, cause?: unknown): NetworkError {
  return new NetworkError("RESPONSE_TOO_LARGE", `${describeUrl(url)} sent headers without end`, { cause });
}

function hintFor(code: string): { readonly hint?: string } {
  const hint = hints.get(code);
  return hint === undefined ? {} : { hint };
}

function untrusted(url: URL, reason: string, cause: unknown): NetworkError {
  const hint =
    `Put the CA's certificate into $DOCKER_CONFIG/tls/${url.host}/ca.crt for a trust server, ` +
    `or into /etc/docker/certs.d/${url.host}/ca.crt (or ~/.config/docker/certs.d/${url.host}/) for a registry.`;
  return new NetworkError("TLS_UNTRUSTED", `${url.host} is not trusted: ${reason}`, { cause, hint });
}

/** The peer was silent or too slow. `waitedFor` completes "while waiting for …". */
export function timeoutFailure(url: URL, waitedFor: string, waitedMs: number): NetworkError {
  const seconds = Math.max(0.1, Math.round(waitedMs / 100) / 10);
  return new NetworkError(
    "NETWORK_TIMEOUT",
    `${url.host} did not answer in time: gave up after ${seconds} s while waiting for ${waitedFor} (${describeUrl(url)})`,
  );
}
