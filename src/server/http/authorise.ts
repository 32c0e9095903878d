/**
 * Who may do what. The server asks one function before it does anything for a request; without one, everybody may do
 * everything, as with Notary's server without an `auth` section.
 */

import type { IncomingHttpHeaders } from "node:http";
import type { Reply } from "./reply.ts";
import { WireError } from "./wire-error.ts";

/** What is asked for: actions on one repository, or on the registry's catalogue when there is no GUN. */
export interface AccessRequest {
  readonly headers: IncomingHttpHeaders;
  readonly gun: string | undefined;
  /** `pull`, `push`, or `*` for rotation, deletion and the catalogue. None: any user may, but nobody else */
  readonly actions: readonly string[];
  /** where the request comes from; undefined once the connection is gone */
  readonly remoteAddress: string | undefined;
  /** true when that is the address of a proxy, which is not trusted to say who came to it */
  readonly isUnknownProxy?: boolean | undefined;
  /** DER of the certificate the client proved to have and a trusted authority vouches for */
  readonly clientCertificate: Uint8Array | undefined;
}

/**
 * Why there is no leave: no credentials, credentials that are not good, too many of those lately, or good ones that do not
 * go that far.
 */
export type Refusal = "missing" | "invalid" | "throttled" | "insufficient";

/** Leave, or the refusal with the `WWW-Authenticate` challenge to send. The user is named once that is beyond doubt. */
export type AccessDecision =
  | { readonly allowed: true; readonly user?: string | undefined }
  | {
      readonly allowed: false;
      readonly challenge: string;
      readonly user?: string | undefined;
      readonly refusal?: Refusal;
      /** who the client says it is: a name that nothing proves */
      readonly claimedUser?: string | undefined;
    };

/** Who asked, as far as that is known, for the log and the metrics. */
export interface Asker {
  readonly user?: string | undefined;
  /** a name that nothing proves */
  readonly claimedUser?: string | undefined;
  /** why the request was refused; absent when it was not */
  readonly refusal?: Refusal | undefined;
}

/** Decides about one request. What it throws is answered as a server error, never as leave. */
export type Authorise = (request: AccessRequest) => Promise<AccessDecision>;

/** Answers requests for tokens, where this server gives some itself. `onAsker` is told who wants one. */
export type TokenEndpoint = (
  request: Pick<AccessRequest, "headers" | "remoteAddress" | "isUnknownProxy">,
  onAsker?: (asker: Asker) => void,
) => Promise<Reply>;

/** Counts refusals, for the metrics. */
export type RefusalCounts = Record<Refusal, number>;

/**
 * Turns a refusal into the form clients of Notary v1 expect. Notary v1: token authentication.
 *
 * @throws WireError `UNAUTHORIZED`
 */
export function requireAllowed(decision: AccessDecision, { gun, actions }: AccessRequest): void {
  if (decision.allowed) return;
  const [Type, Name] = gun === undefined ? ["registry", "catalog"] : ["repository", gun];
  const wanted = actions.length === 0 ? ["*"] : actions;
  throw new WireError("UNAUTHORIZED", {
    detail: wanted.map((Action) => ({ Type, Class: "", Name, Action })),
    headers: { "Www-Authenticate": decision.challenge },
  });
}
