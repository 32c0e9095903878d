/** A policy decides what a real engine gets, whatever the registry serves, and without a switch; what it refuses is not fetched. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { startDockerRegistry, type Registry } from "../support/docker-registry.ts";
import { startFrontWorld, type FrontWorld } from "../support/front-world.ts";
import { missingPeers, Scope, type Client } from "../support/peers.ts";

const skip = missingPeers(["docker", "dockerd", "openssl", "busybox", "registry"]);

describe("a policy in front of a real engine", { skip }, () => {
  const scope = new Scope("policy-engine");
  let world: FrontWorld;
  let registry: Registry;
  let app: string;
  let one: string;

  before(async () => {
    registry = await startDockerRegistry(scope);
    world = await startFrontWorld(scope, { registry });
    const publisher = world.user("publisher");
    app = `${registry.host}/team/app`;
    one = await world.publish(publisher, "one", `${app}:v1`);
    // stolen registry credentials: the tag is moved, and another one appears that was not signed
    await world.publish(publisher, "two", `${app}:v1`, "unsigned");
    await world.publish(publisher, "two", `${app}:raw`, "unsigned");
  });
  after(async () => await scope.close());

  /** A user with a policy in the usual place; no variable switches trust on. */
  async function userWith(name: string, rule: object): Promise<Client> {
    const user = world.user(name, { DOCKER_CONTENT_TRUST: undefined });
    const policy = { version: 1, default: { require: "reject" }, rules: { [`${registry.host}/team`]: rule } };
    writeFileSync(join(user.trustDirectory, "policy.json"), JSON.stringify(policy));
    await world.forgetBelow(app);
    return user;
  }

  /** What was asked of the registry about this image meanwhile. */
  async function asked(work: () => Promise<void>): Promise<readonly string[]> {
    const before = registry.process.log().length;
    await work();
    const log = registry.process.log().slice(before);
    return log.split("\n").filter((line) => line.includes("/v2/team/app/"));
  }

  it("I5: pulls and runs what was signed after the registry's tag was moved", async () => {
    const user = await userWith("signed", { firstUse: true });
    const requests = await asked(async () => {
      await user.tagsealOk(["pull", `${app}:v1`]);
    });
    assert.ok(
      requests.some((line) => line.includes(one)),
      requests.join("\n"),
    );
    assert.deepEqual(
      requests.filter((line) => line.includes("/manifests/v1")),
      [],
    );
    assert.match(
      (await user.tagsealOk(["run", "--rm", "--network=none", `${app}:v1`, "echo", "runs"])).stdout,
      /runs/u,
    );
  });

  it("I9: refuses an unsigned tag, a missing signer, another repository and an unsigned digest: nothing is fetched", async () => {
    const user = await userWith("strict", { firstUse: true, signers: { anyOf: ["ci"] } });
    const requests = await asked(async () => {
      for (const line of [
        ["pull", `${app}:raw`],
        ["pull", `${app}:v1`],
        ["run", `${app}:v1`],
        ["create", `${app}:v1`],
        ["pull", `${app}@${one}`],
        ["pull", "--all-tags", app],
        ["pull", "redis:7"],
      ]) {
        const { code, stderr } = await user.tagseal(line);
        assert.notEqual(code, 0, line.join(" "));
        assert.match(stderr, /POLICY_REFUSED|TAG_NOT_SIGNED/u, line.join(" "));
      }
    });
    assert.deepEqual(requests, []);
  });

  it("I9: builds only from what it allows", async () => {
    const user = await userWith("builder-of-signed", { firstUse: true });
    const directory = scope.path("build");
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, "Dockerfile"), `FROM ${app}:raw\n`);
    const refused = await user.tagseal(["build", directory]);
    assert.notEqual(refused.code, 0);
    writeFileSync(join(directory, "Dockerfile"), `FROM ${app}:v1\n`);
    await user.tagsealOk(["build", directory]);
  });

  it("in audit mode uses what the registry says now, and warns", async () => {
    const user = await userWith("auditor", { firstUse: true, mode: "audit" });
    const { stderr } = await user.tagsealOk(["pull", `${app}:raw`]);
    assert.match(stderr, /warning: the rule "[^"]+" would refuse this \(mode "audit"\): No valid trust data for raw/u);
    const run = await user.tagsealOk(["run", "--rm", "--network=none", `${app}:raw`, "echo", "runs"]);
    assert.match(run.stdout, /runs/u);
  });

  it("that skips an image lets the engine do as it would alone", async () => {
    const user = await userWith("skipping", { mode: "skip" });
    await user.tagsealOk(["pull", `${app}:raw`]);
    assert.match(
      (await user.tagsealOk(["run", "--rm", "--network=none", `${app}:raw`, "echo", "runs"])).stdout,
      /runs/u,
    );
  });

  it("puts docker's own switch out of force only where the user says so", async () => {
    const user = await userWith("switching", { firstUse: true });
    assert.notEqual((await user.tagseal(["pull", `${app}:raw`])).code, 0);
    await user.tagsealOk(["pull", `${app}:raw`], { env: { DOCKER_CONTENT_TRUST: "0" } });
    await user.tagsealOk(["pull", "--disable-content-trust", `${app}:raw`]);
  });
});
