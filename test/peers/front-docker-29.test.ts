/**
 * docker 29 has no content trust: it ignores the variable, has no `trust` command, and its switch does nothing. With our plugin and our link
 * before it in PATH, all three work again.
 */
import assert from "node:assert/strict";
import { mkdirSync, rmSync } from "node:fs";
import { delimiter } from "node:path";
import { after, before, describe, it } from "node:test";
import { trustOn } from "../support/docker-words.ts";
import { docker29SearchPath } from "../support/dockers.ts";
import { startFrontWorld, type FrontWorld } from "../support/front-world.ts";
import { missingPeers, run, Scope, type Client } from "../support/peers.ts";
import type { Finished } from "../support/processes.ts";

const missing = missingPeers(["docker", "docker 29", "dockerd", "registry", "openssl", "busybox"]);

describe("docker 29, which ignores content trust", { skip: missing }, () => {
  const scope = new Scope("docker-29");
  let world: FrontWorld;
  let user: Client;
  let signed: string;
  let unsigned: string;
  /** the directory that `tagseal install` puts a docker into */
  let bin: string;

  before(async () => {
    world = await startFrontWorld(scope);
    user = world.user("user");
    bin = scope.path("bin");
    mkdirSync(bin);
    signed = `${world.registry.host}/twenty-nine/app:v1`;
    unsigned = `${world.registry.host}/twenty-nine/app:v2`;
    await world.publish(user, "one", signed);
    await world.publish(user, "two", unsigned, "unsigned");
  });
  after(async () => await scope.close());

  /** Whatever is called docker in this PATH, trust switched on. */
  const docker = (PATH: string, ...args: readonly string[]): Promise<Finished> =>
    run("env", [`PATH=${PATH}`, "docker", ...args], { env: { ...user.env, ...trustOn }, cwd: scope.directory });
  const bare = (...args: readonly string[]): Promise<Finished> => docker(docker29SearchPath, ...args);
  const guarded = (...args: readonly string[]): Promise<Finished> =>
    docker([bin, docker29SearchPath].join(delimiter), ...args);

  function succeeded(finished: Finished): Finished {
    assert.equal(finished.code, 0, finished.stdout + finished.stderr);
    return finished;
  }

  it("by itself it pulls what is not signed, and knows no trust", async () => {
    succeeded(await bare("pull", unsigned));
    await world.forget(unsigned);
    const unknown = await bare("trust", "inspect", signed);
    assert.equal(unknown.code, 1);
    assert.match(unknown.stderr, /unknown command: docker trust/u);
    const asked = succeeded(await bare("pull", "--disable-content-trust=false", unsigned));
    assert.match(asked.stdout, /support for docker content trust was removed/u);
    await world.forget(unsigned);
  });

  it("tagseal install brings the plugin: docker trust is back", async () => {
    succeeded(await user.tagseal(["install", "--shim", bin], { env: { PATH: docker29SearchPath } }));
    const { stdout } = succeeded(await bare("trust", "inspect", signed));
    const [{ Name, SignedTags }] = JSON.parse(stdout) as [{ Name: string; SignedTags: { SignedTag: string }[] }];
    assert.equal(Name, signed);
    assert.deepEqual(
      SignedTags.map(({ SignedTag }) => SignedTag),
      ["v1"],
    );
    assert.match(succeeded(await bare("trust", "--help")).stdout, /^Usage: {2}docker trust COMMAND$/mu);
    const wrong = await bare("trust", "sign");
    assert.equal(wrong.code, 1);
    assert.match(wrong.stderr, /^docker: 'docker trust sign' requires 1 argument$/mu);
  });

  it("the plugin signs and revokes", async () => {
    const image = `${world.registry.host}/twenty-nine/app:v3`;
    succeeded(await bare("tag", "made:two", image));
    assert.match(succeeded(await bare("trust", "sign", image)).stdout, /Successfully signed/u);
    succeeded(await user.docker(["pull", image], { env: trustOn }));
    succeeded(await bare("trust", "revoke", "--yes", image));
    assert.notEqual((await user.docker(["pull", image], { env: trustOn })).code, 0);
  });

  it("the shim enforces: what is signed is pulled and run by its digest, what is not is refused by all five", async () => {
    await world.forget(signed, unsigned);
    assert.match(succeeded(await guarded("pull", signed)).stdout, /^Pull \(1 of 1\): .*@sha256:/u);
    assert.equal(succeeded(await guarded("run", "--rm", "--network", "none", signed)).stdout, "image one\n");
    const refused: readonly (readonly string[])[] = [
      ["pull", unsigned],
      ["create", unsigned],
      ["run", "--rm", unsigned],
      ["image", "pull", unsigned],
      ["container", "run", "--rm", unsigned],
    ];
    for (const args of refused) {
      const finished = await guarded(...args);
      assert.notEqual(finished.code, 0, args.join(" "));
      assert.match(finished.stderr, /No valid trust data for v2/u, args.join(" "));
    }
    assert.equal(await world.imageId(unsigned), undefined);
  });

  it("the shim pushes and signs, and builds on what is signed alone", async () => {
    const image = `${world.registry.host}/twenty-nine/built:v1`;
    const build = (from: string): Promise<Finished> =>
      run("env", [`PATH=${bin}:${docker29SearchPath}`, "docker", "build", "-q", "-t", image, "-"], {
        env: { ...user.env, ...trustOn },
        input: `FROM ${from}\nLABEL built=yes\n`,
      });
    assert.match((await build(unsigned)).stderr, /No valid trust data for v2/u);
    assert.equal(await world.imageId(image), undefined);
    succeeded(await build(signed));
    assert.match(succeeded(await guarded("push", image)).stdout, /Successfully signed/u);
    assert.match((await user.dockerOk(["pull", image], { env: trustOn })).stdout, /Pull \(1 of 1\)/u);
  });

  it("the switch works through the shim, although it does nothing in this docker", async () => {
    succeeded(await guarded("pull", "--disable-content-trust", unsigned));
    await world.forget(unsigned);
    const off = { ...user.env, PATH: `${bin}:${docker29SearchPath}` };
    const on = await run(
      "env",
      [`PATH=${bin}:${docker29SearchPath}`, "docker", "pull", "--disable-content-trust=false", unsigned],
      {
        env: off,
      },
    );
    assert.match(on.stderr, /No valid trust data for v2/u);
  });

  it("I9: a plugin of the engine that is to be checked is not passed to a docker that checks nothing", async () => {
    const args = ["plugin", "install", "--disable-content-trust=false", `${world.registry.host}/twenty-nine/plugin`];
    const PATH = [bin, docker29SearchPath].join(delimiter);
    const { code, stderr } = await run("env", [`PATH=${PATH}`, "docker", ...args], { env: user.env });
    assert.equal(code, 1);
    assert.match(stderr, /content trust does not cover "docker plugin install"/u);
  });

  it("doctor says that this docker ignores the variable, and what fixes it", async () => {
    const bareDoctor = await user.tagseal(["doctor"], { env: { ...trustOn, PATH: docker29SearchPath }, cwd: bin });
    assert.equal(bareDoctor.code, 1, bareDoctor.stdout);
    assert.match(bareDoctor.stdout, /docker 29\.\d+\.\d+ .*ignores DOCKER_CONTENT_TRUST/u);
    assert.match(bareDoctor.stdout, /tagseal install --shim/u);
    const PATH = [bin, docker29SearchPath].join(delimiter);
    const guardedDoctor = await user.tagseal(["doctor"], { env: { ...trustOn, PATH }, cwd: bin });
    assert.equal(guardedDoctor.code, 0, guardedDoctor.stdout);
  });

  it("everything else is docker 29's own", async () => {
    for (const args of [
      ["--version"],
      ["version", "--format", "{{.Client.Version}}"],
      ["images"],
      ["pull", "--help"],
    ]) {
      assert.deepEqual(await guarded(...args), await bare(...args), args.join(" "));
    }
    assert.match((await guarded("--version")).stdout, /^Docker version 29\./u);
    assert.equal((await guarded("no-such-command")).code, (await bare("no-such-command")).code);
  });

  it("tagseal uninstall takes plugin and shim away, and docker is as it was", async () => {
    succeeded(await user.tagseal(["uninstall", "--shim", bin], { env: { PATH: docker29SearchPath } }));
    assert.match((await bare("trust", "inspect", signed)).stderr, /unknown command: docker trust/u);
    succeeded(await guarded("pull", unsigned));
    rmSync(bin, { recursive: true });
  });
});
