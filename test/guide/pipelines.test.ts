/** The action for GitHub and the template for GitLab, run as their runners do, with a registry, a trust server and a download address. */
import assert from "node:assert/strict";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { createHash } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { hostTarget } from "../../release/bun.ts";
import { measure } from "../../release/checksums.ts";
import { buildExecutable, releasedExecutable } from "../../release/executable-build.ts";
import { documentedLines } from "../support/documented-lines.ts";
import { type FileServer, serveFiles } from "../support/file-server.ts";
import { GithubFiles } from "../support/github-files.ts";
import { type JobResult, runSteps, runWorkflow, type Step } from "../support/github-runner.ts";
import { pipelineOf, runGitlabJob, runGitlabPipeline } from "../support/gitlab-runner.ts";
import { writeLayout } from "../support/images.ts";
import { packageVersion } from "../support/installed-command.ts";
import { missingPeers, run, runOk, Scope, tagsealCommand } from "../support/peers.ts";
import type { Environment } from "../support/processes.ts";
import { startSandbox } from "../support/sandbox.ts";

const root = resolve(import.meta.dirname, "../..");
const template = readFileSync(join(root, "deploy/ci/gitlab.yml"), "utf8");

/** The action where the page says it is. */
const ours = "example-org/tagseal@0123456789abcdef0123456789abcdef01234567";

