import assert from "node:assert/strict";
import { test } from "node:test";
import { waitUntil } from "../../../test/support/processes.ts";
import { reply, startStory } from "../../../test/support/story-server.ts";
import { HttpClient } from "./http-client.ts";

const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;

test("an answer before the whole request was sent leaves no timer behind, which would keep a program running", async (t) => {
  // It answers at once, and takes the rest all the same.
  const server = await startStory(t, (request, response) => {
    request.resume();
    reply(response, 413, "too much");
  });
  const http = new HttpClient({ timeouts: { patienceMs: 60_000 } });
  t.after(() => http.close());
  const before = timers();
  for (let turn = 0; turn < 5; turn += 1) {
    const body = Buffer.alloc(9 * 1024 * 1024);
    const answer = await http.request({ method: "PUT", url: server.url("/"), body });
    assert.equal(answer.status, 413);
    await answer.bytes(100);
  }
  await new Promise((resolve) => setTimeout(resolve, 200));
  await waitUntil("no timer is left", () => timers() <= before, 5000);
});
