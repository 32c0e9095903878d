/** What holds of every Dockerfile under content trust, made up or hostile. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { dockerfileRows } from "../../../test/support/dockerfile-rows.ts";
import { hostileBytes } from "../../../test/support/fuzz.ts";
import { app, latest, one, trusted, two } from "../../../test/support/trusted-dockerfile.ts";
import { TagsealError } from "../../errors.ts";

const images = fc.constantFrom("base:1", "base:2", "base", "host:5000/team/app:v1", "${I}", '"base:1"');
const gap = fc.constantFrom(" ", "\t", "  ", " \\\n ", " \\\n# comment\n ");
const lines = fc.oneof(
  fc.tuple(gap, images).map(([space, image]) => `FROM${space}${image}`),
  fc.tuple(gap, images, fc.nat(9)).map(([space, image, n]) => `from${space}${image} AS stage${n}`),
  fc
    .tuple(gap, fc.constantFrom("base:1", "host:5000/team/app:v1"))
    .map(([space, image]) => `COPY${space}--from=${image} /a /b`),
  fc.constantFrom("base:1", "base:2").map((image) => `RUN --mount=type=bind,from=${image},target=/x make`),
  fc.constantFrom(
    "RUN make \\\n  && FROM evil",
    "# FROM evil",
    "",
    "LABEL a=\u00fc",
    'CMD ["x"]',
    "RUN <<EOF\nFROM evil\nEOF",
    "RUN echo \u0085\u00a0",
  ),
);
const files = fc.record({
  lines: fc.array(lines, { maxLength: 12 }),
  newline: fc.constantFrom("\n", "\r\n"),
  ends: fc.boolean(),
});

describe("text outside the names", () => {
  it("is never changed", async () => {
    await fc.assert(
      fc.asyncProperty(files, async ({ lines: body, newline, ends }) => {
        const text =
          ["ARG I=base:2", "FROM base:1 AS first", ...body].join("\n").replaceAll("\n", newline) +
          (ends ? newline : "");
        const { text: rewritten } = await trusted(text);
        const source = Buffer.from(text).toString("latin1");
        const known = [latest, one, two, app].join("|");
        // every replaced name back to a mark, in both texts
        const outside = (dockerfile: string): string =>
          dockerfile.replaceAll(new RegExp(`(?:host:5000/team/app|base)@(?:${known})`, "g"), "@");
        const blank = (dockerfile: string): string =>
          dockerfile.replaceAll(
            /(FROM(?:\s|\\\r?\n|#.*\r?\n)+|from(?:\s|\\\r?\n|#.*\r?\n)+|from=)(?:base(?::[12])?(?![\w:@-])|host:5000\/team\/app:v1|\$\{I\}|"base:1")/g,
            "$1@",
          );
        assert.equal(outside(rewritten), blank(source));
      }),
      { numRuns: 200 },
    );
  });
});

describe("hostile Dockerfiles", () => {
  const seeds = dockerfileRows.map(([, from]) => Buffer.from(from));

  it("I9: are refused, or leave nothing to the engine to resolve", async () => {
    await fc.assert(
      fc.asyncProperty(hostileBytes(...seeds), fc.constantFrom("docker", "podman"), async (bytes, engine) => {
        try {
          const { text } = await trusted(bytes, { engine });
          const again = await trusted(Buffer.from(text, "latin1"), { engine });
          assert.equal(again.text, text);
        } catch (error) {
          if (!(error instanceof TagsealError)) throw error;
        }
      }),
      { numRuns: Number(process.env["TAGSEAL_FUZZ_RUNS"] ?? 1500) },
    );
  });
});
