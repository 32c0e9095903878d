/** The request for which work is done, at any call depth: its ID goes to signers, and its client into lines of the log. Decisions do not depend on it. */
import asyncHooks from "node:async_hooks";
import type { LogFields } from "./log.ts";

/** What is known of a request. Each is called only when it is needed. */
export interface CurrentRequest {
  /** sent with calls to a signer, so that both logs can be matched */
  readonly id?: () => string;
  /** who asks, for lines of the log */
  readonly client?: () => LogFields;
}

// Not imported by name: node:async_hooks creates this member lazily, and the bundler does not support such members.
const current = new asyncHooks.AsyncLocalStorage<CurrentRequest>();

/** Does work for a request. */
export function duringRequest<T>(request: CurrentRequest, work: () => T): T {
  return current.run(request, work);
}

/** The ID of the request being answered; undefined for work outside a request. */
export function currentRequestId(): string | undefined {
  return current.getStore()?.id?.();
}

/** The fields of the client whose request is being answered; none outside a request. */
export function currentClient(): LogFields {
  return current.getStore()?.client?.() ?? {};
}

/** The name of the header, and of the metadata of a call, that carries it. */
export const requestIdHeader = "x-request-id";
