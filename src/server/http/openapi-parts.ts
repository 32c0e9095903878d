/** What the operations of the document are made of. */

import { ref } from "./openapi-components.ts";

/** What one path does, by method. */
export type PathItem = Readonly<Record<string, object>>;

/** A body of JSON. */
export const json = (schema: object) => ({ "application/json": { schema } });
/** A body of JSON that is declared as text, as by the reference. */
export const plainJson = (schema: object) => ({ "text/plain": { schema } });
/** The header of every answer with a body. */
export const noSniff = ref("headers", "NoSniff");

/** The answers of every operation that is counted. */
export const limited = { "429": ref("responses", "TooManyRequests"), "500": ref("responses", "Failed") };
/** The answers of every operation on a repository. */
export const refusals = {
  "400": ref("responses", "BadRequest"),
  "401": ref("responses", "Unauthorized"),
  ...limited,
  "503": ref("responses", "Unavailable"),
};

/** An answer with a body. */
export function answer(description: string, content: object) {
  return { description, headers: { "X-Content-Type-Options": noSniff }, content };
}

/** Changes carry a request ID in the log, and so in their answers. */
export const named = { "X-Request-Id": ref("headers", "RequestId") };
