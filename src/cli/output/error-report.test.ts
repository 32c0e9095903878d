import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { TagsealError } from "../../errors.ts";
import { captured } from "../captured-io.ts";
import { failureText, reportOf, writeFailure } from "./error-report.ts";

const io = (env: Record<string, string> = {}) => captured({ env, now: () => new Date() });
const debugging = { TAGSEAL_DEBUG: "1" };

describe("a failure", () => {
  it("is one sentence, then hint and code", () => {
    const error = new TagsealError("TAG_NOT_SIGNED", "No valid trust data for v9", { hint: "sign it first" });
    assert.equal(failureText(reportOf(error)), "No valid trust data for v9\nhint: sign it first [TAG_NOT_SIGNED]\n");
  });

  it("shows its code without a hint too", () => {
    assert.equal(failureText(reportOf(new TagsealError("USAGE", "no"))), "no\n[USAGE]\n");
  });

  it("is an object on standard output with --json, and still a sentence on standard error", () => {
    const { io: given, stdout, stderr } = io();
    writeFailure(new TagsealError("USAGE", "no", { hint: "yes" }), given, { json: true });
    assert.deepEqual(JSON.parse(stdout()), { error: { code: "USAGE", message: "no", hint: "yes" } });
    assert.equal(stderr(), "no\nhint: yes [USAGE]\n");
  });

  it("of the program itself says so", () => {
    assert.equal(reportOf(new TypeError("x is not a function")).code, "INTERNAL");
  });

  it("never sends a server's control characters to the terminal", () => {
    const error = new TagsealError("USAGE", "evil \u001b[2Jtext\u0007", { hint: "\u009b31m" });
    assert.equal(failureText(reportOf(error)), "evil \\x1b[2Jtext\\x07\nhint: \\x9b31m [USAGE]\n");
  });

  it("never sends them with --debug or --json either", () => {
    const { io: given, stdout, stderr } = io(debugging);
    const error = new TagsealError("USAGE", "outer", { cause: new Error("inner \u001b[2J \u009b31m \u202egpj.exe") });
    writeFailure(error, given, { json: false });
    writeFailure(new TagsealError("USAGE", "\u009b31m"), given, { json: true });
    assert.match(stderr(), /inner \\x1b\[2J \\x9b31m \\x202egpj\.exe/);
    assert.doesNotMatch(stdout() + stderr(), /[^\P{Cc}\n]|\p{Bidi_C}/u);
    assert.equal(JSON.parse(stdout()).error.message, "\u009b31m");
  });

  it("shows where it came from only when asked", () => {
    const error = new TagsealError("USAGE", "outer", { cause: new Error("inner") });
    for (const [env, shown] of [
      [debugging, true],
      [{}, false],
      [{ TAGSEAL_DEBUG: "0" }, false],
    ] as const) {
      const { io: given, stderr } = io(env);
      writeFailure(error, given, { json: false });
      assert.equal(stderr().includes("inner"), shown);
    }
  });
});
