/** Permissions in the form that clients of Notary v1 expect, and where this server issues tokens. */

import type { AccessDecision, AccessRequest, Asker } from "../../login/access-request.ts";
import type { Reply } from "./reply.ts";
import { WireError } from "./wire-error.ts";

/** Answers requests for tokens, where this server issues some itself. `onAsker` receives the caller. */
export type TokenEndpoint = (
  request: Pick<AccessRequest, "headers" | "remoteAddress" | "isUnknownProxy">,
  onAsker?: (asker: Asker) => void,
) => Promise<Reply>;

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
