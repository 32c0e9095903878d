import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Options } from "./options/option.ts";
import { FlagError, parseLine } from "./argument-parser.ts";

const declared = {
  yes: { kind: "switch", short: "y", help: "" },
  force: { kind: "switch", short: "f", help: "" },
  dir: { kind: "text", short: "d", value: "dir", help: "" },
  key: { kind: "list", value: "file", help: "" },
} as const satisfies Options;

const parse = (...argv: string[]) => parseLine(argv, declared);

function refusal(...argv: string[]): string {
  try {
    parse(...argv);
  } catch (error) {
    assert.ok(error instanceof FlagError);
    assert.equal(error.code, "USAGE");
    return error.message;
  }
  return "accepted";
}

describe("a command line", () => {
  it("mixes flags and arguments", () => {
    const { options, args } = parse("a", "--yes", "b", "--dir", "x", "c");
    assert.deepEqual(args, ["a", "b", "c"]);
    assert.equal(options.yes, true);
    assert.equal(options.dir, "x");
  });

  it("gives absent flags their neutral value", () => {
    assert.deepEqual({ ...parse().options }, { yes: false, force: false, dir: undefined, key: [] });
  });

  it("takes a value after = or as the next word, even one that looks like a flag", () => {
    assert.equal(parse("--dir=--yes").options.dir, "--yes");
    assert.equal(parse("--dir", "--yes").options.dir, "--yes");
    assert.equal(parse("--dir=").options.dir, "");
  });

  it("collects a flag that may be repeated, in order", () => {
    assert.deepEqual(parse("--key", "b", "--key=a").options.key, ["b", "a"]);
  });

  it("lets the last of a single flag win", () => {
    assert.equal(parse("--dir", "a", "--dir", "b").options.dir, "b");
    assert.equal(parse("--yes", "--yes=false").options.yes, false);
  });

  it("reads clustered short flags, a value attached or following", () => {
    const both = parse("-yf");
    assert.equal(both.options.yes && both.options.force, true);
    assert.equal(parse("-yd", "x").options.dir, "x");
    assert.equal(parse("-dx").options.dir, "x");
    assert.equal(parse("-d=x").options.dir, "x");
    assert.equal(parse("-y=false").options.yes, false);
  });

  it("ends flags at --", () => {
    assert.deepEqual(parse("--yes", "--", "--force", "-y").args, ["--force", "-y"]);
  });

  it("takes a lone - as an argument", () => {
    assert.deepEqual(parse("-").args, ["-"]);
  });

  it("knows --help and -h on every command", () => {
    assert.equal(parse("--help").wantsHelp, true);
    assert.equal(parse("-yh").wantsHelp, true);
    assert.equal(parse("--", "--help").wantsHelp, false);
  });

  it("refuses in docker's words", () => {
    assert.equal(refusal("--foo"), "unknown flag: --foo");
    assert.equal(refusal("--foo=bar"), "unknown flag: --foo");
    assert.equal(refusal("-z"), "unknown shorthand flag: 'z' in -z");
    assert.equal(refusal("-yz"), "unknown shorthand flag: 'z' in -yz");
    assert.equal(refusal("--dir"), "flag needs an argument: --dir");
    assert.equal(refusal("-d"), "flag needs an argument: 'd' in -d");
    assert.equal(
      refusal("--yes=banana"),
      'invalid argument "banana" for "-y, --yes" flag: strconv.ParseBool: parsing "banana": invalid syntax',
    );
  });

  it("takes names of object internals for what they are: unknown flags", () => {
    assert.equal(refusal("--__proto__"), "unknown flag: --__proto__");
    assert.equal(refusal("--constructor=x"), "unknown flag: --constructor");
  });
});
