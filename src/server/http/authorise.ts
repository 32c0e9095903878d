/**
 * Who may do what. The server asks one function before it does anything for a request; without one, everybody may do
 * everything, as with Notary's server without an `auth` section.
 */

import type { IncomingHttpHeaders } from "node:http";
import { WireError } from "./wire-error.ts";

/** What is asked for: actions on one repository, or on the registry's catalogue when there is no GUN. */
export interface AccessRequest {
  readonly headers: IncomingHttpHeaders;
  readonly gun: string | undefined;
  /** `pull`, `push`, or `*` for rotation, deletion and the catalogue */
  readonly actions: readonly string[];
}

/** Leave, or the refusal with the `WWW-Authenticate` challenge to send. */
export type AccessDecision = { readonly allowed: true } | { readonly allowed: false; readonly challenge: string };

/** Decides about one request. What it throws is answered as a server error, never as leave. */
export type Authorise = (request: AccessRequest) => Promise<AccessDecision>;

/**
 * Asks, and refuses in the form clients of Notary v1 expect. Notary v1: token authentication.
 *
 * @throws WireError `UNAUTHORIZED`
 */
export async function requireAccess(authorise: Authorise, request: AccessRequest): Promise<void> {
  const decision = await authorise(request);
  if (decision.allowed) return;
  const resource =
    request.gun === undefined
      ? { Type: "registry", Class: "", Name: "catalog" }
      : { Type: "repository", Class: "", Name: request.gun };
  throw new WireError("UNAUTHORIZED", {
    detail: request.actions.map((Action) => ({ ...resource, Action })),
    headers: { "Www-Authenticate": decision.challenge },
  });
}
