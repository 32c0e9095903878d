import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { EngineMessage } from "../../engine/engine-message.ts";
import { engineDisplay, progressText } from "./engine-progress.ts";

const plain = { current: 0, total: 0, units: undefined, hideCounts: false };
const line = (status: string, more: Partial<EngineMessage> = {}): EngineMessage => ({
  id: undefined,
  progress: undefined,
  stream: undefined,
  ...more,
  status,
});
const layer = (id: string, status: string, current = 0, total = 0): EngineMessage =>
  line(status, { id, progress: { ...plain, current, total } });

function shown(isTerminal: boolean, messages: readonly EngineMessage[], columns = 80): string {
  let text = "";
  const show = engineDisplay({ isTerminal, columns, write: (more) => void (text += more) });
  for (const message of messages) show(message);
  return text;
}

const push = [
  line("The push refers to repository [host/app]"),
  layer("a2847d0e4fc4", "Preparing"),
  layer("a2847d0e4fc4", "Pushing", 33_790, 1_982_000),
  layer("a2847d0e4fc4", "Pushing", 1_985_000, 1_982_000),
  layer("a2847d0e4fc4", "Pushed"),
  line("v1: digest: sha256:eb size: 528"),
];

describe("what an engine reports", () => {
  it("is lines without bars where there is no terminal", () => {
    assert.equal(
      shown(false, push),
      "The push refers to repository [host/app]\na2847d0e4fc4: Preparing\na2847d0e4fc4: Pushed\nv1: digest: sha256:eb size: 528\n",
    );
  });

  it("is rewritten in place on a terminal, byte for byte as docker 28 does", () => {
    const up = "\u001b[1A\u001b[2K\r";
    const down = "\r\u001b[1B";
    assert.equal(
      shown(true, push),
      "The push refers to repository [host/app]\n\n" +
        `${up}a2847d0e4fc4: Preparing ${down}${up}a2847d0e4fc4: Pushing  33.79kB/1.982MB${down}` +
        `${up}a2847d0e4fc4: Pushing  1.985MB${down}${up}a2847d0e4fc4: Pushed ${down}v1: digest: sha256:eb size: 528\n`,
    );
  });

  it("finds the line of each layer again", () => {
    const text = shown(true, [layer("a", "x"), layer("b", "x"), layer("a", "y")]);
    assert.ok(text.endsWith("\u001b[2A\u001b[2K\ra: y \r\u001b[2B"), JSON.stringify(text));
  });

  it("has a bar where there is room", () => {
    assert.equal(
      progressText({ ...plain, current: 500, total: 1000 }, 200),
      `[${"=".repeat(25)}>${" ".repeat(25)}]     500B/1kB`,
    );
    assert.equal(progressText({ ...plain, current: 500, total: 1000 }, 110), "    500B/1kB");
    assert.equal(progressText({ ...plain, current: 1234 }, 200), " 1.234kB");
    assert.equal(progressText({ ...plain, current: 1, total: 3, units: "items" }, 80), " 1 items/3 items");
  });

  it("cannot command the terminal", () => {
    const text = shown(false, [
      line("\u001b[2J"),
      line("\u0007", { id: "\u009b1m" }),
      line("", { stream: "\u001b]0;x\u0007" }),
    ]);
    for (const control of ["\u001b", "\u0007", "\u009b"]) assert.equal(text.includes(control), false, text);
  });
});
