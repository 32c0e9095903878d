import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { describe, it } from "node:test";
import { pause } from "./pause.ts";

describe("a pause", () => {
  it("ends by itself, and leaves nothing on the signal", async () => {
    const { signal } = new AbortController();
    await pause(1);
    await pause(1, signal);
    assert.equal(getEventListeners(signal, "abort").length, 0);
  });

  it("ends as cancelled with the caller's reason, before it begins and in the middle", async () => {
    const controller = new AbortController();
    const waiting = pause(600_000, controller.signal);
    const reason = new Error("the caller left");
    controller.abort(reason);
    await assert.rejects(waiting, { code: "CANCELLED", cause: reason });
    await assert.rejects(pause(600_000, controller.signal), { code: "CANCELLED", cause: reason });
  });

  it("takes no defect for a caller who gave up", async () => {
    const noSignal = {} as AbortSignal;
    await assert.rejects(pause(1, noSignal), { code: "ERR_INVALID_ARG_TYPE" });
  });
});
