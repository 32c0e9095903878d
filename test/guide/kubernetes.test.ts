/**
 * The operator's guide: its way onto a cluster. kubectl and helm are real, the API they talk to is a stand-in; what arrives there is compared with
 * Kubernetes' own types, and each pod has to find everything it names.
 */
import assert from "node:assert/strict";
import { copyFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { after, before, describe, it } from "node:test";
import { checkTypes, unpackTool, type Manifest } from "../support/deploy-tools.ts";
import { documentedLines } from "../support/documented-lines.ts";
import { startKubernetesApi, type KubernetesApi } from "../support/kubernetes-api.ts";
import { assertConnected, assertRestricted, settingsOf, workloads } from "../support/manifest-rules.ts";
import { certificates, missingPeers, readText, Scope } from "../support/peers.ts";
import { openShell, type Shell } from "../support/shell.ts";

const root = resolve(import.meta.dirname, "../..");

describe("the way onto a cluster", { skip: missingPeers(["deploy tools", "openssl"]) }, () => {
  const scope = new Scope("cluster-guide");
  let shell: Shell;

  before(async () => {
    const tools = [await unpackTool(scope, "kubectl"), await unpackTool(scope, "helm")];
    shell = openShell(scope, [], { PATH: [...tools.map(dirname), process.env["PATH"]].join(":") });
    symlinkSync(join(root, "deploy"), join(shell.directory, "deploy"));
    const { serverCertificate, serverKey } = await certificates(scope);
    copyFileSync(serverCertificate, join(shell.directory, "server.crt"));
    copyFileSync(serverKey, join(shell.directory, "server.key"));
  });
  after(async () => await scope.close());

  /** A cluster with the namespace and the secrets of the guide, and then those lines. */
  async function clusterAfter(lines: string): Promise<KubernetesApi> {
    const api = await startKubernetesApi(scope);
    const env = { KUBECONFIG: api.configuration };
    await shell.run(documentedLines("docs/operations.md", "Helm and Kubernetes", 2), { env });
    await shell.run(lines, { env });
    return api;
  }

  const named = (objects: readonly Manifest[], kind: string, name: string): Manifest => {
    const found = objects.find((object) => object.kind === kind && object.metadata.name === name);
    assert.ok(found !== undefined, `there is a ${kind} ${name}`);
    return found;
  };

  function assertSecrets(objects: readonly Manifest[]): void {
    const member = (secret: string, name: string): string => {
      const { data } = named(objects, "Secret", secret) as unknown as { data: Record<string, string> };
      return Buffer.from(data[name] ?? "", "base64").toString();
    };
    assert.equal(named(objects, "Secret", "tagseal-tls")["type"], "kubernetes.io/tls");
    assert.equal(member("tagseal-tls", "tls.crt"), readText(join(shell.directory, "server.crt")));
    assert.equal(member("tagseal-tls", "tls.key"), readText(join(shell.directory, "server.key")));
    assert.match(member("tagseal-passphrase", "passphrase"), /^[\w+/]{43}=\n$/u);
  }

  /** What the cluster would have to run it. */
  async function assertRunnable(objects: readonly Manifest[]): Promise<void> {
    const { labels } = named(objects, "Namespace", "tagseal").metadata;
    assert.equal(labels?.["pod-security.kubernetes.io/enforce"], "restricted");
    assertSecrets(objects);
    const sent = objects.filter(({ kind }) => kind !== "Secret");
    await checkTypes(scope, sent);
    assertConnected(sent);
    const all = workloads(sent);
    assert.equal(all.length, 1);
    for (const workload of all) {
      assertRestricted(workload);
      for (const secret of settingsOf(workload, sent).secrets) named(objects, "Secret", secret);
      const [{ image }] = workload.spec.template.spec.containers as unknown as [{ image: string }];
      const pushed = documentedLines("docs/operations.md", "Helm and Kubernetes", 1);
      assert.ok(pushed.endsWith(` docker push ${image}\n`), `the guide pushes ${image}`);
    }
  }

  it("is helm's, also to the next release", async () => {
    const install = documentedLines("docs/operations.md", "Helm and Kubernetes", 3);
    const cluster = await clusterAfter(install);
    await assertRunnable(cluster.objects);
    const upgrade = documentedLines("docs/server-backup.md", "Upgrade", 3);
    const { stdout } = await shell.run(upgrade, { env: { KUBECONFIG: cluster.configuration } });
    assert.match(stdout, /^REVISION: 2$/mu);
    await assertRunnable(cluster.objects);
  });

  it("is that of plain manifests", async () => {
    const { objects } = await clusterAfter(documentedLines("docs/operations.md", "Helm and Kubernetes", 4));
    await assertRunnable(objects);
  });

  it("is that of the gateway's chart", async () => {
    const api = await startKubernetesApi(scope);
    for (const [from, to] of [
      ["server.crt", "gateway.crt"],
      ["server.key", "gateway.key"],
    ] as const)
      copyFileSync(join(shell.directory, from), join(shell.directory, to));
    const policy =
      '{ "version": 1, "default": { "require": "reject" }, "rules": { "docker.io": { "firstUse": true } } }\n';
    writeFileSync(join(shell.directory, "policy.json"), policy);
    await shell.run(documentedLines("docs/gateway.md", "Kubernetes"), { env: { KUBECONFIG: api.configuration } });
    const { data } = named(api.objects, "ConfigMap", "tagseal-gateway") as unknown as { data: Record<string, string> };
    assert.deepEqual(data, { "policy.json": policy });
    assert.equal(named(api.objects, "Secret", "tagseal-gateway-tls")["type"], "kubernetes.io/tls");
    const sent = api.objects.filter(({ kind }) => kind !== "Secret");
    await checkTypes(scope, sent);
    assertConnected(sent);
    for (const workload of workloads(sent)) assertRestricted(workload);
    assert.equal(workloads(sent).length, 1);
  });
});
