import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { readFlags } from "./flag-reading.ts";
import { flagTable } from "./flag-table.ts";

const table = flagTable({ switches: "q:quiet i:interactive t:tty", values: "f:file e:env platform", optional: "pull" });

function read(line: readonly string[], stopsAtOperand = false) {
  const { flags, operands, help } = readFlags(line, { table, stopsAtOperand });
  return { flags: flags.map(({ name, value }) => `${name}=${value}`), operands: operands.map((at) => line[at]), help };
}

describe("flags", () => {
  const stories: readonly (readonly [string[], string[], string[]])[] = [
    [["--quiet", "image"], ["quiet=true"], ["image"]],
    [["--quiet=false", "image"], ["quiet=false"], ["image"]],
    [["--quiet", "false"], ["quiet=true"], ["false"]],
    [["--file", "x", "image"], ["file=x"], ["image"]],
    [["--file=x", "image"], ["file=x"], ["image"]],
    [["--file=", "image"], ["file="], ["image"]],
    [["-f", "x", "image"], ["file=x"], ["image"]],
    [["-fx", "image"], ["file=x"], ["image"]],
    [["-f=x", "image"], ["file=x"], ["image"]],
    [["-f", "-q", "image"], ["file=-q"], ["image"]],
    [["-it", "image"], ["interactive=true", "tty=true"], ["image"]],
    [["-itf", "x", "image"], ["interactive=true", "tty=true", "file=x"], ["image"]],
    [["-itfx", "image"], ["interactive=true", "tty=true", "file=x"], ["image"]],
    [["-q=false", "image"], ["quiet=false"], ["image"]],
    [["-e", "A=1", "-e", "B=--quiet", "image"], ["env=A=1", "env=B=--quiet"], ["image"]],
    [["--pull", "image"], ["pull=true"], ["image"]],
    [["--pull=always", "image"], ["pull=always"], ["image"]],
    [["image", "-q"], ["quiet=true"], ["image"]],
    [["--", "-q", "image"], [], ["-q", "image"]],
    [["-q", "--", "--file"], ["quiet=true"], ["--file"]],
    [["-"], [], ["-"]],
    [["--file", "-", "-"], ["file=-"], ["-"]],
  ];
  for (const [line, flags, operands] of stories) {
    it(`reads ${line.join(" ")}`, () => assert.deepEqual(read(line), { flags, operands, help: false }));
  }

  it("end at the image where what follows belongs to the container", () => {
    const line = ["-it", "image", "sh", "-c", "--nosuch", "-q"];
    assert.deepEqual(read(line, true).operands, ["image", "sh", "-c", "--nosuch", "-q"]);
  });

  it("ask for help, unless taken back", () => {
    const withHelp = flagTable({ switches: "help" });
    const help = (...line: string[]) => readFlags(line, { table: withHelp, stopsAtOperand: false }).help;
    assert.deepEqual(
      [help("--help"), help("-h"), help("--help=false"), help("--help", "--help=0")],
      [true, true, false, false],
    );
  });

  const mistakes: readonly (readonly [string[], RegExp])[] = [
    [["--nosuch"], /^unknown flag: --nosuch$/],
    [["--nosuch=1"], /^unknown flag: --nosuch$/],
    [["-iz"], /^unknown shorthand flag: 'z' in -iz$/],
    [["--file"], /^flag needs an argument: --file$/],
    [["-f"], /^flag needs an argument: 'f' in -f$/],
    [
      ["--quiet=banana"],
      /^invalid argument "banana" for "-q, --quiet" flag: strconv\.ParseBool: parsing "banana": invalid syntax$/,
    ],
    [["---quiet"], /^bad flag syntax: ---quiet$/],
    [["--=x"], /^bad flag syntax: --=x$/],
  ];
  for (const [line, message] of mistakes) {
    it(`refuses ${line.join(" ")} in docker's words`, () =>
      assert.throws(() => read(line), { code: "USAGE", message }));
  }

  it("account for every word of a line they can read", () => {
    const word = fc.constantFrom(
      "-q",
      "-it",
      "-f",
      "--file",
      "--file=a",
      "--quiet",
      "--pull",
      "a",
      "b",
      "-",
      "--",
      "-fx",
      "--env",
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 8 }), fc.boolean(), (line, stopsAtOperand) => {
        let result;
        try {
          result = readFlags(line, { table, stopsAtOperand });
        } catch (error) {
          assert.match(String(error), /flag needs an argument/);
          return;
        }
        const seen = new Set(result.operands);
        for (const { at, words } of result.flags) for (let index = at; index < at + words; index++) seen.add(index);
        const separator = line.findIndex((text, index) => text === "--" && !seen.has(index));
        if (separator !== -1) seen.add(separator);
        assert.equal(seen.size, line.length);
      }),
    );
  });
});
