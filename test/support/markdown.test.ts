import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { anchors, consoleCommands, links, shellBlocks } from "./markdown.ts";

const page = [
  "# One, two: *three*",
  "See [there](other.md#part) and `[not](a-link)`.",
  "```sh",
  "$ not for running",
  "```",
  "```console exit=2",
  "$ first --flag",
  "some output",
  "$ second \\",
  "    --continued",
  "more output",
  "```",
].join("\n");

describe("reading documentation", () => {
  it("finds commands, their output and the exit code of the last", () => {
    assert.deepEqual(consoleCommands(page), [
      { line: 7, command: "first --flag", output: ["some output"], exitCode: 0 },
      { line: 9, command: "second \\\n    --continued", output: ["more output"], exitCode: 2 },
    ]);
  });

  it("finds lines for a shell below their headings, and takes no comment for one", () => {
    const blocks = [
      "# One",
      "```sh",
      "# first",
      "```",
      "```sh",
      "second",
      "```",
      "## Two",
      "```sh",
      "third",
      "```",
      "",
    ];
    assert.deepEqual(shellBlocks(blocks.join("\n")), [
      { heading: "One", number: 1, text: "# first\n" },
      { heading: "One", number: 2, text: "second\n" },
      { heading: "Two", number: 1, text: "third\n" },
    ]);
  });

  it("finds links outside code, and the anchors of headings", () => {
    assert.deepEqual(links(page), ["other.md#part"]);
    assert.deepEqual([...anchors(page)], ["one-two-three"]);
  });
});
