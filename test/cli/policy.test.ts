/** Policies on this machine: what every command may use, and what only a policy can refuse. */
import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { before, describe, it } from "node:test";
import { captured } from "../../src/cli/captured-io.ts";
import { policyFiles } from "../../src/cli/open/policy-files.ts";
import { Scope } from "../support/processes.ts";
import { installFakeDocker } from "../support/fake-docker.ts";
import { CliSandbox, json, type Outcome } from "./cli-sandbox.ts";

describe("policies", () => {
  const stage = CliSandbox.forSuite("policy");
  let gun: string;
  let image: string;

  function policy(rules: object, fallback: object = { require: "reject" }): string {
    const path = stage.path(`${stage.fresh("policy")}.json`);
    writeFileSync(path, JSON.stringify({ version: 1, default: fallback, rules }));
    return path;
  }

  /** A machine that has a policy of its user in the usual place. */
  function machine(rules: object, fallback?: object): Record<string, string> {
    const env = stage.stranger();
    const path = join(env["DOCKER_CONFIG"] ?? "", "trust", "policy.json");
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, JSON.stringify({ version: 1, default: fallback ?? { require: "reject" }, rules }));
    return env;
  }

  async function check(path: string, name = image): Promise<Outcome> {
    return await stage.run(["--policy", path, "policy", "check", "--json", name], { env: stage.stranger() });
  }

  before(async () => {
    gun = stage.repository();
    image = `${gun}:v1`;
    await stage.publish(await stage.image("1"), image);
  });

  it("show the rule, the reason and the digest of an image", async () => {
    const checked = await check(policy({ [gun]: { firstUse: true } }));
    const { code } = checked;
    const verdict = json(checked) as Record<string, unknown>;
    assert.equal(code, 0);
    assert.deepEqual([verdict["image"], verdict["outcome"], verdict["rule"]], [image, "allowed", gun]);
    assert.equal(verdict["reason"], "it is signed by the repository key");
    assert.match(String(verdict["digest"]), /^sha256:[0-9a-f]{64}$/u);
    const text = await stage.ok(["policy", "check", image], { env: machine({}, { firstUse: true }) });
    assert.match(text.stdout, /v1 is allowed\n {2}rule {8}"default" of \S+policy\.json\n {2}reason {6}it is signed/u);
  });

  it("I9: refuse with the exit status of the reason", async () => {
    const rejected = await check(policy({}));
    assert.equal(rejected.code, 3);
    const verdict = json(rejected) as { outcome: string; error: { code: string } };
    assert.deepEqual([verdict.outcome, verdict.error.code], ["refused", "POLICY_REFUSED"]);
    assert.equal((await check(policy({ [gun]: { firstUse: true } }), `${gun}:v9`)).code, 2);
    assert.equal((await check(policy({ [gun]: { firstUse: true, signers: { anyOf: ["ci"] } } }))).code, 3);
  });

  it("govern every command that uses an image, from the usual place, without a flag", async () => {
    const env = machine({ [gun]: { firstUse: true, signers: { anyOf: ["ci"] } } });
    const out = stage.path("refused-image");
    for (const line of [
      ["verify", image],
      ["pull", "--to", `oci:${out}`, image],
    ]) {
      const { code, stdout, stderr } = await stage.run(line, { env });
      assert.deepEqual([line, code, stdout], [line, 3, ""]);
      assert.match(stderr, /1 of ci must have signed it, and only the repository key signed it.*\[POLICY_REFUSED\]/su);
    }
    assert.equal(existsSync(out), false);
    const allowed = machine({ [gun]: { firstUse: true } });
    assert.match((await stage.ok(["verify", image], { env: allowed })).stdout, /^sha256:/u);
    await stage.ok(["pull", "-q", "--to", `oci:${stage.path("image")}`, image], { env: allowed });
  });

  it("pin roots for commands that read and sign as well", async () => {
    const env = machine({ [gun]: { roots: [`sha256:${"ab".repeat(32)}`] } });
    for (const line of [
      ["verify", image],
      ["list", gun],
      ["trust", "inspect", gun],
      ["sign", "--from-registry", `${gun}:v1`],
    ]) {
      const { code, stderr } = await stage.run(line, { env });
      assert.notEqual(code, 0, line.join(" "));
      assert.match(stderr, /ROOT_PINNING_MISMATCH/u, line.join(" "));
    }
  });

  it("are written with the pins of a repository, for a fleet that trusts nothing on first use", async () => {
    const path = stage.path("pinned.json");
    writeFileSync(path, (await stage.ok(["policy", "pin", gun])).stdout);
    const env = stage.stranger();
    const { stderr } = await stage.ok(["--policy", path, "verify", image], { env });
    assert.equal(stderr, "");
    const other = stage.repository("team/other");
    await stage.publish(await stage.image("2"), `${other}:v1`);
    assert.equal((await check(path, `${other}:v1`)).code, 3);
  });

  it("that pin a replaced root key alone refuse the new one, also on a machine that read before, until they name it", async () => {
    const rotated = stage.repository("team/rotated");
    await stage.publish(await stage.image("3"), `${rotated}:v1`);
    const path = stage.path("pins-of-before.json");
    writeFileSync(path, (await stage.ok(["policy", "pin", rotated])).stdout);
    const env = stage.stranger();
    await stage.ok(["--policy", path, "verify", `${rotated}:v1`], { env });
    await stage.ok(["trust", "key", "rotate", rotated, "root"]);
    const refused = await stage.run(["--policy", path, "verify", `${rotated}:v1`], { env });
    assert.deepEqual([refused.code, refused.stdout], [3, ""]);
    assert.match(refused.stderr, /\[ROOT_PINNING_MISMATCH\]/u);
    writeFileSync(path, (await stage.ok(["policy", "pin", rotated])).stdout);
    await stage.ok(["--policy", path, "verify", `${rotated}:v1`], { env });
  });

  it("I9: a pin of one policy does not open what the other knows only", async () => {
    const systemPolicy = stage.path("pinned-by-the-machine.json");
    writeFileSync(systemPolicy, (await stage.ok(["policy", "pin", gun])).stdout);
    const env = machine({ [gun]: { firstUse: false } });
    const refused = await stage.run(["verify", image], { env, systemPolicy });
    assert.deepEqual([refused.code, refused.stdout], [3, ""]);
    assert.match(refused.stderr, /\[ROOT_PINNING_MISMATCH\]/u);
    // the same machine, once it knows the repository
    await stage.ok(["--policy", systemPolicy, "verify", image], { env });
    await stage.ok(["verify", image], { env, systemPolicy });
  });

  it("follow a copy to the name under which it is signed", async () => {
    const mirror = "mirror.example.com/copies/app:v1";
    const host = gun.slice(0, gun.indexOf("/"));
    const path = policy({ "mirror.example.com/copies": { firstUse: true, identity: `${host}/team` } });
    const checked = await check(path, mirror);
    assert.deepEqual([checked.code, (json(checked) as { image: string }).image], [0, mirror]);
  });

  it("I9: that cannot be used refuse everything, with line and column", async () => {
    const path = stage.path("broken.json");
    writeFileSync(path, '{"version": 1,\n "defualt": {"mode": "skip"}}');
    for (const line of [
      ["verify", image],
      ["list", gun],
      ["policy", "show"],
    ]) {
      const { code, stdout, stderr } = await stage.run(["--policy", path, ...line], { env: stage.stranger() });
      assert.deepEqual([line, code, stdout], [line, 3, ""]);
      assert.match(stderr, /broken\.json:2:2: .*unknown member "defualt".*\[POLICY_INVALID\]/su);
    }
    const open = policy({}, { firstUse: true });
    chmodSync(open, 0o666);
    const { stderr } = await stage.run(["--policy", open, "verify", image], { env: stage.stranger() });
    assert.match(stderr, /every user can write it.*\[POLICY_INVALID\]/su);
    for (const missing of [stage.path("nowhere.json"), ""]) {
      const env = { ...stage.stranger(), TAGSEAL_POLICY: missing };
      assert.match((await stage.run(["verify", image], { env })).stderr, /\[POLICY_INVALID\]/u);
    }
  });

  it("of the machine cannot be loosened by a user's file, variable or flag", async () => {
    const systemPolicy = policy({ [gun]: { firstUse: true, signers: { anyOf: ["ci"] } } }, { mode: "skip" });
    const skipping = policy({}, { mode: "skip" });
    const env = machine({}, { mode: "skip" });
    for (const line of [
      ["verify", image],
      ["--policy", skipping, "verify", image],
    ]) {
      const { code, stderr } = await stage.run(line, { env, systemPolicy });
      assert.deepEqual([line, code], [line, 3]);
      assert.match(stderr, /POLICY_REFUSED/u);
    }
  });

  it("are shown in words", async () => {
    const path = policy({
      "*.example.com": { firstUse: true, maxStaleness: "1d" },
      "docker.io": { require: "digest" },
    });
    const { stdout } = await stage.ok(["--policy", path, "policy", "show"], { env: stage.stranger() });
    assert.match(stdout, /\*\.example\.com +enforce +a signature; any first root; signed at most 1 d ago/u);
    assert.match(stdout, /docker\.io +enforce +a digest in the name\ndefault +enforce +never used/u);
    const none = await stage.ok(["policy", "show"], { env: stage.stranger() });
    assert.match(none.stdout, /^No policy is in force/u);
  });

  it("are what doctor finds to switch content trust on; one that cannot be used is a problem", async () => {
    const env = machine({}, { firstUse: true });
    const switchOf = async (): Promise<object | undefined> => {
      const { findings } = json(await stage.run(["doctor", "--json"], { env })) as {
        findings: readonly { subject: string; level: string; message: string }[];
      };
      return findings.find(({ subject }) => subject === "switch" || subject === "policy");
    };
    const path = join(env["DOCKER_CONFIG"] ?? "", "trust", "policy.json");
    assert.deepEqual(await switchOf(), {
      subject: "switch",
      level: "ok",
      message: `content trust is on: ${path} decides`,
    });
    writeFileSync(path, "{}");
    const found = await switchOf();
    assert.ok(found !== undefined && "level" in found && "fix" in found);
    assert.deepEqual([found.level, found.fix], ["problem", "tagseal policy show"]);
  });

  it("are tested against cases in a file", async () => {
    policy({});
    writeFileSync(
      stage.path("rules.json"),
      '{"version": 1, "default": {"require": "reject"}, "rules": {"r.example.com": {"firstUse": true, "signers": {"anyOf": ["ci"]}}}}',
    );
    const cases = (expect: string): string =>
      JSON.stringify({
        policy: "rules.json",
        cases: [
          { image: "r.example.com/app:1", signed: { signers: ["ci"] }, expect, rule: "r.example.com" },
          { image: "r.example.com/app:1", signed: {}, expect: "refused" },
          { image: "r.example.com/app:1", expect: "refused" },
          { image: "redis", signed: { signers: ["ci"] }, expect: "refused", rule: "default" },
        ],
      });
    writeFileSync(stage.path("cases.json"), cases("allowed"));
    const { stdout } = await stage.ok(["policy", "test", stage.path("cases.json")]);
    assert.match(stdout, /4 passed, 0 failed\n$/u);
    writeFileSync(stage.path("cases.json"), cases("refused"));
    const failed = await stage.run(["policy", "test", stage.path("cases.json")]);
    assert.equal(failed.code, 1);
    assert.match(
      failed.stdout,
      /FAILED {2}r\.example\.com\/app:1: expected refused, it is allowed.*\n3 passed|3 passed, 1 failed/su,
    );
  });

  describe("in front of an engine", () => {
    const scope = new Scope("policy-engine");
    let engine: string;
    before(() => {
      engine = installFakeDocker(scope);
    });

    async function docker(
      line: readonly string[],
      env: Record<string, string>,
      systemPolicy?: string,
    ): Promise<Outcome> {
      const options = { env: { ...env, PATH: engine }, ...(systemPolicy === undefined ? {} : { systemPolicy }) };
      return await stage.run(["--engine", "docker", ...line], options);
    }

    it("switch content trust on, for what is covered and what is not", async () => {
      const env = machine({ [gun]: { firstUse: true, signers: { anyOf: ["ci"] } } });
      const pulled = await docker(["pull", image], env);
      assert.equal(pulled.code, 1);
      assert.match(pulled.stderr, /must have signed it/u);
      assert.match((await docker(["compose", "watch"], env)).stderr, /COMMAND_NOT_COVERED/u);
      assert.equal((await docker(["ps", "-a"], env)).stdout, "<-a>\n");
      assert.doesNotMatch((await docker(["pull", image], stage.stranger())).stderr, /must have signed/u);
    });

    it("are found in the account's home where no variable names one", async () => {
      const { HOME, DOCKER_CONFIG, ...env } = machine({});
      assert.ok(HOME !== undefined || DOCKER_CONFIG !== undefined);
      const { io } = captured({ env, now: () => new Date() });
      const found = policyFiles({ ...io, env: { ...env, HOME: scope.path("home") } }).map(({ path }) => path);
      assert.deepEqual(found, []);
      mkdirSync(scope.path("home", ".docker", "trust"), { recursive: true });
      writeFileSync(scope.path("home", ".docker", "trust", "policy.json"), "{}");
      const files = policyFiles({ ...io, env: { ...env, HOME: scope.path("home") } });
      assert.deepEqual(files, [{ path: scope.path("home", ".docker", "trust", "policy.json"), isSystems: false }]);
    });

    it("refuse a digest alone and a name that no rule is about", async () => {
      const env = machine({});
      const exact = await docker(["pull", `${gun}@sha256:${"1".repeat(64)}`], env);
      assert.deepEqual([exact.code, exact.stdout], [1, ""]);
      assert.match(exact.stderr, /it rejects this image/u);
      const run = await docker(["run", `${gun}@sha256:${"1".repeat(64)}`], env);
      assert.equal(run.stdout, "");
      assert.match(run.stderr, /it rejects this image/u);
    });

    it("of the user can be put aside by the user, the machine's cannot", async () => {
      const env = machine({});
      assert.match((await docker(["pull", "--disable-content-trust", image], env)).stdout, /^asked to pull/u);
      assert.match((await docker(["pull", image], { ...env, DOCKER_CONTENT_TRUST: "0" })).stdout, /^asked to pull/u);
      const systemPolicy = policy({});
      const off = await docker(["pull", "--disable-content-trust", image], env, systemPolicy);
      assert.match(off.stderr, /does not switch off the policy/u);
      const variable = await docker(["pull", image], { ...env, DOCKER_CONTENT_TRUST: "0" }, systemPolicy);
      assert.deepEqual([variable.code, variable.stdout], [1, ""]);
    });

    it("I9: of the machine keep every command under trust, whatever flag of its line says otherwise", async () => {
      const systemPolicy = policy({});
      for (const line of [
        ["plugin", "install", "--disable-content-trust", image],
        ["plugin", "install", "--disable-content-trust=true", image],
        ["plugin", "push", "--disable-content-trust", image],
        ["image", "pull", "--disable-content-trust", image],
        ["compose", "up", "--disable-content-trust"],
      ]) {
        const { stdout, stderr } = await docker(line, machine({}), systemPolicy);
        assert.deepEqual([line, stdout], [line, ""]);
        assert.match(stderr, /\[(?:POLICY_REFUSED|COMMAND_NOT_COVERED)\]/u);
        assert.doesNotMatch(stderr, /DOCKER_CONTENT_TRUST=0/u, "a variable that does not count is no hint");
      }
    });

    it("I9: of the machine keep a push of an image from a file signed", async () => {
      const systemPolicy = policy({}, { firstUse: true });
      const { directory } = await stage.image("pushed");
      const line = ["push", "--disable-content-trust", "--from", `oci:${directory}`, `${gun}:unsigned`];
      const { code, stdout, stderr } = await stage.run(line, { systemPolicy });
      assert.deepEqual([code, stdout], [3, ""]);
      assert.match(stderr, /does not switch off the policy.*\[POLICY_REFUSED\]/su);
    });
  });
});
