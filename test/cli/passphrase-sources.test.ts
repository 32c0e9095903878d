/** A passphrase source that was asked for and fails ends the command: the passphrases lying about in the environment are not taken instead. */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { existsSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { before, describe, it } from "node:test";
import type { Prompter } from "../../src/cli/io.ts";
import type { DemoImage } from "../../src/sandbox/demo-image.ts";
import { CliSandbox } from "./cli-sandbox.ts";

describe("a passphrase source that was asked for and fails", () => {
  const stage = CliSandbox.forSuite("passphrase-sources");
  let image: DemoImage;
  let signed: string;

  before(async () => {
    signed = stage.repository("team/signed");
    image = await stage.image("1.0");
    await stage.publish(image, `${signed}:v1`);
    await stage.ok(["trust", "key", "generate", "alice", "--dir", stage.directory]);
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    writeFileSync(stage.path("loaded.pem"), privateKey.export({ type: "sec1", format: "pem" }), { mode: 0o600 });
    for (const unsigned of [`${stage.repository("team/unsigned")}:v1`, `${signed}:unsigned`])
      await stage.ok(["push", "-q", "--disable-content-trust", "--from", `oci:${image.directory}`, unsigned]);
  });

  const program = (name: string, ...lines: readonly string[]): string => {
    const path = stage.path(name);
    if (!existsSync(path)) writeFileSync(path, ["#!/bin/sh", ...lines, ""].join("\n"), { mode: 0o700 });
    return path;
  };

  const sources: readonly (readonly [name: string, flags: () => readonly string[]])[] = [
    ["a program that does not exist", () => ["--passphrase-command", "no-such-program"]],
    ["a credential helper that does not exist", () => ["--passphrase-helper", "no-such-helper"]],
    ["a path with no program", () => ["--passphrase-command", "/nonexistent/pass show key"]],
    ["a program that fails", () => ["--passphrase-command", program("fails", "exit 2")]],
    ["a program that answers and fails", () => ["--passphrase-command", program("both", "echo password-x", "exit 1")]],
    ["a program that prints nothing", () => ["--passphrase-command", program("silent", "exit 0")]],
    ["a program that prints an empty line", () => ["--passphrase-command", program("empty", "echo; echo second")]],
    ["a program that is killed", () => ["--passphrase-command", program("killed", "kill -9 $$")]],
    ["a closed descriptor", () => ["--passphrase-fd", "9999"]],
    ["an empty descriptor", () => ["--passphrase-fd", String(openSync("/dev/null", "r"))]],
    ["a directory", () => ["--passphrase-fd", String(openSync("/", "r"))]],
  ];

  /** Everything that makes or unlocks a key, in surroundings where it would succeed with what the environment holds. */
  const commands: readonly (readonly [name: string, argv: (fresh: string) => readonly string[], keys?: "own keys"])[] =
    [
      ["push --from", (fresh) => ["push", "--from", `oci:${image.directory}`, `${fresh}:v1`]],
      ["sign", () => ["sign", `${stage.repository("team/unsigned")}:v1@${image.manifestDigest}`]],
      ["sign of a signed repository", () => ["sign", `${signed}:v2@${image.manifestDigest}`], "own keys"],
      ["trust sign", () => ["trust", "sign", `${signed}:unsigned`], "own keys"],
      ["trust revoke", () => ["trust", "revoke", `${signed}:v1`], "own keys"],
      ["trust signer add", (fresh) => ["trust", "signer", "add", "--key", stage.path("alice.pub"), "alice", fresh]],
      ["trust key generate", () => ["trust", "key", "generate", "bob", "--dir", stage.directory]],
      ["trust key load", () => ["trust", "key", "load", stage.path("loaded.pem")]],
    ];

  const keysIn = (env: Readonly<Record<string, string>>): string[] => {
    const directory = join(env["DOCKER_CONFIG"] ?? "", "trust/private");
    return existsSync(directory) ? readdirSync(directory) : [];
  };

  for (const [command, argv, whose] of commands) {
    it(`${command}: makes nothing, changes nothing, and says which source has no passphrase`, async () => {
      for (const [source, flags] of sources) {
        const fresh = stage.repository(stage.fresh("fresh/app"));
        const env = whose === "own keys" ? stage.sandbox.environment : stage.stranger();
        const before = keysIn(env);
        const { code, stderr } = await stage.run([...argv(fresh), ...flags()], { env });
        const told = `${command}, ${source}: ${stderr}`;
        assert.equal(code, 1, told);
        assert.match(stderr, /PASSPHRASE_UNAVAILABLE\]/u, told);
        assert.deepEqual(keysIn(env), before, told);
        assert.equal((await stage.run(["verify", `${fresh}:v1`], { env })).code, 2, told);
        assert.equal((await stage.ok(["verify", `${signed}:v1`])).stdout, `${image.manifestDigest}\n`);
      }
    });
  }

  it("push --from uploads nothing when the source cannot work at all", async () => {
    const fresh = stage.repository("fresh/not-uploaded");
    const flags = ["--passphrase-command", "no-such-program"];
    assert.equal((await stage.run(["push", "--from", `oci:${image.directory}`, `${fresh}:v1`, ...flags])).code, 1);
    const { stderr } = await stage.run(["sign", "--from-registry", `${fresh}:v1`]);
    assert.match(stderr, /REGISTRY_NOT_FOUND/u);
  });

  it("two sources at once are refused", async () => {
    const both = ["--passphrase-fd", "0", "--passphrase-command", "true"];
    const { code, stderr } = await stage.run(["sign", `${signed}:v1@${image.manifestDigest}`, ...both]);
    assert.equal(code, 1);
    assert.match(stderr, /^--passphrase-fd and --passphrase-command cannot be combined\n/u);
  });

  it("one that works is used, whatever the environment holds", async () => {
    const env = { ...stage.stranger("asked-for"), DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: "left over" };
    const fresh = stage.repository("fresh/works");
    const flags = ["--passphrase-command", program("works", "echo the one that was asked for")];
    await stage.ok(["push", "-q", "--from", `oci:${image.directory}`, `${fresh}:v1`, ...flags], { env });
    assert.equal((await stage.run(["sign", `${fresh}:v2@${image.manifestDigest}`], { env })).code, 1);
    await stage.ok(["sign", `${fresh}:v2@${image.manifestDigest}`, ...flags], { env });
  });

  it("TAGSEAL_PASSPHRASE_COMMAND is a source of every command, and fails as the flag does", async () => {
    for (const [command, argv, whose] of commands) {
      for (const [text, code] of [
        ["no-such-program", "PASSPHRASE_UNAVAILABLE"],
        [program("fails", "exit 2"), "PASSPHRASE_UNAVAILABLE"],
        ["", "USAGE"],
      ] as const) {
        const fresh = stage.repository(stage.fresh("fresh/app"));
        const own = whose === "own keys" ? stage.sandbox.environment : stage.stranger();
        const env = { ...own, TAGSEAL_PASSPHRASE_COMMAND: text };
        const before = keysIn(env);
        const { code: status, stderr } = await stage.run(argv(fresh), { env });
        assert.equal(status, 1, `${command}: ${stderr}`);
        assert.match(
          stderr,
          code === "USAGE" ? /TAGSEAL_PASSPHRASE_COMMAND: expected a program/u : new RegExp(code, "u"),
        );
        assert.deepEqual(keysIn(env), before);
      }
    }
  });

  it("a flag comes before the variables, and two variables are refused", async () => {
    const fresh = stage.repository("fresh/variable");
    const env = {
      ...stage.stranger("variable"),
      TAGSEAL_PASSPHRASE_COMMAND: program("first", "echo the first passphrase"),
    };
    await stage.ok(["push", "-q", "--from", `oci:${image.directory}`, `${fresh}:v1`], { env });
    const other = ["--passphrase-command", program("second", "echo the second passphrase")];
    const { code, stderr } = await stage.run(["sign", `${fresh}:v2@${image.manifestDigest}`, ...other], { env });
    assert.equal(code, 1);
    assert.match(stderr, /Wrong passphrase for targets key/u);
    await stage.ok(["sign", `${fresh}:v2@${image.manifestDigest}`], { env });
    const both = { ...env, TAGSEAL_PASSPHRASE_HELPER: "x" };
    const refused = await stage.run(["sign", `${fresh}:v2@${image.manifestDigest}`], { env: both });
    assert.match(refused.stderr, /^TAGSEAL_PASSPHRASE_COMMAND and TAGSEAL_PASSPHRASE_HELPER cannot be combined$/mu);
  });

  it("I6: a keychain keeps what was typed once, and is then the only source", async () => {
    const kept = stage.path("keychain");
    mkdirSync(kept);
    // the protocol of docker-credential-helpers, with one file for each entry
    const helper = program(
      "docker-credential-files",
      "set -e",
      `cd ${kept}`,
      '[ -z "$DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE" ]',
      "case $1 in",
      `  store) cat > new; mv new "$(sed 's/.*"ServerURL":"\\([^"]*\\)".*/\\1/' new | tr -c 'A-Za-z0-9\\n' _)" ;;`,
      `  get) read -r url; file=$(echo "$url" | tr -c 'A-Za-z0-9\\n' _)`,
      '    if [ -e "$file" ]; then cat "$file"; else echo "credentials not found in native keychain"; exit 1; fi ;;',
      "esac",
    );
    const env: Record<string, string> = {
      ...stage.stranger("keychain-user"),
      PATH: `${dirname(helper)}:${process.env["PATH"] ?? ""}`,
      TAGSEAL_PASSPHRASE_HELPER: "files",
      DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: "left over in the environment",
    };
    const fresh = stage.repository("fresh/keychain");
    const silent = await stage.run(["push", "-q", "--from", `oci:${image.directory}`, `${fresh}:v1`], { env });
    assert.equal(silent.code, 1);
    assert.match(silent.stderr, /docker-credential-files has no passphrase for root key/u);
    assert.match(silent.stderr, /hint: Run the command once at a terminal/u);

    const asked: string[] = [];
    const prompter = terminal("typed at the terminal", asked);
    await stage.ok(["push", "-q", "--from", `oci:${image.directory}`, `${fresh}:v1`], { env, prompter });
    assert.equal(asked.filter((prompt) => prompt.startsWith("Enter")).length, 2, "root and repository key");
    assert.equal(readdirSync(kept).length, 2);
    await stage.ok(["sign", `${fresh}:v2@${image.manifestDigest}`], { env });

    for (const file of readdirSync(kept)) {
      const path = join(kept, file);
      writeFileSync(path, readFileSync(path, "utf8").replace("typed at the terminal", "something else"));
    }
    const wrong = await stage.run(["sign", `${fresh}:v3@${image.manifestDigest}`], { env });
    assert.match(wrong.stderr, /docker-credential-files has a wrong passphrase for targets key/u);
    await stage.ok(["sign", `${fresh}:v3@${image.manifestDigest}`], { env, prompter });
    await stage.ok(["sign", `${fresh}:v4@${image.manifestDigest}`], { env });

    await stage.ok(["trust", "key", "passphrase", "--all", "--new-passphrase-command", "/bin/echo another one"], {
      env,
      prompter,
    });
    await stage.ok(["sign", `${fresh}:v5@${image.manifestDigest}`], { env });
  });
});

/** A user at a terminal who has one answer. */
function terminal(answer: string, asked: string[]): Prompter {
  return {
    interactive: true,
    askSecret: async (prompt) => {
      asked.push(prompt);
      return answer;
    },
    ask: async () => undefined,
    readAll: async () => undefined,
    tell: () => undefined,
  };
}
