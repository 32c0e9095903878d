/** Command lines that cannot be understood: docker's words, layout and exit status, as recorded from docker 28.2.2, with our name. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { captured } from "../../src/cli/captured-io.ts";
import { main } from "../../src/cli/main.ts";

interface Story {
  readonly argv: readonly string[];
  readonly code: number;
  readonly stderr: string;
}

/** docker's three lines after the sentence. */
const usage = (path: string, line: string, closing: "Run" | "See"): string =>
  `\n\nUsage:  tagseal ${path}${line}\n\n${closing} 'tagseal ${path} --help' for more information\n`;

const stories: readonly Story[] = [
  {
    argv: ["trust", "sign"],
    code: 1,
    stderr: `tagseal: 'tagseal trust sign' requires 1 argument${usage("trust sign", " IMAGE:TAG", "Run")}`,
  },
  {
    argv: ["trust", "sign", "a", "b"],
    code: 1,
    stderr: `tagseal: 'tagseal trust sign' requires 1 argument${usage("trust sign", " IMAGE:TAG", "Run")}`,
  },
  {
    argv: ["trust", "inspect"],
    code: 1,
    stderr: `tagseal: 'tagseal trust inspect' requires at least 1 argument${usage("trust inspect", " IMAGE[:TAG] [IMAGE[:TAG]...]", "See")}`,
  },
  {
    argv: ["trust", "revoke"],
    code: 1,
    stderr: `tagseal: 'tagseal trust revoke' requires 1 argument${usage("trust revoke", " [OPTIONS] IMAGE[:TAG]", "Run")}`,
  },
  {
    argv: ["trust", "signer", "add"],
    code: 1,
    stderr: `tagseal: 'tagseal trust signer add' requires at least 2 arguments${usage("trust signer add", " OPTIONS NAME REPOSITORY [REPOSITORY...] ", "See")}`,
  },
  {
    argv: ["trust", "signer", "remove"],
    code: 1,
    stderr: `tagseal: 'tagseal trust signer remove' requires at least 2 arguments${usage("trust signer remove", " [OPTIONS] NAME REPOSITORY [REPOSITORY...]", "See")}`,
  },
  {
    argv: ["trust", "key", "generate"],
    code: 1,
    stderr: `tagseal: 'tagseal trust key generate' requires 1 argument${usage("trust key generate", " NAME", "Run")}`,
  },
  {
    argv: ["trust", "foo"],
    code: 1,
    stderr: `tagseal: unknown command: tagseal trust foo${usage("trust", "", "Run")}`,
  },
  {
    argv: ["trust", "key", "foo"],
    code: 1,
    stderr: `tagseal: unknown command: tagseal trust key foo${usage("trust key", "", "Run")}`,
  },
  {
    argv: ["trust", "sign", "--foo"],
    code: 125,
    stderr: `unknown flag: --foo${usage("trust sign", " IMAGE:TAG", "Run")}`,
  },
  {
    argv: ["trust", "revoke", "-z", "x"],
    code: 125,
    stderr: `unknown shorthand flag: 'z' in -z${usage("trust revoke", " [OPTIONS] IMAGE[:TAG]", "Run")}`,
  },
  {
    argv: ["trust", "key", "generate", "--dir"],
    code: 125,
    stderr: `flag needs an argument: --dir${usage("trust key generate", " NAME", "Run")}`,
  },
  {
    argv: ["version", "x"],
    code: 1,
    stderr: `tagseal: 'tagseal version' accepts no arguments${usage("version", " [OPTIONS]", "Run")}`,
  },
  {
    argv: ["trust", "sign", "localhost:5000/e/app"],
    code: 1,
    stderr: "no tag specified for localhost:5000/e/app\n[USAGE]\n",
  },
  {
    argv: ["trust", "sign", `localhost:5000/e/app@sha256:${"0".repeat(64)}`],
    code: 1,
    stderr: "cannot use a digest reference for IMAGE:TAG\n[USAGE]\n",
  },
  {
    argv: ["trust", "revoke", `localhost:5000/e/app@sha256:${"0".repeat(64)}`],
    code: 1,
    stderr: "cannot use a digest reference for IMAGE:TAG\n[USAGE]\n",
  },
  {
    argv: ["trust", "signer", "add", "alice", "localhost:5000/e/app"],
    code: 1,
    stderr: "path to a public key must be provided using the `--key` flag\n[USAGE]\n",
  },
  {
    argv: ["trust", "signer", "add", "--key", "/nosuch.pub", "alice", "localhost:5000/e/app"],
    code: 1,
    stderr: "unable to read public key from file: open /nosuch.pub: no such file or directory\n[FILE_UNREADABLE]\n",
  },
];

