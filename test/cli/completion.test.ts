/** Completion: the scripts in completions/ are current, and bash completes with them. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { after, before, describe, it } from "node:test";
import { completionScript, type Shell } from "../../src/cli/completion/completion-script.ts";
import { findExecutable, missingPeers, run, runOnTerminal, Scope } from "../support/peers.ts";

const directory = resolve(import.meta.dirname, "../../completions");
const files: Readonly<Record<Shell, string>> = { bash: "tagseal.bash", zsh: "_tagseal", fish: "tagseal.fish" };

const scope = new Scope("completion");
const env = { DOCKER_CONFIG: scope.path("the configuration"), HOME: scope.path("home") };
const root = "a0".repeat(32);
const alice = "a1".repeat(32);
const linked = "b0".repeat(32);

before(() => {
  const trust = join(env.DOCKER_CONFIG, "trust");
  for (const name of ["private", "tagseal/linked-keys"]) mkdirSync(join(trust, name), { recursive: true });
  const pem = (role: string) =>
    `-----BEGIN ENCRYPTED PRIVATE KEY-----\nrole: ${role}\n\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n`;
  writeFileSync(join(trust, "private", `${root}.key`), pem("root"));
  writeFileSync(join(trust, "private", `${alice}.key`), pem("alice"));
  // bash would run the name of this file if it became a word.
  writeFileSync(join(trust, "private", "$(touch trap).key"), pem("root"));
  writeFileSync(join(trust, "tagseal/linked-keys", `${linked}.json`), "{}");
});
after(() => scope.close());

/** What bash offers after these words, the last one being typed. */
async function bashOffers(...words: string[]): Promise<string[]> {
  const script = `source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _tagseal; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = await run(
    "bash",
    ["--norc", "--noprofile", "-c", script, join(directory, files.bash), ...words],
    {
      cwd: directory,
      env,
    },
  );
  assert.equal(stderr, "");
  return stdout.trim().split("\n");
}

describe("completion", () => {
  for (const shell of ["bash", "zsh", "fish"] as const) {
    it(`for ${shell} is what completions/ holds; remake it with tagseal completion ${shell}`, async () => {
      assert.equal(readFileSync(join(directory, files[shell]), "utf8"), await completionScript(shell));
    });
  }
});

describe("bash", { skip: findExecutable("bash") === undefined ? "not on this machine: bash" : false }, () => {
  it("completes commands, at every depth", async () => {
    assert.deepEqual(await bashOffers("tagseal", "tr"), ["trust"]);
    assert.deepEqual(await bashOffers("tagseal", "trust", "signer", ""), ["add", "list", "remove", "--help"]);
    assert.deepEqual(await bashOffers("tagseal", "help", "trust", "ke"), ["key"]);
  });

  it("completes flags of the command that stands there", async () => {
    assert.deepEqual(await bashOffers("tagseal", "verify", "--pl"), ["--platform"]);
    assert.deepEqual(await bashOffers("tagseal", "trust", "revoke", "--y"), ["--yes"]);
  });

  it("completes values: words, and files", async () => {
    assert.deepEqual(await bashOffers("tagseal", "verify", "--platform", "linux/s"), ["linux/s390x"]);
    assert.deepEqual(await bashOffers("tagseal", "trust", "key", "load", "tagseal.b"), ["tagseal.bash"]);
  });

  it("completes the IDs of the keys of this machine, where a command takes one", async () => {
    for (const command of ["show", "export", "remove", "passphrase", "backup"])
      assert.deepEqual(await bashOffers("tagseal", "trust", "key", command, "a"), [root, alice], command);
    assert.deepEqual(await bashOffers("tagseal", "trust", "key", "show", "b"), [linked]);
    assert.deepEqual(await bashOffers("tagseal", "trust", "key", "remove", root, "a1"), [alice]);
    const rotate = ["tagseal", "trust", "key", "rotate"];
    for (const flag of ["--replace", "--all-with-key"])
      assert.deepEqual(await bashOffers(...rotate, flag, ""), [root, alice, linked], flag);
    assert.deepEqual(await bashOffers(...rotate, "--key", "a1"), [alice]);
    assert.deepEqual(await bashOffers(...rotate, "--key", "tagseal.b"), ["tagseal.bash"]);
    assert.deepEqual(await bashOffers("tagseal", "trust", "signer", "add", "--key", "a1"), [""]);
  });

  it("does not run what the name of a file says", async () => {
    const flags = await bashOffers("tagseal", "trust", "key", "show", "-");
    const offered = await bashOffers("tagseal", "trust", "key", "show", "");
    assert.deepEqual(offered, [...flags, root, alice, linked]);
    assert.equal(existsSync(join(directory, "trap")), false);
  });
});

describe("fish", { skip: findExecutable("fish") === undefined ? "not on this machine: fish" : false }, () => {
  const fishOffers = async (line: string): Promise<string[]> => {
    const script = 'source $argv[1]; complete -C "$argv[2]"';
    const how = { cwd: directory, env };
    const { stdout, stderr } = await run("fish", ["-N", "-c", script, join(directory, files.fish), line], how);
    assert.equal(stderr, "");
    return stdout.trim().split("\n");
  };

  it("completes the IDs of the keys of this machine, with what each is for", async () => {
    assert.deepEqual(await fishOffers("tagseal trust key show a"), [`${root}\troot`, `${alice}\talice`]);
    assert.deepEqual(await fishOffers("tagseal trust key rotate --replace a1"), [`${alice}\talice`]);
    assert.deepEqual(await fishOffers("tagseal trust key rotate --key b"), [`${linked}\tkey`]);
  });
});

describe("zsh", { skip: missingPeers(["zsh", "python"]) }, () => {
  before(() => {
    mkdirSync(env.HOME, { recursive: true });
    const settings = [
      `fpath=(${directory} $fpath)`,
      "autoload -Uz compinit && compinit -D -u",
      // Ctrl-X shows the line that stands there, and ends the shell.
      'show() { print -r -- "<<$BUFFER>>"; exit }',
      "zle -N show",
      "bindkey '^I' complete-word '^X' show",
      "PS1='ready> '",
    ];
    writeFileSync(join(env.HOME, ".zshrc"), `${settings.join("\n")}\n`);
  });

  /** What an interactive zsh makes of a line when a person presses the Tab key, and all that it showed. @param until what it shows before that is read */
  const afterTab = async (line: string, until?: RegExp): Promise<{ readonly line: string; readonly shown: string }> => {
    const end = "\u0018";
    const typed = { when: "ready> ", send: `${line}\t${until === undefined ? end : ""}` };
    const answers = until === undefined ? [typed] : [typed, { when: until.source, send: end }];
    const how = { cwd: directory, env: { ...env, TERM: "dumb", COLUMNS: "400", LINES: "50" }, timeoutMs: 20_000 };
    const { screen } = await runOnTerminal("zsh", ["-d", "-i"], answers, how);
    const [, last = ""] = /<<(.*?)>>/su.exec(screen) ?? assert.fail(screen);
    return { line: last.trimEnd(), shown: screen };
  };

  it("completes commands, flags and files at a prompt", async () => {
    const lines = await Promise.all(
      ["tagseal tru", "tagseal trust revoke --y", "tagseal trust key load tagseal.b"].map((line) => afterTab(line)),
    );
    assert.deepEqual(
      lines.map(({ line }) => line),
      ["tagseal trust", "tagseal trust revoke --yes", "tagseal trust key load tagseal.bash"],
    );
  });

  it("completes the IDs of the keys of this machine, and lists them", async () => {
    const { line } = await afterTab("tagseal trust key show a1");
    assert.equal(line, `tagseal trust key show ${alice}`);
    const { shown } = await afterTab("tagseal trust key rotate --replace a", new RegExp(alice, "u"));
    assert.ok(shown.includes(root), shown);
    assert.ok(!shown.includes(linked), shown);
  });
});
