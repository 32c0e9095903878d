import assert from "node:assert/strict";
import { connect, createServer } from "node:net";
import { describe, it } from "node:test";
import { answeredWithin } from "./answered-within.ts";

const late = (): Error => new Error("late");

describe("waiting with a bound", () => {
  it("returns an answer in time, else fails as late, whatever comes afterwards", async () => {
    assert.equal(await answeredWithin(Promise.resolve(1), 1000, late), 1);
    await assert.rejects(answeredWithin(Promise.reject(new Error("broken")), 1000, late), /broken/u);
    const slow = Promise.withResolvers<number>();
    await assert.rejects(answeredWithin(slow.promise, 5, late), /late/u);
    slow.reject(new Error("no caller receives this"));
  });

  it("does not treat an answer as late that arrived while this process was busy", async (t) => {
    const server = createServer((socket) => void socket.end("an answer")).listen(0, "127.0.0.1");
    t.after(() => server.close());
    await new Promise((resolve) => server.once("listening", resolve));
    const address = server.address();
    assert.ok(address !== null && typeof address === "object");
    const socket = connect(address.port, "127.0.0.1");
    const answer = new Promise((resolve) => socket.once("data", (data) => resolve(String(data))));
    await new Promise((resolve) => socket.once("connect", resolve));
    // The server runs in this process, too: it must have answered before the process is busy.
    await new Promise(setImmediate);
    const waiting = answeredWithin(answer, 20, late);
    for (const until = performance.now() + 100; performance.now() < until;);
    assert.equal(await waiting, "an answer");
  });
});
