/** podman, skopeo and buildah behind a gateway, with the settings that `gateway configure` writes for them and for CRI-O, which reads the same file. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { globSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { refusedImages } from "../support/gateway-cases.ts";
import { gatewayEngineStory } from "../support/gateway-engine-story.ts";
import { layoutBlobs } from "../support/images.ts";
import { missingPeers, runOk, Scope, tagsealCommand, type Finished } from "../support/peers.ts";
import { podmanEnvironment } from "../support/podman.ts";
import type { Environment } from "../support/processes.ts";

/** A program and its arguments. */
type Attempt = readonly [string, ...string[]];

const settings = "/etc/containers/registries.conf.d/999-tagseal-gateway.conf";

const skip = missingPeers(["podman", "skopeo", "buildah", "openssl", "machine"]);

describe("podman, skopeo and buildah behind a gateway", { skip }, () => {
  const scope = new Scope("gwp");
  const story = gatewayEngineStory(scope);
  let env: Environment;

  before(() => {
    env = { ...podmanEnvironment(scope, []), HOME: scope.directory, CONTAINERS_REGISTRIES_CONF: undefined };
  });
  after(async () => await scope.close());

  /** Runs one of the tools with what is configured on the machine. */
  async function tool([program, ...args]: Attempt): Promise<Finished> {
    const flags = program === "skopeo" ? ["--insecure-policy"] : [];
    return await story.run([program, ...flags, ...args], env);
  }

  const tried = (attempts: readonly Attempt[]): (() => Promise<Finished>)[] =>
    attempts.map((each) => async () => await tool(each));

  async function ok(...command: Attempt): Promise<string> {
    const { code, stdout, stderr } = await tool(command);
    assert.equal(code, 0, `${command.join(" ")}: ${stderr}`);
    return stdout;
  }

  it("I9: do not pull before they know the authority of the gateway's certificate, and do with what is configured", async () => {
    const image = story.byRegistry("team/app:v1");
    const attempts = [
      ["podman", "pull", image],
      ["buildah", "pull", image],
      ["skopeo", "inspect", "--no-tags", `docker://${image}`],
    ] as const;
    await story.configure("podman");
    const certificates = story.machine.path(`/etc/containers/certs.d/${story.host}`);
    renameSync(certificates, `${certificates}.kept`);
    for (const text of await story.refusals(image, ...tried(attempts)))
      assert.match(text, /certificate signed by unknown authority/u);
    renameSync(`${certificates}.kept`, certificates);
    for (const [program, ...args] of attempts) await ok(program, ...args);
    await ok("podman", "rmi", "-f", image);
  });

  it("pull what was signed after the registry's tags were moved, byte for byte", async () => {
    const copies = { direct: scope.path("direct"), through: scope.path("through") };
    const repository = story.byRegistry("team/multi");
    const asked = await story.asked(async () => {
      await ok("skopeo", "copy", "--all", "--preserve-digests", `docker://${repository}:v1`, `oci:${copies.through}`);
    });
    assert.deepEqual(
      asked.filter((line) => line.includes("/manifests/v1")),
      [],
    );
    const direct = [`docker://${repository}@${story.multi}`, `oci:${copies.direct}`];
    await runOk("skopeo", [
      "--insecure-policy",
      "copy",
      "--all",
      "--preserve-digests",
      "--src-tls-verify=false",
      ...direct,
    ]);
    assert.deepEqual(layoutBlobs(copies.through), layoutBlobs(copies.direct));
    story.assertHeld("team/multi", layoutBlobs(copies.through));
    for (const [program, name] of [
      ["podman", "team/app"],
      ["buildah", "team/app"],
      ["podman", "team/multi"],
      ["buildah", "team/multi"],
    ] as const) {
      const image = story.byRegistry(`${name}:v1`);
      await ok(program, "pull", image);
      const inspected = await ok("podman", "image", "inspect", "--format", "{{.RepoDigests}}", image);
      assert.ok(inspected.includes(name === "team/multi" ? story.multi : story.single), inspected);
      const stored = scope.path(`stored-${program}-${name.replace("/", "-")}`);
      await ok("skopeo", "copy", `containers-storage:${image}`, `dir:${stored}`);
      const files = globSync(`${stored}/*`).map((path) => readFileSync(path));
      const held = new Map(files.map((bytes) => [createHash("sha256").update(bytes).digest("hex"), bytes]));
      story.assertHeld(name, held, "contents");
      await ok("podman", "rmi", "-f", image);
    }
  });

  for (const [name, row] of Object.entries(refusedImages)) {
    it(`I9: are refused an image that is ${name}, and nothing of it is fetched`, async () => {
      const refused = story.refused(row);
      const attempts = [
        ["podman", "pull", refused],
        ["skopeo", "inspect", "--no-tags", `docker://${refused}`],
        ["buildah", "from", refused],
      ] as const;
      for (const text of await story.refusals(refused, ...tried(attempts))) {
        if (row.status === undefined) assert.match(text, /denied: /u);
        assert.match(text, row.words);
      }
    });
  }

  it("I9: are refused an unsigned image however they fetch it", async () => {
    const image = story.byRegistry("team/app:raw");
    const context = scope.path("context");
    mkdirSync(context, { recursive: true });
    writeFileSync(join(context, "Containerfile"), `FROM ${image}\n`);
    const attempts: Attempt[] = [
      ["podman", "run", "--rm", image],
      ["podman", "build", context],
      ["buildah", "build", context],
      ["skopeo", "copy", `docker://${image}`, `oci:${scope.path("copy")}`],
    ];
    for (const text of await story.refusals(image, ...tried(attempts))) assert.match(text, /No valid trust data/u);
  });

  it("I9: doctor shows that podman obeys the gateway, and that it goes past one that is only a mirror", async () => {
    const probe = ["--gateway", story.url.origin, "--engine", "podman", "--registry", story.story.registry.host];
    const doctor = async (): Promise<Finished> => await story.run([tagsealCommand, "doctor", ...probe], env);
    const obeyed = await doctor();
    assert.equal(obeyed.code, 0, obeyed.stdout + obeyed.stderr);
    assert.match(obeyed.stdout, /^The gateway refuses, and podman obeys\.$/mu);
    rmSync(story.machine.path(settings));
    const mirror = story.machine.path("/etc/containers/registries.conf.d/mirror.conf");
    const place = story.byGateway("").slice(0, -1);
    writeFileSync(
      mirror,
      `[[registry]]\nlocation = "${story.story.registry.host}"\ninsecure = true\n[[registry.mirror]]\nlocation = "${place}"\n`,
    );
    const past = await doctor();
    rmSync(mirror);
    assert.equal(past.code, 1, past.stdout);
    assert.match(past.stdout, /^problem {2}podman asks for .* past the gateway: /mu);
    assert.match(past.stdout, /tagseal gateway configure podman --gateway https:.* --write/u);
  });

  it("I9: do not go past a gateway that does not answer", async () => {
    const image = story.byRegistry("team/app:v1");
    await story.configure("crio", { gateway: story.nowhere });
    const attempts = [
      ["podman", "pull", image],
      ["buildah", "pull", image],
      ["skopeo", "inspect", "--no-tags", `docker://${image}`],
    ] as const;
    for (const text of await story.refusals(image, ...tried(attempts)))
      assert.match(text, /gateway\.example\.com:9.*connection refused/u);
  });
});
