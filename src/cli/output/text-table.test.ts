import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { textTable } from "./text-table.ts";
import { wrap } from "./wrap.ts";

describe("a text table", () => {
  it("has columns three spaces apart and at least ten wide, as docker's", () => {
    assert.equal(
      textTable([
        ["SIGNER", "KEYS"],
        ["alice", "263b6b2d378a"],
      ]),
      "SIGNER    KEYS\nalice     263b6b2d378a\n",
    );
  });

  it("grows with its widest cell and leaves no spaces at line ends", () => {
    assert.equal(
      textTable([
        ["SIGNED TAG", "X"],
        ["v1", "y"],
      ]),
      "SIGNED TAG   X\nv1           y\n",
    );
  });
});

describe("wrapping", () => {
  it("breaks at spaces and indents what follows", () => {
    assert.equal(wrap("one two three four", 26, "      "), "one two three four");
    assert.equal(wrap("one two three four five six", 26, "      "), "one two three four\n      five six");
  });

  it("leaves a word that fits nowhere alone", () => {
    assert.equal(wrap(`a ${"x".repeat(40)} b`, 20, ""), `a\n${"x".repeat(40)}\nb`);
  });
});

it("never sends a name's control characters to the terminal", () => {
  assert.equal(textTable([["v1\u009b2J", "\u001b[31mred"]]), "v1\\x9b2J   \\x1b[31mred\n");
});
