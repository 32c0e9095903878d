/** The policy that Tagseal writes for podman, skopeo and CRI-O, in Debian's podman and skopeo: they take it, and refuse what it cannot check. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { CliSandbox } from "../cli/cli-sandbox.ts";
import { type Registry, startDockerRegistry } from "../support/docker-registry.ts";
import { type StartedCommand, startGatewayCommand } from "../support/gateway-command.ts";
import { missingPeers, run, Scope, type Finished } from "../support/peers.ts";
import { podmanEnvironment } from "../support/podman.ts";
import type { Environment } from "../support/processes.ts";

const skip = missingPeers(["registry", "podman", "skopeo"]);

describe("the policy of policy containers", { skip }, () => {
  const scope = new Scope("policy-containers");
  const stage = CliSandbox.forSuite("policy-containers-trust");
  let registry: Registry;
  let gateway: StartedCommand;
  let gatewayHost: string;
  let podman: Environment;
  let app: string;
  let digest: string;
  let other: string;
  let containersPolicy: string;

  before(async () => {
    registry = await startDockerRegistry(scope);
    gateway = await startGatewayCommand(registry.host, { env: stage.stranger() });
    gatewayHost = new URL(gateway.url ?? "").host;
    podman = podmanEnvironment(scope, [registry.host, gatewayHost]);
    app = `${registry.host}/team/app`;
    const [one, two] = [await stage.image("1"), await stage.image("2")];
    [digest, other] = [one.manifestDigest, two.manifestDigest];
    await stage.publish(one, `${app}:v1`);
    for (const name of [`${app}:v2`, `${registry.host}/open/app:v1`, `${registry.host}/open/secret:v1`])
      await stage.ok(["push", "-q", "--disable-content-trust", "--from", `oci:${two.directory}`, name]);
    const rules = {
      [`${registry.host}/team`]: { firstUse: true },
      [`${registry.host}/open`]: { mode: "skip" },
      [`${registry.host}/open/secret`]: { require: "reject" },
    };
    const ours = scope.path("ours.json");
    writeFileSync(ours, JSON.stringify({ version: 1, default: { require: "reject" }, rules }));
    containersPolicy = scope.path("policy.json");
    await stage.ok([
      "--policy",
      ours,
      "policy",
      "containers",
      `${app}:v1`,
      "--gateway",
      gatewayHost,
      "--out",
      containersPolicy,
    ]);
  });
  after(async () => {
    await gateway.stop();
    await scope.close();
  });

  interface Attempt extends Finished {
    /** what was asked of the registry meanwhile, layers alone */
    readonly blobs: readonly string[];
  }

  async function observed(work: () => Promise<Finished>): Promise<Attempt> {
    const before = registry.process.log().length;
    const finished = await work();
    return {
      ...finished,
      blobs:
        registry.process
          .log()
          .slice(before)
          .match(/"GET \/v2\/\S+\/blobs\/\S+/gu) ?? [],
    };
  }

  async function pull(image: string): Promise<Attempt> {
    return await observed(() =>
      run("podman", ["pull", "-q", "--signature-policy", containersPolicy, image], { env: podman }),
    );
  }

  async function copy(from: string): Promise<Attempt> {
    const to = `dir:${scope.path(stage.fresh("copy"))}`;
    return await observed(() =>
      run("skopeo", ["--policy", containersPolicy, "copy", "-q", "--src-tls-verify=false", from, to]),
    );
  }

  it("lets podman and skopeo take the digest that is signed", async () => {
    const pulled = await pull(`${app}@${digest}`);
    assert.equal(pulled.code, 0, pulled.stderr);
    const copied = await copy(`docker://${app}@${digest}`);
    assert.equal(copied.code, 0, copied.stderr);
  });

  it("I9: makes them refuse every tag that must be signed, other digests, and names without a rule: no layer is fetched", async () => {
    for (const image of [`${app}:v1`, `${app}:v2`, `${app}@${other}`, `${registry.host}/open/secret:v1`]) {
      for (const { code, stderr, blobs } of [await pull(image), await copy(`docker://${image}`)]) {
        assert.notEqual(code, 0, image);
        assert.match(stderr, /rejected by policy/u, image);
        assert.deepEqual(blobs, [], image);
      }
    }
  });

  it("I5: accepts tags through a gateway, which serves what is signed after the registry's tag was moved", async () => {
    const { directory } = await stage.image("2");
    await stage.ok(["push", "-q", "--disable-content-trust", "--from", `oci:${directory}`, `${app}:v1`]);
    const behind = `${gatewayHost}/${registry.host.replace(":", "_")}/team/app`;
    const pulled = await pull(`${behind}:v1`);
    assert.equal(pulled.code, 0, pulled.stderr);
    const { stdout } = await run("podman", ["image", "inspect", "-f", "{{.Digest}}", `${behind}:v1`], { env: podman });
    assert.equal(stdout.trim(), digest);
    const unsigned = await pull(`${behind}:v2`);
    assert.notEqual(unsigned.code, 0);
    assert.match(unsigned.stderr, /No valid trust data for v2/u);
  });

  it("accepts what the rules ask nothing of", async () => {
    assert.equal((await pull(`${registry.host}/open/app:v1`)).code, 0);
  });

  it("keeps out images from other places, unless they are allowed", async () => {
    const { directory } = await stage.image("3");
    assert.match((await copy(`oci:${directory}`)).stderr, /rejected by policy/u);
    await stage.ok(["policy", "containers", "--allow", "oci", "--force", "--out", scope.path("allowing.json")]);
    const line = [
      "--policy",
      scope.path("allowing.json"),
      "copy",
      "-q",
      `oci:${directory}`,
      `dir:${scope.path("out")}`,
    ];
    const allowed = await run("skopeo", line);
    assert.equal(allowed.code, 0, allowed.stderr);
  });

  it("does not stand in the way of what is in podman's storage", async () => {
    const run1 = await run(
      "podman",
      ["push", "-q", "--signature-policy", containersPolicy, `${app}@${digest}`, `${registry.host}/copies/app:v1`],
      { env: podman },
    );
    assert.equal(run1.code, 0, run1.stderr);
  });
});
