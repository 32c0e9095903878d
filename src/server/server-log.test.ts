import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { TagsealError } from "../errors.ts";
import { errorFields, ServerLog } from "./server-log.ts";

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
