/**
 * The behaviour this project began with, told in order on one fresh machine: a real engine, a registry, a trust server, and
 * `tagseal` in docker's place. Each step stands on what the steps before it did.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { trustOn } from "../support/docker-words.ts";
import { frontDockers, type FrontDocker } from "../support/dockers.ts";
import { startFrontWorld, type FrontWorld } from "../support/front-world.ts";
import { missingPeers, Scope, type Client } from "../support/peers.ts";
import type { Finished } from "../support/processes.ts";

const peers = ["docker", "dockerd", "registry", "openssl", "busybox"] as const;

/** A word every one of the five commands takes, for trust on or off in that one call. */
const switchedOff = "--disable-content-trust";
const switchedOn = "--disable-content-trust=false";

for (const docker of frontDockers) {
  const skip = missingPeers([...peers, ...docker.peers]);
  describe(`the whole story on one fresh machine with docker ${docker.version}`, { skip }, () => story(docker));
}

function story(docker: FrontDocker): void {
  const scope = new Scope("story");
  let world: FrontWorld;
  let user: Client;
  let unsigned: string;
  let signed: string;

  before(async () => {
    world = await startFrontWorld(scope, { docker });
    user = world.user("user");
    unsigned = `${world.registry.host}/story/unsigned:v1`;
    signed = `${world.registry.host}/story/signed:v1`;
  });
  after(async () => await scope.close());

  const plainly = (...args: readonly string[]): Promise<Finished> => user.tagseal(args);
  const underTrust = (...args: readonly string[]): Promise<Finished> => user.tagseal(args, { env: trustOn });

  function context(name: string, dockerfile: string): string {
    const directory = scope.path("context-one");
    const file = join(directory, `${name}.Dockerfile`);
    writeFileSync(file, dockerfile);
    return file;
  }

  const build = (tag: string, dockerfile: string, ...flags: readonly string[]): string[] => [
    "build",
    ...flags,
    "-t",
    tag,
    "-f",
    context(tag.replaceAll(/[^a-z0-9]/gu, "-"), dockerfile),
    scope.path("context-one"),
  ];

  const keys = (role: string): string[] => {
    const directory = join(user.trustDirectory, "private");
    return readdirSync(directory).filter((name) =>
      readFileSync(join(directory, name), "utf8").includes(`role: ${role}\n`),
    );
  };

  function succeeded(finished: Finished): Finished {
    assert.equal(finished.code, 0, finished.stdout + finished.stderr);
    return finished;
  }

  function refused(finished: Finished, words: RegExp): void {
    assert.notEqual(finished.code, 0, finished.stdout);
    assert.match(finished.stderr, words);
  }

  it("1. builds and pushes an image without signing it", async () => {
    succeeded(await plainly(...build(unsigned, "FROM scratch\nCOPY busybox /bin/busybox\nLABEL story=unsigned\n")));
    const { stdout } = succeeded(await plainly("push", unsigned));
    assert.match(stdout, /v1: digest: sha256:[0-9a-f]{64} size: \d+\n$/u);
    assert.doesNotMatch(stdout, /[Ss]igning/u);
    assert.deepEqual(readdirSync(user.trustDirectory), []);
  });

  it("2. pulls it", async () => {
    await world.forget(unsigned);
    const { stdout } = succeeded(await plainly("pull", unsigned));
    assert.match(stdout, /Status: Downloaded newer image/u);
  });

  it("3. builds and pushes a signed image; the first push makes the root key and the repository's", async () => {
    const dockerfile = 'FROM scratch\nCOPY busybox /bin/busybox\nENTRYPOINT ["/bin/busybox"]\nCMD ["echo", "signed"]\n';
    succeeded(await underTrust(...build(signed, dockerfile)));
    const { stdout } = succeeded(await underTrust("push", signed));
    const repository = signed.replace(":v1", "");
    assert.ok(
      stdout.endsWith(
        `Signing and pushing trust metadata\nFinished initializing "${repository}"\nSuccessfully signed ${signed}\n`,
      ),
      stdout,
    );
    assert.equal(keys("root").length, 1);
    assert.equal(keys("targets").length, 1);
  });

  it("4. pulls the signed image, by the digest that was signed", async () => {
    await world.forget(signed);
    const { stdout, stderr } = succeeded(await underTrust("pull", signed));
    const digest = /@(sha256:[0-9a-f]{64})/u.exec(stdout)?.[1] ?? "no digest";
    assert.ok(stdout.startsWith(`Pull (1 of 1): ${signed}@${digest}\n`), stdout);
    assert.ok(stdout.endsWith(`${signed}\n`), stdout);
    assert.equal(stderr, `Tagging ${signed.replace(":v1", "")}@${digest} as ${signed}\n`);
    assert.ok((await world.imageId(signed)) !== undefined);
  });

  it("5. does not pull the unsigned image under trust: nothing fetched, nothing tagged, nothing printed but the reason", async () => {
    await world.forget(unsigned);
    const finished = await underTrust("pull", unsigned);
    refused(finished, /remote trust data does not exist for .*\/story\/unsigned/u);
    assert.equal(finished.code, 1);
    assert.equal(finished.stdout, "");
    assert.equal(await world.imageId(unsigned), undefined);
  });

  it("6. an unsigned tag beside a signed one is no image either", async () => {
    const beside = signed.replace(":v1", ":unsigned");
    await world.publish(user, "two", beside, "unsigned");
    await world.forget(beside);
    refused(await underTrust("pull", beside), /No valid trust data for unsigned/u);
    assert.equal(await world.imageId(beside), undefined);
  });

  it("7. with trust on for the shell, one pull, create, run, build or push goes without it", async () => {
    succeeded(await underTrust("pull", switchedOff, unsigned));
    succeeded(await underTrust("create", switchedOff, unsigned, "/bin/busybox"));
    const ran = succeeded(
      await underTrust("run", "--rm", "--network", "none", switchedOff, unsigned, "/bin/busybox", "echo", "ran"),
    );
    assert.equal(ran.stdout, "ran\n");
    succeeded(await underTrust(...build("built-off", `FROM ${unsigned}\nLABEL built=off\n`, switchedOff)));
    const pushed = succeeded(await underTrust("push", switchedOff, unsigned));
    assert.doesNotMatch(pushed.stdout, /[Ss]igning/u);
    refused(await underTrust("pull", unsigned), /remote trust data does not exist/u);
  });

  it("8. with trust off for the shell, one pull, create, run, build or push goes under it", async () => {
    const reason = /remote trust data does not exist for .*\/story\/unsigned/u;
    refused(await plainly("pull", switchedOn, unsigned), reason);
    refused(await plainly("create", switchedOn, unsigned), reason);
    const run = await plainly("run", "--rm", "--network", "none", switchedOn, unsigned, "/bin/busybox", "echo", "ran");
    refused(run, reason);
    assert.equal(run.code, 125);
    assert.equal(run.stdout, "");
    refused(await plainly(...build("built-on", `FROM ${unsigned}\nLABEL built=on\n`, switchedOn)), reason);
    assert.equal(await world.imageId("built-on"), undefined);

    succeeded(await plainly("pull", switchedOn, signed));
    succeeded(await plainly("create", switchedOn, signed));
    assert.equal(succeeded(await plainly("run", "--rm", "--network", "none", switchedOn, signed)).stdout, "signed\n");
    succeeded(await plainly(...build("built-on", `FROM ${signed}\nLABEL built=on\n`, switchedOn)));
    assert.match(succeeded(await plainly("push", switchedOn, signed)).stdout, /Successfully signed/u);
  });

  it("9. a Dockerfile whose FROM is unsigned does not build under trust, names the line, and builds with the switch", async () => {
    const dockerfile = `# a comment\nFROM ${unsigned}\nLABEL from=unsigned\n`;
    const finished = await underTrust(...build("from-unsigned", dockerfile));
    refused(finished, /story\/unsigned/u);
    assert.match(finished.stderr, /from-unsigned\.Dockerfile:2/u);
    assert.equal(await world.imageId("from-unsigned"), undefined);
    succeeded(await underTrust(...build("from-unsigned", dockerfile, switchedOff)));
    assert.ok((await world.imageId("from-unsigned")) !== undefined);
  });

  it("10. a second repository is signed under the same root key, with its repository key", async () => {
    const second = `${world.registry.host}/story/second:v1`;
    const before = keys("root");
    succeeded(await underTrust("tag", signed, second));
    const { stdout } = succeeded(await underTrust("push", second));
    assert.match(stdout, new RegExp(`Finished initializing "${second.replace(":v1", "")}"`, "u"));
    assert.deepEqual(keys("root"), before);
    assert.equal(keys("targets").length, 2);
  });

  it("11. a push without a tag is pushed and not signed, says so, and how to sign", async () => {
    const untagged = `${world.registry.host}/story/second`;
    succeeded(await underTrust("tag", signed, untagged));
    const { stdout, stderr } = succeeded(await underTrust("push", untagged));
    assert.match(stdout, /latest: digest: sha256:/u);
    assert.doesNotMatch(stdout + stderr, /Successfully signed/u);
    assert.match(stderr, /^No tag specified, skipping trust metadata push$/mu);
    assert.match(stderr, new RegExp(`${untagged}:latest`, "u"));
    await world.forget(untagged);
    refused(await underTrust("pull", untagged), /No valid trust data for latest/u);
  });

  it("12. everything else is docker's own, trust on or off", async () => {
    const listing = ["images", "--format", "{{.Repository}}:{{.Tag}}"];
    const sorted = ({ stdout }: Finished): string[] => stdout.split("\n").toSorted();
    assert.deepEqual(sorted(succeeded(await underTrust(...listing))), sorted(await user.dockerOk(listing)));
  });
}