describe("pipelines", { skip: missingPeers(["npm", "deploy tools", "installer"]) }, () => {
  const scope = new Scope("pipelines");
  const runner = scope.path("runner");
  let download: FileServer;
  let owner: Environment;
  let registry: string;
  let sha256: string;
  let quickSha256: string;
  let secrets: { readonly TAGSEAL_SIGNING_KEY: string; readonly TAGSEAL_PASSPHRASE: string };
  /** two images: what is signed as 1.0, and another one */
  let signed: string;
  let other: string;

  const tagseal = async (...args: readonly string[]): Promise<string> =>
    (await runOk(tagsealCommand, args, { env: owner, cwd: scope.directory })).stdout;

  const pushUnsigned = async (layout: string, image: string): Promise<string> =>
    await tagseal("push", "--quiet", "--disable-content-trust", "--from", `oci:${layout}`, image);

  before(async () => {
    const name = releasedExecutable(hostTarget());
    buildExecutable(hostTarget(), scope.path("files", name));
    sha256 = (await measure(scope.path("files"), name)).sha256;
    // Another file under the same name, which starts the first: quick to download where nothing depends on what is downloaded.
    // It refuses to see a secret that is not for what it is to do.
    const quick = `#!/bin/sh
case $1 in trust | sign) ;; *) if env | grep -q -e SIGNING_KEY=. -e PASSPHRASE=.; then echo "$1 sees a secret" >&2; exit 70; fi ;; esac
exec ${scope.path("files", name)} "$@"
`;
    quickSha256 = createHash("sha256").update(quick).digest("hex");
    const file = readFileSync(scope.path("files", name));
    download = await serveFiles(scope, [
      [name, file],
      [`quick/${name}`, quick],
    ]);
    const sandbox = await startSandbox(scope);
    owner = { HOME: scope.path("owner"), ...sandbox.env };
    registry = sandbox.env["REGISTRY"] ?? "";
    for (const layout of ["one", "two"]) await writeLayout(scope.path(layout), layout);
    await tagseal("push", "--quiet", "--from", `oci:${scope.path("one")}`, `${registry}/team/app:1.0`);
    signed = (await tagseal("verify", `${registry}/team/app:1.0`)).trim();
    other = /sha256:[0-9a-f]{64}/u.exec(await pushUnsigned(scope.path("two"), `${registry}/team/app:other`))?.[0] ?? "";
    await makeKey();
    // What an administrator of the runner did: the authority of the trust server.
    cpSync(join(owner["DOCKER_CONFIG"] ?? "", "tls"), join(runner, ".docker/tls"), { recursive: true });
  });
  after(() => scope.close());

  async function makeKey(): Promise<void> {
    const directory = join(owner["DOCKER_CONFIG"] ?? "", "trust/private");
    const before = new Set(readdirSync(directory));
    const lines = documentedLines("docs/ci.md", "A key for the pipeline").replaceAll("registry.example.com", registry);
    mkdirSync(scope.path("bin"));
    writeFileSync(scope.path("bin/tagseal"), `#!/bin/sh\nexec "${tagsealCommand}" "$@"\n`, { mode: 0o755 });
    const env = { ...owner, PATH: `${scope.path("bin")}:${process.env["PATH"]}` };
    await runOk("sh", ["-ec", lines], { env, cwd: scope.directory });
    const made = readdirSync(directory).find((name) => !before.has(name)) ?? "";
    secrets = {
      TAGSEAL_SIGNING_KEY: readFileSync(join(directory, made), "utf8"),
      TAGSEAL_PASSPHRASE: owner["DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE"] ?? "",
    };
  }

  const variables = (): Record<string, string> => ({
    TAGSEAL_VERSION: packageVersion,
    TAGSEAL_SHA256: sha256,
    TAGSEAL_DOWNLOAD_URL: download.url,
    TRUST_SERVER: owner["DOCKER_CONTENT_TRUST_SERVER"] ?? "",
    REGISTRY_USER: "ci",
  });

  /** No secret is printed or written into a file of the runner's home, and the key is not on it any more. */
  function assertDiscreet(log: string): void {
    const key = secrets.TAGSEAL_SIGNING_KEY.split("\n")[3] ?? "";
    assert.ok(key.length > 20);
    for (const secret of [secrets.TAGSEAL_PASSPHRASE, key]) {
      assert.ok(!log.includes(secret));
      const files = readdirSync(scope.directory, { recursive: true, withFileTypes: true }).filter(
        (entry) => entry.isFile() && entry.name !== "tagseal" && /runner|job-|gitlab-/u.test(entry.parentPath),
      );
      for (const entry of files)
        assert.ok(!readFileSync(join(entry.parentPath, entry.name)).includes(secret), entry.name);
    }
  }

  describe("on GitHub", () => {
    const options = (actions: Readonly<Record<string, string>> = {}) => ({
      env: { HOME: runner },
      actions: { [ours]: root, "docker/login-action@v3": undefined, ...actions },
      contexts: { vars: variables(), secrets },
    });

    /** The action alone. */
    const use = (given: Readonly<Record<string, unknown>>, env: Step["env"] = {}): Promise<JobResult> => {
      const inputs = {
        version: packageVersion,
        sha256: quickSha256,
        "download-url": `${download.url}/quick`,
        server: owner["DOCKER_CONTENT_TRUST_SERVER"],
        shim: false,
        check: false,
        ...given,
      };
      return runSteps(scope, [{ uses: ours, id: "tagseal", with: inputs, env }], options());
    };
    const withKey = (): NonNullable<Step["env"]> => ({
      TAGSEAL_SIGNING_KEY: secrets.TAGSEAL_SIGNING_KEY,
      DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: secrets.TAGSEAL_PASSPHRASE,
    });

    /** Stands for docker's action: pushes an image that is there already, and says which one it is. */
    function buildAction(): string {
      const directory = scope.path("build-push-action");
      mkdirSync(directory, { recursive: true });
      const push = `${tagsealCommand} push --quiet --disable-content-trust --from oci:${scope.path("two")} ${registry}/team/app:1.1`;
      const action = `name: build
inputs: { push: { default: "" }, tags: { default: "" } }
outputs: { digest: { value: "\${{ steps.push.outputs.digest }}" } }
runs:
  using: composite
  steps:
    - { id: push, shell: bash, run: '${push} && echo digest=${other} >> "$GITHUB_OUTPUT"' }
`;
      writeFileSync(join(directory, "action.yml"), action);
      return directory;
    }

    const documented = (text: string): string => text.replaceAll("registry.example.com", registry);

    it("the action and the workflows are such that GitHub takes them", async () => {
      const files = await GithubFiles.load();
      assert.deepEqual(files.faults("action", readFileSync(join(root, "action.yml"), "utf8")), []);
      for (const text of [documentedLines("docs/ci.md", "GitHub"), documentedLines("docs/ci.md", "GitHub", 2)])
        assert.deepEqual(files.faults("workflow", text), []);
      assert.notDeepEqual(files.faults("action", "name: x\nruns: { using: composite, steps: [{ frob: 1 }] }"), []);
    });

    it("publish: what was built is signed by its digest, and verified", async () => {
      const workflow = documented(documentedLines("docs/ci.md", "GitHub"));
      const job = await runWorkflow(scope, workflow, options({ "docker/build-push-action@v6": buildAction() }));
      assert.ok(job.success, job.log);
      assert.match(job.log, new RegExp(`^published ${registry}/team/app@${other}$`, "mu"));
      assert.equal((await tagseal("verify", `${registry}/team/app:1.1`)).trim(), other);
      assert.match(await tagseal("list", `${registry}/team/app`), /^1\.1 .* ci$/mu);
      assertDiscreet(job.log);
      assert.equal(existsSync(join(runner, ".docker/trust/private")), false);
    });

    it("deploy: gets the signed image by digest, with docker under content trust in later steps", async () => {
      const job = await runWorkflow(scope, documented(documentedLines("docs/ci.md", "GitHub", 2)), options());
      assert.ok(job.success, job.log);
      assert.match(job.log, /^Content trust is enforced here\.$/mu);
      assert.match(job.log, new RegExp(`^deploy ${registry}/team/app@${other}$`, "mu"));
      assert.deepEqual(job.env, {
        DOCKER_CONTENT_TRUST: "1",
        DOCKER_CONTENT_TRUST_SERVER: variables()["TRUST_SERVER"],
      });
      const [bin = ""] = job.paths;
      const env = { HOME: runner, ...job.env, PATH: `${bin}:${process.env["PATH"]}` };
      const { stderr } = await run("sh", ["-c", "docker buildx bake"], { env });
      assert.match(stderr, /\[COMMAND_NOT_COVERED\]/u);
    });

    it("verify: refuses when the tag was moved", async () => {
      await pushUnsigned(scope.path("two"), `${registry}/team/app:1.0`);
      // What the registry serves now, and what was signed.
      const moved = await use({ verify: `${registry}/team/app:1.0@${other}` });
      assert.equal(moved.success, false);
      assert.match(moved.log, /\[TAG_DIGEST_MISMATCH\]/u);
      assert.deepEqual(moved.outputs["tagseal"], { digest: "", images: "" });
      const still = await use({ verify: `${registry}/team/app:1.0` });
      assert.equal(still.outputs["tagseal"]?.["digest"], signed);
    });

    it("verify: refuses what is not signed, the whole list with it", async () => {
      const job = await use({ verify: `${registry}/team/app:1.0\n${registry}/team/app:other\n` });
      assert.equal(job.success, false);
      assert.match(job.log, /\[TAG_NOT_SIGNED\]/u);
      const all = await use({ verify: `\n${registry}/team/app:1.1\n  ${registry}/team/app:1.0@${signed}\n` });
      assert.deepEqual(all.outputs["tagseal"], {
        digest: other,
        images: `${registry}/team/app@${other}\n${registry}/team/app@${signed}`,
      });
    });

    it("does not pass where nothing is named that it could verify or sign", async () => {
      for (const [input, env] of [
        ["verify", {}],
        ["sign", withKey()],
      ] as const) {
        const job = await use({ [input]: " \n\n" }, env);
        assert.equal(job.success, false);
        assert.match(job.log, new RegExp(`${input} names no image`, "u"));
      }
    });

    it("sign: needs the key and the passphrase from the environment", async () => {
      const image = `${registry}/team/app:2.0@${signed}`;
      for (const [missing, said] of [
        ["TAGSEAL_SIGNING_KEY", /set TAGSEAL_SIGNING_KEY under env: of this step/u],
        ["DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE", /set DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE under env:/u],
      ] as const) {
        const job = await use({ sign: image }, { ...withKey(), [missing]: "" });
        assert.deepEqual([job.success, said.test(job.log)], [false, true], job.log);
      }
      const wrong = await use({ sign: image }, { ...withKey(), DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: "not it" });
      assert.equal(wrong.success, false);
      assert.match(wrong.log, /\[PASSPHRASE_WRONG\]/u);
      assertDiscreet(wrong.log);
      assert.doesNotMatch(await tagseal("list", `${registry}/team/app`), /^2\.0 /mu);
    });

    it("the parts that install, check and verify see no secret", async () => {
      const image = `${registry}/team/app:1.0`;
      const secret = Object.fromEntries(
        ["ROOT", "TARGETS", "SNAPSHOT", "DELEGATION"].map((role) => [`NOTARY_${role}_PASSPHRASE`, "not for them"]),
      );
      const job = await use(
        { sign: `${image}@${signed}`, verify: image, shim: true, check: true },
        { ...secret, ...withKey(), DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: "nor this" },
      );
      assert.ok(job.success, job.log);
      assert.doesNotMatch(job.log, /sees a secret/u);
    });

    it("sign: never makes the keys of a repository", async () => {
      const image = `${registry}/team/new:1.0`;
      const digest = /sha256:[0-9a-f]{64}/u.exec(await pushUnsigned(scope.path("one"), image))?.[0];
      const job = await use(
        { sign: `${image}@${digest}` },
        { ...withKey(), DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: "root passphrase" },
      );
      assert.equal(job.success, false);
      const { code } = await run(tagsealCommand, ["verify", image], { env: owner });
      assert.equal(code, 2, "nothing was published");
    });

    it("installs nothing that has another sum, and takes nothing for a variable that is none", async () => {
      const changed = await use({ sha256: "0".repeat(64), verify: `${registry}/team/app:1.0` });
      assert.deepEqual([changed.success, changed.paths], [false, []]);
      assert.match(changed.log, /is not the file of the release/u);
      for (const input of ["version", "sha256", "download-url"])
        assert.match((await use({ [input]: "" })).log, /version, sha256 and download-url are required/u);
      for (const server of ["https://a\nNODE_OPTIONS=--require=/evil", "http://trust.example.com", "", "https://a/b"]) {
        const job = await use({ server });
        assert.deepEqual([job.success, job.env], [false, {}], server);
      }
      const injected = await use({ verify: "$(touch injected)`touch injected`;touch injected" });
      assert.equal(injected.success, false);
      const files = readdirSync(scope.directory, { recursive: true, encoding: "utf8" });
      assert.deepEqual(
        files.filter((name) => name.endsWith("injected")),
        [],
      );
      assert.match((await use({ shim: "perhaps" })).log, /shim and check are either true or false/u);
    });

    it("takes the authority of the trust server from a file", async () => {
      const home = scope.path("new-runner");
      mkdirSync(home);
      const host = new URL(variables()["TRUST_SERVER"] ?? "").host;
      const ca = join(runner, ".docker/tls", host, "ca.crt");
      const inputs = {
        version: packageVersion,
        sha256,
        "download-url": download.url,
        server: variables()["TRUST_SERVER"],
        check: false,
      };
      const verify = (more: object): Promise<JobResult> =>
        runSteps(scope, [{ uses: ours, with: { ...inputs, verify: `${registry}/team/app:1.0`, ...more } }], {
          ...options(),
          env: { HOME: home },
        });
      assert.match((await verify({})).log, /\[TLS_UNTRUSTED\]/u);
      assert.ok((await verify({ "server-ca": ca })).success);
    });
  });

  describe("on GitLab", () => {
    const project = (): Environment => ({
      HOME: runner,
      TMPDIR: scope.path("gitlab-temporary"),
      ...variables(),
      TAGSEAL_SHA256: quickSha256,
      TAGSEAL_DOWNLOAD_URL: `${download.url}/quick`,
      DOCKER_CONTENT_TRUST_SERVER: owner["DOCKER_CONTENT_TRUST_SERVER"],
    });
    const pipeline = () =>
      pipelineOf(template, documentedLines("docs/ci.md", "GitLab").replaceAll("registry.example.com", registry));
    const signing = (): Environment => {
      const file = scope.path("owner-signing-key");
      writeFileSync(file, secrets.TAGSEAL_SIGNING_KEY, { mode: 0o666 });
      return { TAGSEAL_SIGNING_KEY: file, DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: secrets.TAGSEAL_PASSPHRASE };
    };
    const dash = { shell: ["dash"] } as const;
    before(() => mkdirSync(scope.path("gitlab-temporary")));
    after(() => assert.deepEqual(readdirSync(scope.path("gitlab-temporary")), []));

    it("runs as a pipeline: jobs hand over what they verified, and leave nothing", async () => {
      const text = documentedLines("docs/ci.md", "GitLab").replaceAll("registry.example.com", registry);
      const local = "include:\n  - local: deploy/ci/gitlab.yml\n\n";
      const files = {
        ".gitlab-ci.yml": text.replace(/^include:[\s\S]*?\n\n/u, local),
        "deploy/ci/gitlab.yml": template,
      };
      const all: Environment = { ...project(), ...signing(), DIGEST: other };
      const { HOME, TMPDIR, ...variablesOfProject } = all;
      const { code, stdout, stderr } = await runGitlabPipeline(scope, files, { HOME, TMPDIR }, variablesOfProject);
      assert.equal(code, 0, stdout + stderr);
      assert.match(stdout, new RegExp(`^deploy .* deploy ${registry}/team/app@${other}$`, "mu"));
      assertDiscreet(stdout + stderr);
    });

    for (const shell of [["dash"], ["busybox", "sh"]] as const) {
      it(`signs, verifies and hands over the digest, in ${shell.join(" ")}`, async () => {
        const sign = await runGitlabJob(scope, pipeline(), "sign", {
          shell,
          env: { ...project(), ...signing(), DIGEST: other },
        });
        assert.equal(sign.code, 0, sign.stderr);
        assertDiscreet(sign.stdout + sign.stderr);
        assert.equal(existsSync(join(runner, ".docker/trust/private")), false);
        // Variables of a project are in all of its jobs.
        const verify = await runGitlabJob(scope, pipeline(), "verify", { shell, env: { ...project(), ...signing() } });
        assert.deepEqual(verify.dotenv, { TAGSEAL_VERIFIED: `${registry}/team/app@${other}` }, verify.stderr);
        const deploy = await runGitlabJob(scope, pipeline(), "deploy", {
          shell,
          env: { ...project(), ...verify.dotenv },
        });
        assert.equal(deploy.stdout, `deploy ${registry}/team/app@${other}\n`);
      });
    }

    it("refuses when the tag was moved", async () => {
      const env = { ...project(), TAGSEAL_IMAGES: "" };
      const moved = {
        ...pipeline(),
        moved: { extends: ".tagseal-verify", variables: { TAGSEAL_IMAGES: `${registry}/team/app:1.0@${other}` } },
      };
      const { code, stderr, dotenv } = await runGitlabJob(scope, moved, "moved", { ...dash, env });
      assert.equal(code, 3);
      assert.match(stderr, /\[TAG_DIGEST_MISMATCH\]/u);
      assert.deepEqual(dotenv, {});
    });

    it("installs nothing that has another sum, and needs every variable", async () => {
      const env = { ...project(), TAGSEAL_SHA256: "0".repeat(64) };
      const changed = await runGitlabJob(scope, pipeline(), "verify", { ...dash, env });
      assert.notEqual(changed.code, 0);
      assert.deepEqual(changed.dotenv, {});
      for (const name of ["TAGSEAL_VERSION", "TAGSEAL_SHA256", "TAGSEAL_DOWNLOAD_URL", "DOCKER_CONTENT_TRUST_SERVER"]) {
        const { code, stderr } = await runGitlabJob(scope, pipeline(), "verify", {
          ...dash,
          env: { ...project(), [name]: "" },
        });
        assert.ok(code !== 0 && stderr.includes(name), stderr);
      }
      const unsigned = await runGitlabJob(scope, pipeline(), "sign", { ...dash, env: { ...project(), DIGEST: other } });
      assert.match(unsigned.stderr, /TAGSEAL_SIGNING_KEY/u);
      const nothing = { ...pipeline(), nothing: { extends: ".tagseal-verify", variables: { TAGSEAL_IMAGES: " " } } };
      const { code, stderr } = await runGitlabJob(scope, nothing, "nothing", { ...dash, env: project() });
      assert.deepEqual([code, /TAGSEAL_IMAGES names no image/u.test(stderr)], [1, true]);
    });

    it("does not print a signing key that is no file", async () => {
      const env = { ...project(), ...signing(), TAGSEAL_SIGNING_KEY: secrets.TAGSEAL_SIGNING_KEY, DIGEST: other };
      const { code, stdout, stderr } = await runGitlabJob(scope, pipeline(), "sign", { ...dash, env });
      assert.equal(code, 1);
      assert.match(stderr, /TAGSEAL_SIGNING_KEY is not a variable of type file/u);
      assertDiscreet(stdout + stderr);
    });

    it("leaves the script of a job the settings of its shell", async () => {
      const jobs = {
        ...pipeline(),
        job: { extends: ".tagseal", variables: { TAGSEAL_SHIM: "false" }, script: ['echo "$NOT_SET." *.tagseal'] },
      };
      const { stdout } = await runGitlabJob(scope, jobs, "job", { ...dash, env: project() });
      assert.match(stdout, /^\. \*\.tagseal$/mu);
      const signs = pipeline()[".tagseal-sign"]?.script ?? [];
      const both = {
        ...pipeline(),
        job: { ...pipeline()["sign"], script: ["umask", ...signs, "umask; echo s*"] },
      };
      const env = { ...project(), ...signing(), DIGEST: other };
      const after = await runGitlabJob(scope, both, "job", { ...dash, env });
      assert.match(after.stdout, /^(\d+)\n[\s\S]*^\1\nscript$/mu, after.stderr);
    });

    it("puts docker under content trust in jobs that extend .tagseal", async () => {
      const jobs = { ...pipeline(), job: { extends: ".tagseal", script: ["docker buildx bake"] } };
      const { stdout, stderr } = await runGitlabJob(scope, jobs, "job", {
        ...dash,
        env: { ...project(), ...signing() },
      });
      assert.match(stdout, /^Content trust is enforced here\.$/mu);
      assert.match(stderr, /\[COMMAND_NOT_COVERED\]/u);
    });
  });
});
