import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { TagsealError } from "../errors.ts";
import { errorFields, ServerLog } from "./log.ts";

const now = (): Date => new Date("2026-11-23T04:00:00Z");

describe("the server's log", () => {
  it("is one JSON object a line, at or above its level", () => {
    const lines: string[] = [];
    const log = new ServerLog({ sink: (line) => lines.push(line), level: "info", now });
    log.write("debug", "read");
    log.write("info", "published", { gun: "g\n", files: 2, nothing: undefined });
    assert.deepEqual(lines, [
      '{"time":"2026-11-23T04:00:00.000Z","level":"info","event":"published","gun":"g\\n","files":2}',
    ]);
  });

  it("I6: stays one plain line, of bounded length, whatever a name contains", () => {
    const lines: string[] = [];
    const log = new ServerLog({ sink: (line) => lines.push(line), level: "info", now });
    const user = "a\r\n\u2028\u2029\u0085\u001b[31m\u202e\u{e0041}\ud800é";
    log.write("info", "published", { user, userAgent: "x".repeat(100_000) });
    const [line = ""] = lines;
    assert.doesNotMatch(line, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
    assert.ok(line.length < 10_000);
    assert.equal((JSON.parse(line) as { user: string }).user, user);
  });

  it("describes errors by code, message and cause", () => {
    const cause = new Error("disk full");
    assert.deepEqual(errorFields(new TagsealError("STORAGE_FAILED", "Cannot write", { cause })), {
      code: "STORAGE_FAILED",
      error: "Cannot write",
      cause: "disk full",
    });
    assert.deepEqual(errorFields(new TypeError("no")), { code: "TypeError", error: "no" });
    assert.deepEqual(errorFields("text"), { error: "text" });
  });
});
