/** Ordinary Dockerfiles, read by Tagseal and by an independent parser. @see docs/decisions/0008-own-reader-of-dockerfiles.md */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Copy, DockerfileParser } from "dockerfile-ast";
import fc from "fast-check";
import { readDockerfile } from "./read-dockerfile.ts";

function ours(text: string): string[] {
  const [{ images }] = readDockerfile(Buffer.from(text).toString("latin1"), "docker");
  return images.map(({ written, line }) => `${line} ${written}`);
}

function theirs(text: string): string[] {
  return DockerfileParser.parse(text)
    .getInstructions()
    .flatMap((instruction) => {
      const isFrom = instruction.getKeyword() === "FROM";
      const range = isFrom
        ? instruction.getArguments()[0]?.getRange()
        : instruction.getKeyword() === "COPY"
          ? (instruction as Copy)
              .getFlags()
              .find((flag) => flag.getName() === "from")
              ?.getValueRange()
          : undefined;
      if (range === undefined || range === null) return [];
      const line = text.split("\n")[range.start.line] ?? "";
      return [`${range.start.line + 1} ${line.slice(range.start.character, range.end.character)}`];
    });
}

const image = fc.constantFrom("alpine", "alpine:3", "host:5000/a/b@sha256:" + "a".repeat(64), "$BASE", "${BASE:-x}");
const gap = fc.constantFrom(" ", "  ", "\t", " \\\n  ", " \\\n  # why\n  ");
const line = fc.oneof(
  fc.tuple(gap, image).map(([space, name]) => `FROM${space}${name}`),
  fc.tuple(gap, image).map(([space, name]) => `FROM${space}${name} AS stage`),
  fc.constantFrom("COPY --from=alpine:3 a b", "COPY --chown=1:1 --from=stage a b", "COPY a b", "copy --from=x a b"),
  fc.constantFrom(
    "RUN a && \\\n  b",
    "RUN echo 'FROM x'",
    "# FROM x",
    "",
    "ENV A=1 \\\n    B=2",
    'CMD ["a"]',
    "RUN <<EOF\nFROM x\nEOF",
    "LABEL a=ü",
  ),
);

describe("an independent reader", () => {
  it("finds the same images in the same lines", () => {
    fc.assert(
      fc.property(fc.array(line, { maxLength: 15 }), fc.constantFrom("\n", "\r\n"), (body, newline) => {
        const text = ["ARG BASE=x", "FROM scratch", ...body, ""].join("\n").replaceAll("\n", newline);
        assert.deepEqual(ours(text), theirs(text));
      }),
      { numRuns: 300 },
    );
  });

  it("misses what hides from it", () => {
    const hidden = "FROM alpine\nRUN echo \\\\\nFROM evil\n";
    assert.deepEqual(theirs(hidden), ["1 alpine"]);
    assert.throws(() => ours(hidden), /engines read this line differently/);
  });
});
