/** Tagseal in front of podman, whose builds are buildah's: what docker's commands promise under content trust, podman's promise, too. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { signedDigest, trustOff, trustOn } from "../support/docker-words.ts";
import { busyboxContext } from "../support/images.ts";
import {
  client,
  missingPeers,
  run,
  runOk,
  Scope,
  startDockerRegistry,
  startTagsealServer,
  writeIndexLayout,
  type Client,
  type Registry,
} from "../support/peers.ts";
import { podmanEnvironment } from "../support/podman.ts";
import type { Finished } from "../support/processes.ts";

const missing = missingPeers(["podman", "buildah", "docker", "registry", "openssl", "busybox", "skopeo"]);
const inContainer = ["run", "--rm"];

describe("in front of podman", { skip: missing }, () => {
  const scope = new Scope("front-podman");
  let registry: Registry;
  let user: Client;
  let base: string;

  before(async () => {
    const [started, server] = await Promise.all([startDockerRegistry(scope), startTagsealServer(scope)]);
    registry = started;
    const env = { ...podmanEnvironment(scope, [registry.host]), TAGSEAL_ENGINE: "podman" };
    user = client(scope, { server, name: "user", env });
    base = `${registry.host}/podman/base`;
    for (const label of ["one", "two"]) await build(label);
    await podman("tag", "made:one", `${base}:v1`);
    await podman("tag", "made:two", `${base}:unsigned`);
    await podman("push", `${base}:unsigned`);
  });
  after(async () => await scope.close());

  /** The real one, without trust. */
  const podman = (...args: readonly string[]): Promise<Finished> => runOk("podman", args, { env: user.env });
  const trusted = (args: readonly string[], input = ""): Promise<Finished> =>
    user.tagseal(args, { env: trustOn, input });

  async function build(label: string): Promise<void> {
    const context = busyboxContext(scope, label, [`CMD ["/bin/busybox", "echo", "image ${label}"]`]);
    await podman("build", "-q", "-t", `made:${label}`, context);
  }

  async function forget(...images: readonly string[]): Promise<void> {
    await run("podman", ["rmi", "-f", ...images], { env: user.env });
  }

  const has = async (image: string): Promise<boolean> =>
    (await run("podman", ["image", "exists", image], { env: user.env })).code === 0;

  function succeeded(finished: Finished): Finished {
    assert.equal(finished.code, 0, finished.stdout + finished.stderr);
    return finished;
  }

  it("push signs the digest that the registry has, and docker's trust inspect shows it", async () => {
    const { stdout } = succeeded(await trusted(["push", `${base}:v1`]));
    assert.match(stdout, new RegExp(`Successfully signed ${base}:v1\n$`, "u"));
    const served = await runOk("skopeo", [
      "inspect",
      "--tls-verify=false",
      "--format",
      "{{.Digest}}",
      `docker://${base}:v1`,
    ]);
    assert.equal(await signedDigest(user, `${base}:v1`), served.stdout.trim());
  });

  it("push without trust signs nothing", async () => {
    await podman("tag", "made:one", `${registry.host}/podman/plain:v1`);
    const { stdout, stderr } = succeeded(
      await user.tagseal(["push", `${registry.host}/podman/plain:v1`], { env: trustOff }),
    );
    assert.doesNotMatch(stdout + stderr, /sign(?:ed|ing) /iu);
  });

  it("pull fetches the signed digest and gives it its name", async () => {
    await forget(`${base}:v1`);
    const { stdout } = succeeded(await trusted(["pull", `${base}:v1`]));
    assert.match(stdout, new RegExp(`^Pull \\(1 of 1\\): ${base}:v1@sha256:`, "u"));
    assert.ok(await has(`${base}:v1`));
  });

  it("pull of an unsigned tag fetches nothing", async () => {
    await forget(`${base}:unsigned`);
    const finished = await trusted(["pull", `${base}:unsigned`]);
    assert.equal(finished.code, 1);
    assert.match(finished.stderr, /No valid trust data for unsigned/u);
    assert.equal(await has(`${base}:unsigned`), false);
    // nor does a signed one beside it come
    await forget(`${base}:v1`);
    assert.equal((await trusted(["pull", `${base}:v1`, `${base}:unsigned`])).code, 1);
    assert.equal(await has(`${base}:v1`), false);
    succeeded(await trusted(["pull", "--disable-content-trust", `${base}:unsigned`]));
  });

  it("run starts what was signed, whatever the local name means by now", async () => {
    await podman("tag", "made:two", `${base}:v1`);
    assert.equal(succeeded(await trusted([...inContainer, `${base}:v1`])).stdout, "image one\n");
    assert.equal(
      succeeded(await trusted(["run", "--rm", `${base}:v1`, "/bin/busybox", "echo", "--rm"])).stdout,
      "--rm\n",
    );
    assert.equal((await trusted(["run", "--rm", `${base}:v1`, "/bin/busybox", "false"])).code, 1);
  });

  it("run and create refuse what is not signed, although it is here", async () => {
    for (const args of [
      [...inContainer, `${base}:unsigned`],
      ["create", `${base}:unsigned`],
    ]) {
      const finished = await trusted(args);
      assert.notEqual(finished.code, 0);
      assert.match(finished.stderr, /No valid trust data for unsigned/u);
      assert.equal(finished.stdout, "");
    }
    assert.equal(
      succeeded(await trusted(["run", "--rm", "--disable-content-trust", `${base}:unsigned`])).stdout,
      "image two\n",
    );
  });

  it("an image that is mounted is the signed one, and an unsigned one is refused however it is spelled", async () => {
    const copy = (source: string, more = ""): string[] => [
      ...inContainer,
      `--mount=type=image,${source},target=/mounted${more}`,
      `${base}:v1`,
      "/mounted/bin/busybox",
      "echo",
      "mounted",
    ];
    await podman("tag", "made:two", `${base}:v1`);
    await forget(`${base}:v1`);
    assert.equal(succeeded(await trusted(copy(`source=${base}:v1`))).stdout, "mounted\n");
    assert.equal(succeeded(await trusted(copy(`src=${base}:v1`, ",rw=true"))).stdout, "mounted\n");
    for (const source of [
      `source=${base}:unsigned`,
      `src=${base}:unsigned`,
      `"source=${base}:unsigned"`,
      `source=${base}:v1,source=${base}:unsigned`,
    ]) {
      const refused = await trusted(copy(source));
      assert.notEqual(refused.code, 0, source);
      assert.match(refused.stderr, /No valid trust data|may be given once/u, source);
    }
    const second = [...inContainer, "--mount", `type=image,src=${base}:v1,dst=/a`, "--mount"];
    const refused = await trusted([...second, `type=image,src=${base}:unsigned,dst=/b`, `${base}:v1`]);
    assert.match(refused.stderr, /No valid trust data for unsigned/u);
  });

  it("a directory in an image's place is refused, and so is an image that is in no registry", async () => {
    const mounted = (await podman("image", "mount", "made:two")).stdout.trim();
    for (const args of [
      ["run", "--rm", "--rootfs", mounted, "/bin/busybox", "true"],
      ["create", "--rootfs=true", mounted],
    ]) {
      const refused = await trusted(args);
      assert.equal(refused.code === 0, false, args.join(" "));
      assert.match(refused.stderr, /"--rootfs".*\n.*\[COMMAND_NOT_COVERED\]/su);
    }
    await podman("save", "-q", "--format", "oci-archive", "-o", scope.path("two.tar"), "made:two");
    await podman("rmi", "-f", "made:two");
    for (const args of [
      ["pull", `oci-archive:${scope.path("two.tar")}`],
      ["pull", `${base}:v1`, `oci-archive:${scope.path("two.tar")}`],
      ["run", "--rm", `oci-archive:${scope.path("two.tar")}`],
    ]) {
      const refused = await trusted(args);
      assert.notEqual(refused.code, 0, args.join(" "));
      assert.match(refused.stderr, /is not in a registry, so nothing can be signed for it\n/u);
      assert.equal(await has("made:two"), false);
    }
    await podman("load", "-q", "-i", scope.path("two.tar"));
  });

  it("I9: commands that fetch, build or start in other ways are refused, and nothing happens", async () => {
    const file = scope.path("pod.yml");
    const container = `{name: c, image: ${base}:unsigned}`;
    writeFileSync(file, `apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [${container}]}\n`);
    await forget(`${base}:unsigned`);
    for (const args of [
      ["kube", "play", file],
      ["play", "kube", file],
      ["container", "runlabel", "run", `${base}:unsigned`],
      ["auto-update"],
      ["pod", "create", "--infra-image", `${base}:unsigned`],
      ["volume", "create", "--driver", "image", "--opt", `image=${base}:unsigned`],
      ["container", "clone", "c", "d", `${base}:unsigned`],
      ["image", "scp", `x@y::${base}:unsigned`],
    ]) {
      const refused = await trusted(args);
      assert.equal(refused.code, 125, args.join(" "));
      assert.match(refused.stderr, /^content trust does not cover .*\nhint: .*\[COMMAND_NOT_COVERED\]\n$/u);
      assert.equal(await has(`${base}:unsigned`), false, args.join(" "));
    }
  });

  it("build resolves every image that enters it, and refuses an unsigned one in any place", async () => {
    const dockerfile = (lines: readonly string[]): string => {
      const directory = scope.path(`context-${(contexts += 1)}`);
      mkdirSync(directory);
      writeFileSync(join(directory, "Dockerfile"), `${lines.join("\n")}\n`);
      return directory;
    };
    const good = dockerfile([
      `ARG BASE=${base}:v1`,
      `FROM $BASE AS first`,
      'RUN ["/bin/busybox", "echo", "building"]',
      `FROM scratch`,
      `COPY --from=first /bin/busybox /first`,
      `COPY --from=${base}:v1 /bin/busybox /second`,
    ]);
    succeeded(await trusted(["build", "-t", "built:good", good]));
    assert.ok(await has("localhost/built:good"));
    for (const lines of [
      [`FROM ${base}:unsigned`],
      [`FROM ${base}:v1`, `COPY --from=${base}:unsigned /bin/busybox /stolen`],
      [`FROM ${base}:v1 AS one`, `FROM ${base}:unsigned`, "COPY --from=one /bin/busybox /b"],
      [`FROM ${base}:v1`, `RUN --mount=from=${base}:unsigned,target=/m ["/bin/busybox", "true"]`],
    ]) {
      const refused = await trusted(["build", "-t", "built:bad", dockerfile(lines)]);
      assert.notEqual(refused.code, 0, lines.join("\n"));
      assert.match(refused.stderr, /Dockerfile:\d+.*podman\/base:unsigned|podman\/base:unsigned.*Dockerfile:\d+/su);
      assert.equal(await has("localhost/built:bad"), false);
    }
  });
  let contexts = 0;

  it("a multi-architecture index made with podman manifest is pushed and signed whole", async () => {
    const name = `${registry.host}/podman/many:v1`;
    const layout = await writeIndexLayout(scope.path("many"), "many");
    const parts = `${registry.host}/podman/parts:v1`;
    const source = ["--dest-tls-verify=false", `oci:${layout.directory}`, `docker://${parts}`];
    await runOk("skopeo", ["--insecure-policy", "copy", "-q", "--all", ...source]);
    await podman("manifest", "create", "many:list");
    await podman("manifest", "add", "--all", "--tls-verify=false", "many:list", `docker://${parts}`);
    const pushed = succeeded(await trusted(["manifest", "push", "--all", "many:list", `docker://${name}`]));
    assert.match(pushed.stdout, /Successfully signed/u);
    // podman compresses what it pushes, so the digests are those in the registry.
    const raw = (await runOk("skopeo", ["inspect", "--raw", "--tls-verify=false", `docker://${name}`])).stdout;
    assert.equal(await signedDigest(user, name), `sha256:${createHash("sha256").update(raw).digest("hex")}`);
    const { manifests } = JSON.parse(raw) as { manifests: { digest: string; platform: { architecture: string } }[] };
    assert.deepEqual(manifests.map(({ platform }) => platform.architecture).toSorted(), ["amd64", "arm64"]);
    for (const { digest, platform } of manifests) {
      const verified = await user.tagsealOk(["verify", "--platform", `linux/${platform.architecture}`, name]);
      assert.match(verified.stdout, new RegExp(digest, "u"));
    }
  });

  it("everything else is podman's own", async () => {
    assert.equal((await trusted(["--version"])).code, 0);
    assert.equal((await trusted(["images", "-q"])).stdout, (await podman("images", "-q")).stdout);
    assert.equal((await trusted(["no-such-command"])).code, 125, "under trust nobody knows what it does");
    assert.equal((await run("podman", ["no-such-command"], { env: user.env })).code, 125);
  });
});
