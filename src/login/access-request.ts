/** Who asks for what, and the decision about it, as servers with logins see a request. */

import type { IncomingHttpHeaders } from "node:http";

/** The requested actions on one repository, or on the registry's catalogue without a GUN. */
export interface AccessRequest {
  readonly headers: IncomingHttpHeaders;
  readonly gun: string | undefined;
  /** `pull`, `push`, or `*` for rotation, deletion and the catalogue. None: any user may, but not an anonymous client */
  readonly actions: readonly string[];
  /** where the request comes from; undefined after the connection closed */
  readonly remoteAddress: string | undefined;
  /** true for the address of a proxy that is not trusted to name its clients */
  readonly isUnknownProxy?: boolean | undefined;
  /** DER of the client's certificate, proved by its key and issued by a trusted authority */
  readonly clientCertificate: Uint8Array | undefined;
}

/**
 * Why permission is denied: no credentials, invalid credentials, too many invalid ones recently, or valid ones without this permission.
 */
export type AccessRefusal = "missing" | "invalid" | "throttled" | "insufficient";

/** Permission, or the refusal with the `WWW-Authenticate` challenge to send. The user is named only when verified. */
export type AccessDecision =
  | { readonly allowed: true; readonly user?: string | undefined }
  | {
      readonly allowed: false;
      readonly challenge: string;
      readonly user?: string | undefined;
      readonly refusal?: AccessRefusal;
      /** the name the client claims, unverified */
      readonly claimedUser?: string | undefined;
    };

/** The caller as far as known, for the log and the metrics. */
export interface Asker {
  readonly user?: string | undefined;
  /** a claimed name, unverified */
  readonly claimedUser?: string | undefined;
  /** why the request was refused; absent when it was not */
  readonly refusal?: AccessRefusal | undefined;
}

/** Decides about one request. An exception is answered as a server error, never as permission. */
export type Authorise = (request: AccessRequest) => Promise<AccessDecision>;

/** Counts refusals, for the metrics. */
export type RefusalCounts = Record<AccessRefusal, number>;
