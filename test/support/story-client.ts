/** What tests of the HTTP client share: a client that ends with its test, one whole answer, and the error that a request must end with. */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { type ErrorCode, hasCode } from "../../src/errors.ts";
import { HttpClient, type HttpClientOptions } from "../../src/http/client/http-client.ts";
import type { HttpRequest } from "../../src/http/client/http-request.ts";

/** A client without a proxy, closed after the test. */
export function storyClient(t: TestContext, options: HttpClientOptions = {}): HttpClient {
  const opened = new HttpClient({ proxyEnv: {}, ...options });
  t.after(() => opened.close());
  return opened;
}

/** The text of an answer to GET. */
export async function getText(http: HttpClient, url: URL, more: Partial<HttpRequest> = {}): Promise<string> {
  const response = await http.request({ method: "GET", url, ...more });
  return Buffer.from(await response.bytes(1_000_000)).toString();
}

/** A request ends with an error of this code and message. */
export async function refusal(promise: Promise<unknown>, code: ErrorCode, message = /./): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(hasCode(error, code), `${code} expected, got ${String(error)}`);
    assert.match(error.message, message);
    return true;
  });
}
