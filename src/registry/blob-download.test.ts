import assert from "node:assert/strict";
import { test } from "node:test";
import { clientOf, contentOf, gathered, refusal } from "../../test/support/registry-story.ts";
import { reply, startStory } from "../../test/support/story-server.ts";

const blob = contentOf("0123456789").descriptor;

test("a part is exactly what was asked for, whether the registry honours the range, sends more, or sends everything", async (t) => {
  let answer: { status: number; body: string; range?: string } = { status: 200, body: "" };
  const server = await startStory(t, (_request, response) =>
    reply(response, answer.status, answer.body, answer.range === undefined ? {} : { "content-range": answer.range }),
  );
  const client = clientOf(t, server);
  const part = async (): Promise<string> => (await gathered(client.blobPart(blob, { first: 3, last: 5 }))).toString();
  for (const given of [
    { status: 206, body: "345", range: "bytes 3-5/10" },
    { status: 206, body: "3456789", range: "bytes 3-9/10" },
    { status: 200, body: "0123456789" },
  ]) {
    answer = given;
    assert.equal(await part(), "345", JSON.stringify(given));
  }
  answer = { status: 206, body: "34", range: "bytes 3-4/10" };
  await refusal(part(), "RESPONSE_MALFORMED", /1 bytes less/u);
  answer = { status: 200, body: "0123" };
  await refusal(part(), "RESPONSE_MALFORMED", /2 bytes less/u);
  answer = { status: 206, body: "456", range: "bytes 4-6/10" };
  await refusal(part(), "RESPONSE_MALFORMED", /range from 3/u);
});
