import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { type ChildCommand, passThrough } from "./pass-through.ts";

const shell = (script: string): ChildCommand => ({
  executable: "/bin/sh",
  args: ["-c", script],
  env: { PATH: "/usr/bin:/bin" },
});

/** Signals as they would arrive at this process, without disturbing the test runner. */
class Signals extends EventEmitter {
  async untilHeard(signal: NodeJS.Signals): Promise<void> {
    while (this.listenerCount(signal) === 0) await pause(5);
    // The shell needs a moment to set its trap.
    await pause(150);
    this.emit(signal, signal);
  }
}

const inNobodysTerminal = { sharesTerminal: false };

describe("a program in our place", () => {
  it("ends with its own status, or 128 + n after signal n", async () => {
    const signals = new Signals();
    assert.equal(await passThrough(shell("exit 0"), { signals, ...inNobodysTerminal }), 0);
    assert.equal(await passThrough(shell("exit 42"), { signals, ...inNobodysTerminal }), 42);
    assert.equal(await passThrough(shell("kill -KILL $$"), { signals, ...inNobodysTerminal }), 137);
    assert.equal(await passThrough(shell("kill -TERM $$"), { signals, ...inNobodysTerminal }), 143);
  });

  it("hears of signals that were sent to us alone, and decides itself what they mean", async () => {
    const signals = new Signals();
    const ended = passThrough(shell("trap 'exit 7' TERM; while :; do sleep 0.05; done"), {
      signals,
      ...inNobodysTerminal,
    });
    await signals.untilHeard("SIGTERM");
    assert.equal(await ended, 7);
    assert.deepEqual(signals.eventNames(), [], "nobody listens any more");
  });

  it("hears of Ctrl-C once: from the terminal where it shares ours, else from us", async () => {
    const signals = new Signals();
    const script = shell("trap 'exit 7' INT; trap 'exit 9' TERM; while :; do sleep 0.05; done");
    const alone = passThrough(script, { signals, sharesTerminal: false });
    await signals.untilHeard("SIGINT");
    assert.equal(await alone, 7);
    const shared = passThrough(script, { signals, sharesTerminal: true });
    await signals.untilHeard("SIGINT");
    await signals.untilHeard("SIGTERM");
    assert.equal(await shared, 9);
  });

  it("that cannot be started is an error with a reason", async () => {
    const command = { executable: "/nonexistent/docker", args: [], env: {} };
    await assert.rejects(passThrough(command, { signals: new Signals(), ...inNobodysTerminal }), {
      code: "ENGINE_NOT_FOUND",
      message: /^cannot start \/nonexistent\/docker: /,
    });
  });
});
