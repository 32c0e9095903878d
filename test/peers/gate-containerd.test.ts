/** Today's containerd asks Tagseal about every pull, also those of kubelet: what is refused is not fetched. */
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { CliSandbox } from "../cli/cli-sandbox.ts";
import { startContainerd, type Containerd } from "../support/containerd.ts";
import { findGoPeer } from "../support/go-peers.ts";
import { missingPeers, readText, run, runOk, Scope, tagsealCommand, type Finished } from "../support/peers.ts";

const skip = missingPeers(["containerd 2"]);

describe("containerd with Tagseal as its image verifier", { skip }, () => {
  const stage = CliSandbox.forSuite("containerd-stage");
  const scope = new Scope("gate-containerd");
  const binDir = scope.path("verifiers");
  let containerd: Containerd;
  let app: string;

  before(async () => {
    app = stage.repository();
    await stage.publish(await stage.image("1"), `${app}:v1`, `${app}:stable`);
    await stage.publish(await stage.image("2"), `${app}:v2`);
    await register("v2", "raw");
    await runOk(tagsealCommand, ["gate", "containerd", "--install", "--bin-dir", binDir], { env: stage.stranger() });
    containerd = await startContainerd(scope, { binDir });
  });
  after(async () => await scope.close());

  /** Names in the registry what another tag names there, as a thief of its password can. */
  async function register(tag: string, as: string): Promise<void> {
    const url = `http://${app.replace("/", "/v2/")}/manifests`;
    const accept = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json";
    const found = await fetch(`${url}/${tag}`, { headers: { accept } });
    const headers = { "content-type": found.headers.get("content-type") ?? "" };
    const moved = await fetch(`${url}/${as}`, { method: "PUT", headers, body: await found.arrayBuffer() });
    assert.equal(moved.status, 201);
  }

  async function pull(image: string): Promise<Finished> {
    return await containerd.ctr(["images", "pull", "--local=false", "--plain-http", "--snapshotter", "native", image]);
  }

  async function names(): Promise<string> {
    return (await containerd.ctr(["images", "ls", "-q"])).stdout;
  }

  function refused({ code, stdout, stderr }: Finished, reason: RegExp): void {
    assert.notEqual(code, 0, stdout);
    assert.match(stderr, /image verifier bindir blocked pull of .* verifier tagseal rejected image \(exit code 1\)/su);
    assert.match(stderr, reason);
  }

  it("pulls what is signed, by tag and by digest", async () => {
    const pulled = await pull(`${app}:v1`);
    assert.equal(pulled.code, 0, pulled.stderr);
    const digest = (await stage.ok(["verify", `${app}:v1`])).stdout.trim();
    assert.equal((await pull(`${app}@${digest}`)).code, 0);
    const kubelet = await containerd.crictl(["pull", `${app}:stable`]);
    assert.equal(kubelet.code, 0, kubelet.stderr);
    assert.match(await names(), new RegExp(`${app}:stable`, "u"));
  });

  it("I5: blocks a tag that was moved in the registry, and says why", async () => {
    await stage.publish(await stage.image("1"), `${app}:moving`);
    await register("v2", "moving");
    refused(await pull(`${app}:moving`), /TAG_DIGEST_MISMATCH/u);
    refused(await containerd.crictl(["pull", `${app}:moving`]), /TAG_DIGEST_MISMATCH/u);
    assert.doesNotMatch(await names(), /:moving/u);
  });

  it("I9: blocks what is not signed", async () => {
    refused(await pull(`${app}:raw`), /No valid trust data for raw.*TAG_NOT_SIGNED/su);
    refused(await containerd.crictl(["pull", `${app}:raw`]), /TAG_NOT_SIGNED/u);
    assert.doesNotMatch(await names(), /:raw/u);
  });

  it("I9: blocks when the verifier is killed or cannot be started", async () => {
    const path = join(binDir, "tagseal");
    const aside = scope.path("aside");
    renameSync(path, aside);
    mkdirSync(binDir, { recursive: true });
    for (const script of ["#!/bin/sh\nkill -9 $$\n", "#!/no/such/shell\n"]) {
      writeFileSync(path, script);
      chmodSync(path, 0o755);
      const { code, stderr } = await pull(`${app}:v2`);
      assert.notEqual(code, 0, script);
      assert.match(stderr, /image verifier bindir returned error/u);
    }
    renameSync(aside, path);
    assert.equal((await pull(`${app}:v2`)).code, 0);
  });

  it("is found at work by doctor, and found missing", async () => {
    const peers = dirname(findGoPeer("containerd") ?? "");
    const env = { ...stage.stranger(), DOCKER_HOST: `unix://${scope.path("none.sock")}` };
    const words = ["doctor", "--node", "--json", "--containerd-config", containerd.configuration];
    const healthy = await run(tagsealCommand, words, { env: { ...env, PATH: `${peers}:${process.env["PATH"]}` } });
    assert.match(healthy.stdout, /containerd 2\.\d+\.\d+\S* asks Tagseal/u, healthy.stdout);
    assert.equal(healthy.code, 0, healthy.stdout);
    writeFileSync(containerd.configuration, readText(containerd.configuration).replace(binDir, `${binDir}-gone`));
    const broken = await run(tagsealCommand, words, { env: { ...env, PATH: `${peers}:${process.env["PATH"]}` } });
    assert.match(broken.stdout, /so every image is pulled/u);
    assert.equal(broken.code, 1);
  });

  it("is not asked by Debian's containerd, which is too old for verifiers", async (t) => {
    const { stdout } = await run("/usr/bin/containerd", ["--version"]).catch(() => ({ stdout: "" }));
    if (!/ 1\.\d/u.test(stdout)) return t.skip("this machine has no old containerd");
    const help = await run("/usr/bin/ctr", ["images", "pull", "--help"]);
    assert.doesNotMatch(help.stdout, /--local/u);
  });
});
