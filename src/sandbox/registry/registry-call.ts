import type { IncomingMessage, ServerResponse } from "node:http";
import type { RegistryHooks } from "./registry-hooks.ts";
import type { RegistryStore } from "./registry-store.ts";

/** One request being answered. */
export interface Call {
  readonly store: RegistryStore;
  readonly hooks: RegistryHooks;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly query: URLSearchParams;
}
