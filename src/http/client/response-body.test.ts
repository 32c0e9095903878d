import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { test } from "node:test";
import { readBody } from "./response-body.ts";
import { type Answer, bodyOf } from "./unread-answer.ts";

/** An answer as a runtime gives it that does not count what arrives. */
function answer(body: string, announced: number): Answer {
  const headers = { "content-length": String(announced) };
  return { statusCode: 200, headers, body: bodyOf(Readable.from([Buffer.from(body)])) };
}

async function textOf(message: Answer): Promise<string> {
  const pace = { windowMs: 5_000, minBytes: 1 };
  const url = new URL("https://registry.example.com/blob");
  const chunks: Uint8Array[] = [];
  for await (const chunk of readBody(message, { url, method: "GET", pace, signal: undefined, acceptGzip: false }))
    chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

test("a body ends normally only when every announced byte arrived", async () => {
  assert.equal(await textOf(answer("whole", 5)), "whole");
  await assert.rejects(textOf(answer("half", 8)), {
    code: "NETWORK_UNREACHABLE",
    message: /expected 8 bytes, received 4/u,
  });
});
