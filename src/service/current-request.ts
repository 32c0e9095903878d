/** The request that work is done for, however deep that work is: its ID goes along with calls to a signer, so that both logs tell one story. */

import asyncHooks from "node:async_hooks";

// Not imported by name: node:async_hooks makes it when it is first asked for, and a build takes no such members.
const current = new asyncHooks.AsyncLocalStorage<() => string>();

/** Does work for a request. `requestId` is asked only where the ID is needed. */
export function duringRequest<T>(requestId: () => string, work: () => T): T {
  return current.run(requestId, work);
}

/** The ID of the request that is being answered; undefined for work that no request asked for. */
export function currentRequestId(): string | undefined {
  return current.getStore()?.();
}

/** The name of the header, and of the metadata of a call, that carries it. */
export const requestIdHeader = "x-request-id";
