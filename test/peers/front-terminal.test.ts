/** docker-shaped commands with a person at a terminal: what they are asked, what Ctrl-C does, and containers that use the terminal. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { trustOn } from "../support/docker-words.ts";
import { frontDockers, type FrontDocker } from "../support/dockers.ts";
import { shimNamed, startFrontWorld, type FrontWorld, type Shim } from "../support/front-world.ts";
import { missingPeers, runOnTerminal, Scope, tagsealCommand, type Client } from "../support/peers.ts";
import type { Environment } from "../support/processes.ts";
import type { PromptAnswer, TerminalSession } from "../support/pty.ts";
import { newRepository } from "../support/side-by-side.ts";

const missing = missingPeers(["docker", "dockerd", "registry", "openssl", "busybox", "python"]);

/** Only the person at the terminal answers. */
const asked: Environment = {
  ...trustOn,
  DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: undefined,
  DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: undefined,
  NOTARY_ROOT_PASSPHRASE: undefined,
  NOTARY_TARGETS_PASSPHRASE: undefined,
  NOTARY_SNAPSHOT_PASSPHRASE: undefined,
  NOTARY_DELEGATION_PASSPHRASE: undefined,
};

const root = "a long root passphrase\r";
const repository = "a repository passphrase\r";
const newKeys: readonly PromptAnswer[] = [
  { when: "new root key with ID \\w+: $", send: root },
  { when: "Repeat passphrase for new root key with ID \\w+: $", send: root },
  { when: "new repository key with ID \\w+: $", send: repository },
  { when: "Repeat passphrase for new repository key with ID \\w+: $", send: repository },
];

/** What a person reads from the end of the push on, without what differs between two pushes. */
function signing({ screen }: TerminalSession): string {
  return screen
    .slice(screen.indexOf("Signing and pushing"))
    .replaceAll(/localhost:\d+\/[\w/-]+/gu, "REPOSITORY")
    .replaceAll(/ID [0-9a-f]{7}/gu, "ID *");
}

