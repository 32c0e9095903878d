import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Faults, type Fault } from "./faults.ts";
import { ServerLog } from "./log.ts";

function watched() {
  const lines: Record<string, unknown>[] = [];
  const sink = (line: string): void => void lines.push(JSON.parse(line) as Record<string, unknown>);
  const faults = new Faults(new ServerLog({ sink, level: "info", now: () => new Date(0) }));
  const state: { fault: Fault | undefined } = { fault: undefined };
  faults.watch("clock", () => state.fault);
  return { faults, lines, state };
}

const found = { reason: "CLOCK_WRONG", details: { seconds: 40 } };

describe("a register of faults", () => {
  it("names what is wrong now, and nothing after it is fixed", () => {
    const { faults, state } = watched();
    assert.deepEqual([...faults.current()], []);
    state.fault = found;
    assert.deepEqual([...faults.current()], [["clock", found]]);
    state.fault = undefined;
    assert.deepEqual([...faults.current()], []);
    assert.deepEqual(faults.parts, ["clock"]);
  });

  it("writes one line when a fault begins and one when it ends, however often it is read", () => {
    const { faults, lines, state } = watched();
    state.fault = found;
    for (let look = 0; look < 3; look += 1) faults.current();
    state.fault = undefined;
    for (let look = 0; look < 3; look += 1) faults.current();
    const time = new Date(0).toISOString();
    assert.deepEqual(lines, [
      { time, level: "error", event: "fault", part: "clock", reason: "CLOCK_WRONG", seconds: 40 },
      { time, level: "info", event: "fault ended", part: "clock" },
    ]);
  });

  it("writes a fault without harm yet as a warning", () => {
    const { faults, lines, state } = watched();
    state.fault = { reason: "soon", level: "warning" };
    faults.current();
    assert.equal(lines[0]?.["level"], "warning");
  });

  it("writes one more line when a warning becomes an error", () => {
    const { faults, lines, state } = watched();
    for (const level of ["warning", "error", "warning", "error"] as const) {
      state.fault = { reason: level, level };
      faults.current();
    }
    assert.deepEqual(
      lines.map(({ level }) => level),
      ["warning", "error", "error"],
    );
  });
});
