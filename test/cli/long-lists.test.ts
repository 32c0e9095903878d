/** Lists of thousands of tags are written while they are made: their memory does not grow with their number. */
import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { before, describe, it } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { captured } from "../../src/cli/captured-io.ts";
import { main } from "../../src/cli/main.ts";
import { openTrust } from "../../src/cli/open/trust.ts";
import { passphraseSource } from "../../src/cli/open/passphrases.ts";
import { digestFromHex } from "../../src/reference/digest.ts";
import { parseImageReference } from "../../src/reference/image-reference.ts";
import { signTags } from "../../src/trust/publishing/sign.ts";
import { CliSandbox, json } from "./cli-sandbox.ts";

const count = 4_000;

function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
}

describe("lists of many tags", () => {
  const stage = CliSandbox.forSuite("long-lists");
  const name = (): string => stage.repository("team/large");

  before(async () => {
    await stage.publish(await stage.image("1"), `${name()}:t0`);
    const { io } = captured({ env: stage.sandbox.environment, now: () => new Date() });
    const passphrases = await passphraseSource({}, io);
    const context = await openTrust(io, parseImageReference(name()), {
      access: "write",
      notify: () => {},
      passphrases,
    });
    const tags = Array.from({ length: count - 1 }, (_, index) => ({
      tag: `t${index + 1}`,
      digest: digestFromHex("sha256", hash("sha256", String(index))),
      length: 1000,
    }));
    await signTags(context, tags);
    context.close();
  });

  /** The characters that a command writes, and by how much more memory is in use at its writes than at the first one. */
  async function costOf(argv: readonly string[]): Promise<{ written: number; longest: number; grownBy: number }> {
    let [writes, written, longest, atFirst, most] = [0, 0, 0, 0, 0];
    const stdout = {
      isTerminal: false,
      columns: 80,
      write(content: string | Uint8Array): void {
        if (writes++ % 4 === 0) {
          collectGarbage();
          const { heapUsed, external } = process.memoryUsage();
          if (written === 0) atFirst = heapUsed + external;
          most = Math.max(most, heapUsed + external);
        }
        written += content.length;
        longest = Math.max(longest, content.length);
      },
    };
    const { io } = captured({ env: stage.sandbox.environment, now: () => new Date(), stdout });
    assert.equal(await main(argv, io), 0);
    return { written, longest, grownBy: most - atFirst };
  }

  for (const command of [
    ["list"],
    ["list", "--json"],
    ["list", "-q"],
    ["trust", "inspect"],
    ["trust", "inspect", "--pretty"],
  ])
    it(`${command.join(" ")} holds a small part of what it writes`, async () => {
      const { written, longest, grownBy } = await costOf([...command, name()]);
      assert.ok(longest < 80_000, `${longest} characters at once`);
      // the entries as objects alone are larger than their text
      if (!command.includes("-q"))
        assert.ok(grownBy < written / 2, `${grownBy} bytes more while ${written} were written`);
    });

  it("are whole, in natural order, and JSON as it always was", async () => {
    const outcome = await stage.ok(["list", "--json", name()]);
    const listed = json(outcome) as { readonly tag: string }[];
    assert.deepEqual(
      listed.map(({ tag }) => tag),
      Array.from({ length: count }, (_, index) => `t${index}`),
    );
    assert.equal(outcome.stdout, `${JSON.stringify(listed, undefined, 2)}\n`);
    const inspected = await stage.ok(["trust", "inspect", name()]);
    assert.equal(inspected.stdout, `${JSON.stringify(json(inspected), undefined, 4)}\n`);
  });
});