describe("at a terminal", { skip: missing }, () => {
  const scope = new Scope("front-terminal");
  let world: FrontWorld;
  let shim: Shim;

  before(async () => {
    world = await startFrontWorld(scope);
    shim = shimNamed("docker", scope);
  });
  after(async () => await scope.close());

  async function push(
    command: string,
    user: Client,
    image: string,
    answers: readonly PromptAnswer[],
    label = "one",
  ): Promise<TerminalSession> {
    await user.dockerOk(["tag", `made:${label}`, image]);
    return await runOnTerminal(command, ["push", image], answers, {
      env: { ...user.env, ...asked },
      timeoutMs: 60_000,
    });
  }

  it("I6: the first push asks what docker asks, in docker's words and order, and shows no passphrase", async () => {
    const image = (name: string): string => `${world.registry.host}/${name}/app:v1`;
    const theirs = await push("docker", world.user("their-first"), image("their-first"), newKeys);
    const ours = await push(shim.path, world.user("our-first"), image("our-first"), newKeys);
    assert.equal(theirs.code, 0, theirs.screen);
    assert.equal(ours.code, 0, ours.screen);
    assert.match(signing(ours), newRepository);
    assert.equal(signing(ours).replace(newRepository, ""), signing(theirs));
    assert.match(ours.screen, /^You are about to create a new root signing key passphrase\./mu);
    assert.doesNotMatch(ours.screen, /a long root|a repository/u);
  });

  it("the second repository asks for the root key that is there, and for a new repository key", async () => {
    const user = world.user("second");
    await push(tagsealCommand, user, `${world.registry.host}/second/one:v1`, newKeys);
    const answers = [{ when: "Enter passphrase for root key with ID \\w+: $", send: root }, ...newKeys.slice(2)];
    const { code, screen, unused } = await push(tagsealCommand, user, `${world.registry.host}/second/two:v1`, answers);
    assert.equal(code, 0, screen);
    assert.equal(unused, 0, screen);
    assert.doesNotMatch(screen, /new root/u);
    assert.match(screen, /Successfully signed/u);
  });

  it("a push of what is signed already asks for nothing", async () => {
    const user = world.user("unchanged");
    const image = `${world.registry.host}/unchanged/app:v1`;
    await push(tagsealCommand, user, image, newKeys);
    const { code, screen } = await push(tagsealCommand, user, image, []);
    assert.equal(code, 0, screen);
    assert.match(screen, /Successfully signed/u);
  });

  it("a push to a repository of one's own asks for its key alone, again after a wrong answer", async () => {
    const user = world.user("again");
    const image = `${world.registry.host}/again/app:v1`;
    await push(tagsealCommand, user, image, newKeys);
    const answers = [
      { when: "Enter passphrase for repository key with ID \\w+: $", send: "not that one\r" },
      { when: "Enter passphrase for repository key with ID \\w+: $", send: repository },
    ];
    const { code, screen, unused } = await push(tagsealCommand, user, image, answers, "two");
    assert.equal(code, 0, screen);
    assert.equal(unused, 0, screen);
    assert.match(screen, /Passphrase incorrect/u);
  });

  it("Ctrl-C at a prompt ends the push with 130: the image is there, nothing is signed, no key is kept", async () => {
    const user = world.user("interrupted");
    const image = `${world.registry.host}/interrupted/app:v1`;
    const answers = [...newKeys.slice(0, 2), { when: "new repository key with ID \\w+: $", send: "half\u0003" }];
    const { code, screen } = await push(tagsealCommand, user, image, answers);
    assert.equal(code, 130, screen);
    assert.doesNotMatch(screen, /Successfully signed/u);
    const refused = await user.tagseal(["pull", image], { env: trustOn });
    assert.match(refused.stderr, /does not have trust data/u);
    const keys = readdirSync(user.trustDirectory, { recursive: true, encoding: "utf8" });
    assert.deepEqual(
      keys.filter((name) => name.endsWith(".change")),
      [],
    );
  });

  for (const docker of frontDockers) {
    const skip = missingPeers(docker.peers);
    describe(`in a container, with docker ${docker.version}`, { skip }, () => containers(docker));
  }

  function containers(docker: FrontDocker): void {
    let user: Client;
    let image: string;

    before(async () => {
      user = world.user(`containers-${docker.version}`, docker.env);
      image = `${world.registry.host}/containers-${docker.version}/app:v1`;
      await world.publish(user, "one", image);
    });

    const run = (...words: readonly string[]): string[] => ["run", "--rm", "--network", "none", ...words];

    it("a trusted run hands on standard input, output and the exit status", async () => {
      const given = { env: trustOn, input: "line one\nline two\n" };
      const copied = await user.tagsealOk(run("-i", image, "cat"), given);
      assert.equal(copied.stdout, given.input);
      assert.equal((await user.tagseal(run(image, "sh", "-c", "exit 42"), { env: trustOn })).code, 42);
    });

    it("a trusted run has the terminal when it asks for one", async () => {
      const script = "[ -t 0 ] && [ -t 1 ] && echo on a terminal; read answer; echo got $answer";
      const answers = [{ when: "on a terminal", send: "yes\r" }];
      const options = { env: { ...user.env, ...trustOn } };
      const { code, screen } = await runOnTerminal(
        tagsealCommand,
        run("-it", image, "sh", "-c", script),
        answers,
        options,
      );
      assert.equal(code, 0, screen);
      assert.match(screen, /got yes/u);
    });

    it("Ctrl-C is the container's, once", async () => {
      const script = "trap 'echo told; exit 7' INT; echo ready; while :; do sleep 0.1; done";
      for (const flags of [[], ["-it"]]) {
        const answers = [{ when: "ready", send: "\u0003" }];
        const options = { env: { ...user.env, ...trustOn } };
        const args = run(...flags, image, "sh", "-c", script);
        const { code, screen } = await runOnTerminal(tagsealCommand, args, answers, options);
        assert.equal(code, 7, screen);
        assert.equal(screen.match(/told/gu)?.length, 1, screen);
      }
    });

    it("SIGTERM to us is the container's, too, and its status ours", async () => {
      const script = "trap 'exit 9' TERM; echo ready; while :; do sleep 0.1; done";
      const env = { PATH: process.env["PATH"], ...user.env, ...trustOn } as NodeJS.ProcessEnv;
      const child = spawn(tagsealCommand, run(image, "sh", "-c", script), {
        env,
        stdio: ["ignore", "pipe", "inherit"],
      });
      const ended = new Promise<number | null>((resolve) => child.on("exit", resolve));
      await new Promise((resolve) => child.stdout.once("data", resolve));
      child.kill("SIGTERM");
      assert.equal(await ended, 9);
    });
  }
});
