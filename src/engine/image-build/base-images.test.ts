import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { dockerfileRows } from "../../../test/support/dockerfile-rows.ts";
import { one, other, refuses, rewrites, trusted, two } from "../../../test/support/trusted-dockerfile.ts";
import { processorMs } from "../../../test/support/processor-time.ts";

describe("a Dockerfile under content trust", () => {
  for (const [what, from, result, asked] of dockerfileRows) {
    it(`${result instanceof RegExp ? "I9: refuses" : "rewrites"}: ${what}`, async () => {
      await (result instanceof RegExp ? refuses(from, result, asked) : rewrites(from, result, asked));
    });
  }

  it("I5: resolves a tag once, however often it is named", async () => {
    const { resolved } = await trusted("FROM base:1\nFROM docker.io/library/base:1\nCOPY --from=base:1 /a /b\n");
    assert.deepEqual(resolved, ["base:1"]);
  });

  it("keeps bytes that are not text", async () => {
    const tail = Buffer.from("\nRUN echo \u00ff\u00fe\u0085x\n", "latin1");
    const { text } = await trusted(Buffer.concat([Buffer.from("FROM base:1"), tail]));
    assert.equal(text, `FROM base@${one}${tail.toString("latin1")}`);
  });

  it("gives the same bytes for the same signatures, so that the cache keeps working", async () => {
    const from = "# syntax=docker/dockerfile:1\nFROM base:1\nRUN x\n";
    assert.equal((await trusted(from)).text, (await trusted(from)).text);
  });

  it("leaves what it wrote alone", async () => {
    const { text } = await trusted(
      "# syntax=docker/dockerfile:1\nARG V=1\nFROM base:$V AS a\nFROM a\nCOPY --from=base:2 /a /b\n",
    );
    await rewrites(text, text);
  });

  it("refuses what is too long to be a Dockerfile", async () => {
    await refuses(`FROM base:1\n${"#".repeat(5 * 1024 * 1024)}`, /more than/);
  });

  it("reads a long file quickly", async () => {
    const text = `FROM base:1\nRUN x${" ".repeat(1_000_000)}y \\\n${"\\ ".repeat(200_000)}\n# ${"= ".repeat(400_000)}\n`;
    assert.ok((await processorMs(() => trusted(text))) < 5_000);
  });
});

describe("triggers of base images", () => {
  const base = `base@${one}`;

  it("may bring nothing in", async () => {
    const triggers = { [base]: ["RUN make", "COPY . /src", "COPY --from=0 /a /b"] };
    await rewrites("FROM base:1\n", `FROM ${base}\n`, { triggers });
  });

  it("may name digests and earlier stages", async () => {
    const triggers = { [base]: [`COPY --from=other@${other} /a /b`, "COPY --from=tools /a /b"] };
    await rewrites("FROM base:2 AS tools\nFROM base:1\n", `FROM base@${two} AS tools\nFROM ${base}\n`, { triggers });
  });

  it("are refused when they name a tag, even a signed one", async () => {
    const triggers = { [base]: ["COPY --from=base:2 /a /b"] };
    await refuses(
      "FROM scratch\nFROM base:1\n",
      /^Dockerfile:2: base:1@?.* has the trigger ONBUILD COPY --from=base:2 .*, refused: base:2 is not a digest$/,
      { triggers },
    );
  });

  it("are refused when they mount an image, or hide it", async () => {
    for (const trigger of [
      "RUN --mount=from=evil x",
      "COPY \\\n --from=evil a b",
      "RUN --mount=$X x",
      "FROM evil",
      "ONBUILD RUN x",
      "INCLUDE x",
      "",
      "RUN x\nFROM evil",
    ]) {
      await refuses("FROM base:1\n", /has the trigger ONBUILD/, { triggers: { [base]: [trigger] } });
    }
  });

  it("are refused when they name a stage that is not there yet", async () => {
    const triggers = { [base]: ["COPY --from=late /a /b"] };
    await refuses("FROM base:1\nFROM base:2 AS late\n", /the stage late is not complete/, { triggers });
  });

  it("do not run for images that only files are copied from", async () => {
    const triggers = { [base]: ["RUN --mount=from=evil x"] };
    await rewrites("FROM scratch\nCOPY --from=base:1 /a /b\n", `FROM scratch\nCOPY --from=${base} /a /b\n`, {
      triggers,
    });
  });
});
