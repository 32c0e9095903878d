import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { CopyProgress } from "../../registry/copy.ts";
import { parseDigest } from "../../reference/digest.ts";
import { captured } from "../captured-io.ts";
import type { Io } from "../io.ts";
import { barLine, bytesText, copyProgress, progressWords } from "./progress.ts";

const digest = parseDigest(`sha256:${"ab".repeat(32)}`);

function layer(state: CopyProgress["state"], doneBytes: number): CopyProgress {
  return { kind: "blob", digest, mediaType: "x", size: 2_000_000, doneBytes, state };
}

/** An Io whose standard error is a terminal, and a clock that moves a second at every look. */
function terminal(): { io: Io; screen: () => string } {
  let seconds = 0;
  const { io, stderr } = captured({ env: {}, now: () => new Date((seconds += 1) * 1000) });
  const shown = { isTerminal: true, columns: 80, write: (text: string) => io.stderr.write(text) };
  return { io: { ...io, stderr: shown }, screen: stderr };
}

describe("progress", () => {
  it("is a line for each finished layer where there is no terminal", () => {
    const { io, stderr } = captured({ env: {}, now: () => new Date() });
    const display = copyProgress(io, progressWords.push, { quiet: false });
    for (const report of [layer("waiting", 0), layer("copying", 5), layer("done", 2_000_000)]) display.update(report);
    display.end();
    assert.equal(stderr(), "abababababab: Pushed\n");
  });

  it("is nothing when quiet", () => {
    const { io, stderr } = captured({ env: {}, now: () => new Date() });
    const display = copyProgress(io, progressWords.pull, { quiet: true });
    display.update(layer("done", 2_000_000));
    display.end();
    assert.equal(stderr(), "");
  });

  it("is a bar on a terminal, which gives way to the finished line", () => {
    const { io, screen } = terminal();
    const display = copyProgress(io, progressWords.pull, { quiet: false });
    display.update(layer("copying", 1_000_000));
    assert.match(screen(), /^abababababab \[=+> +\] +1\.0 MB of 2\.0 MB\n$/);
    display.update(layer("done", 2_000_000));
    assert.ok(screen().endsWith("\u001b[1A\u001b[Jabababababab: Download complete\n"));
  });

  it("takes its bars away when the copy fails", () => {
    const { io, screen } = terminal();
    const display = copyProgress(io, progressWords.pull, { quiet: false });
    display.update(layer("copying", 1));
    display.end();
    assert.ok(screen().endsWith("\u001b[1A\u001b[J"));
  });

  it("never wraps, however narrow the terminal, however much a registry sends", () => {
    for (const columns of [1, 10, 20, 40, 80, 300]) {
      for (const doneBytes of [0, 1, 1_999_999, 2_000_000, 9e15]) {
        assert.ok(barLine(layer("copying", doneBytes), columns).length < Math.max(2, columns));
      }
    }
  });

  it("counts bytes in decimal units", () => {
    assert.deepEqual([0, 999, 1000, 1_345_000, 999_999, 2e9].map(bytesText), [
      "0 B",
      "999 B",
      "1.0 kB",
      "1.3 MB",
      "1.0 MB",
      "2.0 GB",
    ]);
  });
});
