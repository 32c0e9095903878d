import type { ServerResponse } from "node:http";

/** A refusal, with one of the distribution specification's codes. */
export class RegistryRefusal extends Error {
  readonly status: number;
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, code: string, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}

/** Sends a status and headers; `body`, where there is one, is left out by node for HEAD. */
export function answer(
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string | number>>,
  body: Uint8Array | string = "",
): void {
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  response.writeHead(status, { "content-length": bytes.length, ...headers });
  response.end(bytes);
}

/** Sends a JSON document. */
export function answerJson(
  response: ServerResponse,
  value: object,
  headers: Readonly<Record<string, string>> = {},
  status = 200,
): void {
  answer(response, status, { "content-type": "application/json", ...headers }, JSON.stringify(value));
}

/** Sends a refusal as the specification's error body. */
export function answerRefusal(response: ServerResponse, refusal: RegistryRefusal): void {
  const body = { errors: [{ code: refusal.code, message: refusal.message, detail: null }] };
  answerJson(response, body, refusal.headers, refusal.status);
}

/** The refusal of a method a path does not know. */
export function unsupported(): RegistryRefusal {
  return new RegistryRefusal(405, "UNSUPPORTED", "that cannot be done with this");
}