describe("a command line that cannot be understood", () => {
  for (const { argv, code, stderr: expected } of stories) {
    it(`tagseal ${argv.join(" ")}`, async () => {
      const { io, stdout, stderr } = captured({ env: { DOCKER_CONFIG: "/nonexistent" }, now: () => new Date() });
      assert.equal(await main(argv, io), code);
      assert.equal(stderr(), expected);
      assert.equal(stdout(), "");
    });
  }

  it("names the fault first when a signer's name cannot be one", async () => {
    const { io, stderr } = captured({ env: {}, now: () => new Date() });
    assert.equal(await main(["trust", "signer", "add", "Alice", "localhost:5000/e/app"], io), 1);
    assert.equal(
      stderr().split("\n")[0],
      'signer name "Alice" must start with lowercase alphanumeric characters and can include "-" or "_" after the first character',
    );
  });

  it("reports as JSON too when JSON was asked for", async () => {
    const { io, stdout } = captured({ env: {}, now: () => new Date() });
    assert.equal(await main(["verify", "--json", "localhost:5000/UPPER"], io), 1);
    const { error } = JSON.parse(stdout()) as { error: { code: string } };
    assert.equal(error.code, "REFERENCE_INVALID");
  });

  const asJson: readonly (readonly [line: string, code: number, message: RegExp])[] = [
    ["verify --json", 1, /^tagseal: 'tagseal verify' requires at least 1 argument$/u],
    ["verify --json=true x --no-such-flag", 125, /^unknown flag: --no-such-flag$/u],
    ["list x --max-staleness --json=false --json y z", 1, /requires 1 argument$/u],
    ["list --json=maybe --json x", 125, /^invalid argument "maybe"/u],
    ["trust sign --json", 1, /requires 1 argument$/u],
    ["trust no-such-command --json", 1, /^tagseal: unknown command: tagseal trust no-such-command$/u],
    ["trust inspect --json --pretty x", 1, /^--pretty and --json cannot be combined$/u],
    ["trust signer add --json alice x", 1, /^path to a public key must be provided/u],
    ["doctor --json x", 1, /accepts no arguments$/u],
    ["version --json x", 1, /accepts no arguments$/u],
  ];
  for (const [line, code, message] of asJson) {
    it(`tagseal ${line}: an object with code, message and hint on standard output, docker's words on standard error`, async () => {
      const { io, stdout, stderr } = captured({ env: { DOCKER_CONFIG: "/nonexistent" }, now: () => new Date() });
      assert.equal(await main(line.split(" "), io), code);
      const { error } = JSON.parse(stdout()) as { error: { code: string; message: string; hint?: string } };
      assert.equal(error.code, "USAGE");
      assert.match(error.message, message);
      assert.ok(error.hint !== undefined);
      assert.ok(stderr().startsWith(error.message));
    });
  }

  for (const line of ["verify --json=false", "list x y -- --json", "trust sign"]) {
    it(`tagseal ${line}: no JSON`, async () => {
      const { io, stdout } = captured({ env: {}, now: () => new Date() });
      assert.notEqual(await main(line.split(" "), io), 0);
      assert.equal(stdout(), "");
    });
  }

  it("ended by Ctrl-C: the object says so", async () => {
    const { io, stdout } = captured({ env: {}, now: () => new Date(), signal: AbortSignal.abort() });
    assert.equal(await main(["verify", "--json", "localhost:1/app"], io), 130);
    assert.equal((JSON.parse(stdout()) as { error: { code: string } }).error.code, "CANCELLED");
  });
});
