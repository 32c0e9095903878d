/** Policies that Tagseal writes for other programs: what they say of signed images, and that nothing is written when one is refused. */
import assert from "node:assert/strict";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { before, describe, it } from "node:test";
import { CliSandbox, json } from "./cli-sandbox.ts";

describe("policies for other programs", () => {
  const stage = CliSandbox.forSuite("policy-for-others");
  let gun: string;
  let digest: string;

  before(async () => {
    gun = stage.repository();
    const image = await stage.image("1");
    digest = image.manifestDigest;
    await stage.publish(image, `${gun}:v1`, `${gun}:front`);
  });

  function given(name: string, text: string): string {
    const path = stage.path(`${stage.fresh("given")}-${name}`);
    writeFileSync(path, text);
    return path;
  }

  function policy(rules: object): string {
    return given("policy.json", JSON.stringify({ version: 1, default: { require: "reject" }, rules }));
  }

  interface Written {
    readonly rules: readonly {
      readonly action: string;
      readonly selector: { readonly identifier: string };
      readonly updates?: { readonly identifier: string };
    }[];
  }

  function said(text: string): readonly string[] {
    return (JSON.parse(text) as Written).rules.map(({ action, selector }) => `${action} ${selector.identifier}`);
  }

  /** What tags become. */
  function converted(text: string): readonly (string | undefined)[] {
    return (JSON.parse(text) as Written).rules.flatMap(({ updates }) => updates?.identifier ?? []);
  }

  describe("policy buildkit", () => {
    it("converts tags to digests, and denies the rest", async () => {
      const { stdout } = await stage.ok(["policy", "buildkit", `${gun}:v1`, `${gun}@${digest}`, "--allow", "git"]);
      assert.deepEqual(said(stdout), [
        "DENY (?s).*",
        "ALLOW local://*",
        "ALLOW git://*",
        `CONVERT docker-image://${gun}:v1`,
        `ALLOW docker-image://${gun}:v1@${digest}`,
        `ALLOW docker-image://${gun}@${digest}`,
        `ALLOW docker-image://${gun}@${digest}`,
      ]);
      assert.deepEqual(converted(stdout), [`docker-image://${gun}:v1@${digest}`]);
    });

    it("I9: fails and writes nothing when one image is refused", async () => {
      const out = stage.path("nothing.json");
      const line = ["policy", "buildkit", "--out", out, `${gun}:v1`, `${gun}:v9`];
      const { code, stderr, stdout } = await stage.run(line);
      assert.deepEqual([code, stdout, existsSync(out)], [2, "", false]);
      assert.match(stderr, /:v9: .*\[TAG_NOT_SIGNED\]/su);
      const rejecting = await stage.run(["--policy", policy({}), "policy", "buildkit", "--out", out, `${gun}:v1`]);
      assert.deepEqual([rejecting.code, existsSync(out)], [3, false]);
    });

    it("leaves a name as it is where a rule asks nothing, with a warning", async () => {
      const line = ["--policy", policy({ [gun]: { mode: "skip" } }), "policy", "buildkit", `${gun}:raw`];
      const { stdout, stderr } = await stage.ok(line);
      assert.deepEqual(said(stdout).slice(2), [`ALLOW docker-image://${gun}:raw`]);
      assert.match(stderr, /\S+:raw may be fetched as the registry has it: the rule asks nothing/u);
    });

    it("finds the images of a Dockerfile", async () => {
      const dockerfile = given(
        "Dockerfile",
        `# syntax=${gun}:front\nARG V=v9\nFROM ${gun}:$V AS a\nFROM scratch\nCOPY --from=a / /\n`,
      );
      const line = ["policy", "buildkit", "--dockerfile", dockerfile];
      const { stdout } = await stage.ok([...line, "--build-arg", "V=v1"]);
      assert.deepEqual(
        said(stdout).filter((rule) => rule.startsWith("CONVERT")),
        [`CONVERT docker-image://${gun}:front`, `CONVERT docker-image://${gun}:v1`],
      );
      const refused = await stage.run(line);
      assert.deepEqual([refused.code, refused.stdout], [2, ""]);
      assert.match(refused.stderr, /Dockerfile:3: .*v9.*\[TAG_NOT_SIGNED\]/su);
      const unread = await stage.run(["policy", "buildkit", "--dockerfile", given("Dockerfile", "FORM x\n")]);
      assert.match(unread.stderr, /\[DOCKERFILE_REFUSED\]/u);
    });

    it("writes a file that all may read, never over another one without --force, and reports as JSON", async () => {
      const out = stage.path("source-policy.json");
      const line = ["policy", "buildkit", "--out", out, "--json", `${gun}:v1`];
      const report = json(await stage.ok(line)) as Record<string, unknown>;
      assert.deepEqual(report["images"], [{ image: `${gun}:v1`, digest, rule: "default" }]);
      assert.deepEqual([report["file"], report["policy"]], [out, JSON.parse(readFileSync(out, "utf8"))]);
      assert.equal(statSync(out).mode & 0o777, 0o644);
      assert.match((await stage.run(line)).stdout, /FILE_UNWRITABLE/u);
      await stage.ok([...line, "--force"]);
    });

    it("refuses kinds of sources that it does not know, and a line without images", async () => {
      const { code, stderr } = await stage.run(["policy", "buildkit", "--allow", "all", `${gun}:v1`]);
      assert.equal(code, 1);
      assert.match(stderr, /--allow does not know all.*git, http, oci-layout.*\[USAGE\]/su);
      assert.match((await stage.run(["policy", "buildkit"])).stderr, /no image is named.*\[USAGE\]/su);
    });
  });

  describe("policy containers", () => {
    interface Theirs {
      readonly default: readonly { readonly type: string }[];
      readonly transports: Readonly<Record<string, Readonly<Record<string, readonly { readonly type: string }[]>>>>;
    }

    /** The one requirement of each scope. */
    function requirements({ transports }: Theirs): Record<string, string | undefined> {
      return Object.fromEntries(
        Object.entries(transports["docker"] ?? {}).map(([scope, [only]]) => [scope, only?.type]),
      );
    }

    const [accept, reject] = ["insecureAcceptAnything", "reject"];

    it("accepts signed digests, gateways, and what the rules ask nothing of", async () => {
      const ours = policy({
        [gun]: { firstUse: true },
        "*.dev.example.com": { mode: "skip" },
        "audited.example.com": { firstUse: true, mode: "audit" },
        "quay.io": { require: "digest" },
      });
      const line = ["--policy", ours, "policy", "containers", `${gun}:v1`, "--gateway", "gateway.example.com:5000"];
      const theirs = JSON.parse((await stage.ok(line)).stdout) as Theirs;
      assert.deepEqual(theirs.default, [{ type: reject }]);
      assert.deepEqual(requirements(theirs), {
        "": reject,
        "*.dev.example.com": accept,
        "audited.example.com": accept,
        "gateway.example.com:5000": accept,
        "quay.io": reject,
        [gun]: reject,
        [`${gun}@${digest}`]: accept,
      });
      assert.deepEqual(Object.keys(theirs.transports), ["docker", "containers-storage"]);
    });

    it("says which rules it could not write", async () => {
      const ours = policy({
        [gun]: { firstUse: true },
        "quay.io": { require: "reject" },
        "skipped.example.com": { mode: "skip" },
      });
      const { rejected } = json(await stage.ok(["--policy", ours, "policy", "containers", "--json"])) as {
        rejected: unknown;
      };
      assert.deepEqual(rejected, [gun]);
      const out = stage.path("their-policy.json");
      const line = ["--policy", ours, "policy", "containers", "--out", out];
      const { stdout } = await stage.ok([...line, "skipped.example.com/app:1"]);
      assert.match(
        stdout,
        /Wrote \S+: 0 images accepted by digest; 1 rule asks for what podman cannot check.*team\/app\./u,
      );
    });

    it("I9: rejects everything without a policy, and fails when an image is refused", async () => {
      const theirs = JSON.parse((await stage.ok(["policy", "containers"])).stdout) as Theirs;
      assert.deepEqual(requirements(theirs), { "": reject });
      const { code, stdout, stderr } = await stage.run(["policy", "containers", `${gun}:v9`]);
      assert.deepEqual([code, stdout], [2, ""]);
      assert.match(stderr, /:v9: .*\[TAG_NOT_SIGNED\]/su);
    });

    it("accepts only where the machine's policy and the user's do", async () => {
      const systemPolicy = policy({ "a.example.com": { mode: "skip" }, "a.example.com/x": { require: "reject" } });
      const users = policy({ "a.example.com": { mode: "skip" }, "a.example.com/x/y": { mode: "skip" } });
      const line = ["--policy", users, "policy", "containers"];
      const theirs = JSON.parse((await stage.ok(line, { systemPolicy })).stdout) as Theirs;
      assert.deepEqual(requirements(theirs), {
        "": reject,
        "a.example.com": accept,
        "a.example.com/x": reject,
        "a.example.com/x/y": reject,
      });
    });

    it("I9: asks the rule around a scope where one of the policies has none for it", async () => {
      const open = { version: 1, default: { mode: "skip" }, rules: { "a.example.com": { require: "reject" } } };
      const systemPolicy = given("open.json", JSON.stringify(open));
      const users = policy({ "a.example.com": { mode: "skip" }, "a.example.com/x": { mode: "skip" } });
      const line = ["--policy", users, "policy", "containers"];
      const theirs = JSON.parse((await stage.ok(line, { systemPolicy })).stdout) as Theirs;
      assert.deepEqual(requirements(theirs), { "": reject, "a.example.com": reject, "a.example.com/x": reject });
    });

    it("refuses gateways that are not hosts and places that it does not know", async () => {
      for (const [line, message] of [
        [["--gateway", "gateway.example.com/path"], /not a host: it is not a host alone.*\[USAGE\]/su],
        [["--gateway", "*.example.com"], /not a host.*\[USAGE\]/su],
        [["--gateway", "gateway"], /not a host.*\[USAGE\]/su],
        [["--allow", "docker"], /--allow does not know docker.*oci-archive.*\[USAGE\]/su],
      ] as const)
        assert.match((await stage.run(["policy", "containers", ...line])).stderr, message, line.join(" "));
    });
  });
});
