/** The request for which work is done, at any call depth: its ID is sent with calls to a signer, so that both logs can be matched. */

import asyncHooks from "node:async_hooks";

// Not imported by name: node:async_hooks creates this member lazily, and the bundler does not support such members.
const current = new asyncHooks.AsyncLocalStorage<() => string>();

/** Does work for a request. `requestId` is called only when the ID is needed. */
export function duringRequest<T>(requestId: () => string, work: () => T): T {
  return current.run(requestId, work);
}

/** The ID of the request being answered; undefined for work outside a request. */
export function currentRequestId(): string | undefined {
  return current.getStore()?.();
}

/** The name of the header, and of the metadata of a call, that carries it. */
export const requestIdHeader = "x-request-id";
