/** What only happens with a person, or a pipe, at the other end: prompts, Ctrl-C, piped answers, passphrases from elsewhere. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { missingPeers, run, Scope, tagsealCommand } from "../support/peers.ts";
import { runOnTerminal } from "../support/pty.ts";
import { type SilentServer, startSilentServer } from "../support/silent-server.ts";

const scope = new Scope("terminal");
after(() => scope.close());

/** A user with a separate home directory, and arguments that make a key there. */
function user(name: string): { env: Record<string, string>; generate: string[] } {
  const home = scope.path(name);
  mkdirSync(home);
  const env = { HOME: home, DOCKER_CONFIG: `${home}/.docker` };
  return { env, generate: ["trust", "key", "generate", name, "--dir", home] };
}

describe("prompts on a terminal", { skip: missingPeers(["python"]) }, () => {
  it("I6: show nothing of what is typed, and insist on length and repetition", async () => {
    const { env, generate } = user("ann");
    const answers = [
      { when: "Enter.*: $", send: "short\r" },
      { when: "Enter.*: $", send: "correct horse\r" },
      { when: "Repeat.*: $", send: "battery staple\r" },
      { when: "Enter.*: $", send: "correct horsX\u007fe\r" },
      { when: "Repeat.*: $", send: "correct horse\r" },
    ];
    const { code, screen } = await runOnTerminal(tagsealCommand, generate, answers, { env });
    assert.equal(code, 0, screen);
    const prompts = screen.split("\n").map((line) => line.replace(/ID [0-9a-f]{7}/, "ID *"));
    assert.deepEqual(prompts.slice(1, 8), [
      "Enter passphrase for new ann key with ID *: ",
      "Passphrase is too short. Please use a password manager to generate and store a good random passphrase.",
      "Enter passphrase for new ann key with ID *: ",
      "Repeat passphrase for new ann key with ID *: ",
      "Passphrases do not match. Please retry.",
      "Enter passphrase for new ann key with ID *: ",
      "Repeat passphrase for new ann key with ID *: ",
    ]);
    assert.doesNotMatch(screen, /short12|correct|battery/);
  });

  it("I6: show nothing of an answer that comes before the prompt", async () => {
    const { env, generate } = user("fast");
    const answers = [{ when: "Generating", send: "typed too early\rtyped too early\r" }];
    const { code, screen } = await runOnTerminal(tagsealCommand, generate, answers, { env });
    assert.equal(code, 0, screen);
    // What arrives before echo is off is shown by the terminal itself; nothing after the prompt is.
    assert.doesNotMatch(screen.slice(screen.indexOf("Enter passphrase")), /early/);
  });

  it("end at once on Ctrl-C, and leave no key behind", async () => {
    const { env, generate } = user("gone");
    const answers = [{ when: "Enter.*: $", send: "half a pass\u0003" }];
    const { code } = await runOnTerminal(tagsealCommand, generate, answers, { env });
    assert.equal(code, 130);
    assert.equal(existsSync(`${env["HOME"]}/gone.pub`), false);
  });

  it("give the root warning before a root key", async () => {
    const { env, generate } = user("root");
    const answers = [{ when: "Enter.*: $", send: "\u0003" }];
    const { screen } = await runOnTerminal(tagsealCommand, generate, answers, { env });
    assert.match(screen, /\nYou are about to create a new root signing key passphrase\. This passphrase\n/);
  });
});

describe("without a terminal", () => {
  it("takes several answers from a pipe, a line each", async () => {
    const { env, generate } = user("piped");
    const { code, stderr } = await run(tagsealCommand, generate, { env, input: "long enough\nlong enough\n" });
    assert.equal(code, 0, stderr);
  });

  it("says that it has no passphrase when the answers end", async () => {
    const { env, generate } = user("silent");
    const { code, stderr } = await run(tagsealCommand, generate, { env, input: "" });
    assert.equal(code, 1);
    assert.match(stderr, /\[PASSPHRASE_UNAVAILABLE\]/);
  });

  it("takes a passphrase from a file descriptor", async () => {
    const { env, generate } = user("descriptor");
    const script = `exec "${tagsealCommand}" "$@" --passphrase-fd 3 3<<END\nfrom a descriptor\nEND\n`;
    const { code, stderr } = await run("/bin/sh", ["-c", script, "sh", ...generate], { env });
    assert.equal(code, 0, stderr);
  });

  it("takes a passphrase from a program, which learns what it is for", async () => {
    const { env, generate } = user("program");
    const command = "printf %s-pass%s printenv-is-not-needed !";
    const { code, stderr } = await run(tagsealCommand, [...generate, "--passphrase-command", command], { env });
    assert.equal(code, 0, stderr);
  });

  it("refuses a descriptor that is not a number", async () => {
    const { env, generate } = user("words");
    const { code, stderr } = await run(tagsealCommand, [...generate, "--passphrase-fd", "three"], { env });
    assert.equal(code, 1);
    assert.match(stderr, /^--passphrase-fd: expected the number/m);
  });
});

describe("a reader that has ended", () => {
  for (const args of [["verify", "--json", "Not A Name", "Nor This"], ["help"], ["version"]])
    it(`I9: ${args[0]} does not end with 0, as docker and notary do not`, async () => {
      const command = `trap '' PIPE; sleep 0.2; exec "$@"`;
      const script = `set -o pipefail; { sh -c '${command.replaceAll("'", `'\\''`)}' sh "$@"; } | true`;
      const { code } = await run("bash", ["-c", script, "bash", tagsealCommand, ...args], {
        env: { HOME: scope.directory },
      });
      assert.equal(code, 141);
    });
});

describe("a server that accepts and says nothing", () => {
  let server: SilentServer;

  before(async () => (server = await startSilentServer()));
  after(() => server.close());

  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const) {
    it(`does not keep a command from ending at ${signal}`, async () => {
      const connected = server.connection();
      const env = { PATH: process.env["PATH"], TAGSEAL_SOURCE: process.env["TAGSEAL_SOURCE"], HOME: scope.directory };
      const child = spawn(tagsealCommand, ["verify", "localhost:1/x:1"], {
        env: { ...env, DOCKER_CONFIG: scope.path("docker"), DOCKER_CONTENT_TRUST_SERVER: server.url },
        stdio: ["ignore", "ignore", "pipe"],
      });
      await connected;
      const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
      const sentAt = Date.now();
      child.kill(signal);
      assert.equal(await ended, code);
      assert.ok(Date.now() - sentAt < 3000);
    });
  }
});
