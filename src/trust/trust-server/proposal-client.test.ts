import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { HttpResponse } from "../../http/client/http-response.ts";
import { ProposalClient } from "./proposal-client.ts";

/** A client whose server gives one answer to every request. */
function answered(body: unknown): { readonly client: ProposalClient; readonly asked: string[] } {
  const asked: string[] = [];
  const bytes = Buffer.from(JSON.stringify(body), "utf8");
  const response: HttpResponse = {
    status: 200,
    headers: {},
    url: new URL("https://trust.example.com/"),
    body: (async function* () {
      yield bytes;
    })(),
    bytes: async () => bytes,
    discard: () => undefined,
  };
  const place = { gun: "registry.example.com/team/app", server: "https://trust.example.com" };
  const client = new ProposalClient(async ({ method }, path) => {
    asked.push(`${method} ${path}`);
    return response;
  }, place);
  return { client, asked };
}

const ids = (count: number): { readonly id: string }[] =>
  Array.from({ length: count }, (_, index) => ({ id: index.toString(16).padStart(64, "0") }));

describe("a hostile keeper of proposals", () => {
  it("I1: cannot make a client fetch proposals without end", async () => {
    assert.equal((await answered({ proposals: ids(1000) }).client.list()).length, 1000);
    const { client, asked } = answered({ proposals: ids(1001) });
    await assert.rejects(client.list(), { code: "RESPONSE_MALFORMED" });
    assert.deepEqual(asked, ["GET proposals/"]);
  });

  it("I9: names proposals by nothing but their hashes", async () => {
    for (const proposals of ["x", {}, undefined, [{ id: "../../other" }], [{ id: "A".repeat(64) }], [1], [null]])
      await assert.rejects(answered({ proposals }).client.list(), { code: "RESPONSE_MALFORMED" });
  });

  it("I9: cannot say that something else became of what was sent", async () => {
    const proposal = { gun: "registry.example.com/team/app", expiresAt: new Date(), files: new Map() };
    for (const state of ["done", "", 1, undefined])
      await assert.rejects(answered({ state }).client.submit(proposal), { code: "RESPONSE_MALFORMED" });
  });
});
