/** One HTTPS request to a trust server of a test, as any client might make it. */
import { request } from "node:https";
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http";
import { readText } from "./processes.ts";

/** What came back. `status` is 0 when the connection broke before an answer. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Asks, whatever the status of the answer. `ca` is a PEM file. */
export function ask(
  ca: string,
  method: string,
  url: string,
  headers: OutgoingHttpHeaders = {},
  body?: string | Buffer,
): Promise<Answer> {
  const { promise, resolve } = Promise.withResolvers<Answer>();
  const broken = (): void => resolve({ status: 0, headers: {}, body: Buffer.alloc(0) });
  const outgoing = request(url, { method, headers, ca: readText(ca), agent: false }, (response) => {
    const chunks: Buffer[] = [];
    response.on("data", (chunk: Buffer) => chunks.push(chunk));
    response.on("error", broken);
    response.on("end", () =>
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
    );
  });
  outgoing.on("error", broken);
  outgoing.end(body);
  return promise;
}
