import type { HttpResponse } from "./http-response.ts";

/** What the server's clock showed when it answered, to the second; undefined when it does not say. RFC 9110 §6.6.1 */
export function answeredAt({ headers }: Pick<HttpResponse, "headers">): Date | undefined {
  const at = new Date(headers.date ?? "");
  return Number.isNaN(at.getTime()) ? undefined : at;
}
