/** The Helm chart of the gateway: what it makes is valid, confined and connected, and its arguments start a gateway. */
import assert from "node:assert/strict";
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { after, before, describe, it } from "node:test";
import { hashSync } from "bcryptjs";
import { checkTypes, renderChart, unpackTool, type Manifest } from "../support/deploy-tools.ts";
import { ask } from "../support/https-request.ts";
import {
  assertConnected,
  assertRestricted,
  assertWatched,
  workloads,
  type Workload,
} from "../support/manifest-rules.ts";
import {
  certificates,
  freePort,
  missingPeers,
  portAnswers,
  run,
  runOk,
  Scope,
  tagsealCommand,
} from "../support/peers.ts";

const chart = resolve(import.meta.dirname, "../../deploy/helm/tagseal-gateway");

const set = (...values: readonly string[]): string[] => values.flatMap((value) => ["--set", value]);

const replicas = set("replicas=3", "database.secretName=gateway-database");
const everything = [
  ...set("htpasswd.secretName=passwords", "logins.secretName=logins", "registry=registry.example.com"),
  ...set("upstreams[0]=docker.io", "passThrough[0]=registry.example.com", "trustedProxies[0]=10.0.0.0/8"),
  ...set("trustAuthorities[0].host=trust.example.com:4443", "trustAuthorities[0].configMapName=trust-ca"),
  ...set("blobCache.enabled=true", "serviceMonitor.enabled=true", "serviceMonitor.labels.release=monitoring"),
  ...set("networkPolicy.egress[0].ports[0].port=443", "nodeSelector.disk=ssd", "extraArgs[0]=--htpasswd-realm=pulls"),
];

const variants: readonly (readonly [string, readonly string[]])[] = [
  ["its defaults", []],
  ["without TLS", set("tls.enabled=false")],
  ["a database and replicas", replicas],
  ["everything, on a volume", everything],
  ["everything, with replicas", [...everything, ...replicas]],
  ["a volume that is there already", set("persistence.existingClaim=old", "networkPolicy.enabled=false")],
];

describe("the Helm chart of the gateway", { skip: missingPeers(["deploy tools", "openssl"]) }, () => {
  const scope = new Scope("gateway-chart");
  const env = { HOME: scope.directory };
  let helm: string;
  before(async () => {
    helm = await unpackTool(scope, "helm");
  });
  after(async () => await scope.close());

  const rendered = async (values: readonly string[]): Promise<Manifest[]> => await renderChart(helm, chart, values);

  async function gatewayIn(values: readonly string[]): Promise<Workload> {
    const [gateway] = workloads(await rendered(values));
    assert.ok(gateway);
    return gateway;
  }

  it("passes helm's own lint", async () => {
    await runOk(helm, ["lint", "--strict", chart], { env });
    await runOk(helm, ["lint", "--strict", chart, ...everything], { env });
  });

  for (const [what, values] of variants) {
    it(`I10: makes objects that Kubernetes knows, confined and connected: ${what}`, async () => {
      const manifests = await rendered(values);
      await checkTypes(scope, manifests);
      assertConnected(manifests);
      assertWatched(manifests);
      const [gateway, ...others] = workloads(manifests);
      assert.ok(gateway);
      assert.deepEqual(others, []);
      assertRestricted(gateway);
    });
  }

  it("lets replicas share a database, one away at a time; a gateway with files is alone on its volume", async () => {
    const { kind, spec } = await gatewayIn(replicas);
    assert.deepEqual([kind, spec.replicas], ["Deployment", 3]);
    const [{ args, env: variables = [] }] = spec.template.spec.containers;
    assert.ok(!args.includes("--data"));
    assert.ok(variables.some(({ name }) => name === "TAGSEAL_GATEWAY_DATABASE_FILE"));
    assert.ok((await rendered(replicas)).some(({ kind: made }) => made === "PodDisruptionBudget"));
    const alone = await gatewayIn([]);
    assert.deepEqual([alone.kind, alone.spec.replicas, alone.spec.volumeClaimTemplates?.length], ["StatefulSet", 1, 1]);
  });

  it("passes pushes on where the values say so", async () => {
    const values = set("registry=r.example.com", "passThrough[0]=r.example.com", "pushes=true");
    const [{ args }] = (await gatewayIn(values)).spec.template.spec.containers;
    assert.match(args.join(" "), /--registry r\.example\.com --pass-through r\.example\.com --pushes /u);
  });

  it("restarts pods when the policy changes", async () => {
    const checksum = async (values: readonly string[]): Promise<unknown> =>
      (await gatewayIn(values)).spec.template.metadata.annotations?.["checksum/settings"];
    assert.notEqual(await checksum([]), await checksum(["--set-json", 'policy="{}"']));
  });

  for (const [what, value, message] of [
    ["replicas without a database", "replicas=2", /database\/secretName/u],
    ["a volume beside a database", "persistence.existingClaim=a,database.secretName=db", /persistence\/existingClaim/u],
    ["a secret in place of its name", "htpasswd.value=secret", /additional properties 'value' not allowed/u],
    ["a digest that is none", "image.digest=latest", /image\/digest/u],
    ["pushes to no registry", "pushes=true,passThrough[0]=r.example.com", /registry/u],
    ["a size that is none", "blobCache.size=much", /blobCache\/size/u],
    ["a host that leads out of its directory", "trustAuthorities[0].host=../x", /trustAuthorities\/0/u],
  ] as const) {
    it(`I9: refuses ${what}`, async () => {
      const refused = await run(helm, ["template", "tagseal-gateway", chart, "--set", value], { env });
      assert.notEqual(refused.code, 0);
      assert.match(refused.stderr, message);
    });
  }

  it("starts a gateway that is ready, asks for a login, and keeps blobs", async () => {
    const values = [...set("htpasswd.secretName=passwords", "blobCache.enabled=true", "upstreams[0]=docker.io")];
    const [{ args, ...container }] = (await gatewayIn(values)).spec.template.spec.containers;
    const inside = (path: string): string => scope.path(path.slice(1));
    const { ca, serverCertificate, serverKey } = await certificates(scope);
    for (const directory of ["run/tagseal/tls", "run/tagseal/htpasswd", "var/lib", "var/cache"])
      mkdirSync(scope.path(directory), { recursive: true });
    cpSync(serverCertificate, inside("/run/tagseal/tls/tls.crt"));
    cpSync(serverKey, inside("/run/tagseal/tls/tls.key"));
    writeFileSync(inside("/run/tagseal/htpasswd/htpasswd"), `ann:${hashSync("a password", 4)}\n`);
    const port = await freePort();
    const line = args.map((arg) =>
      arg.startsWith("/") ? inside(arg) : arg.replace("0.0.0.0:5443", `127.0.0.1:${port}`),
    );
    await scope.start("gateway", tagsealCommand, line, { env, ready: () => portAnswers(port) });
    const statusOf = async (path = ""): Promise<number> =>
      (await ask(ca, "GET", `https://localhost:${port}${path}`)).status;
    for (const probe of ["startupProbe", "livenessProbe", "readinessProbe"] as const)
      assert.equal(await statusOf(container[probe]?.httpGet?.path), 200, probe);
    assert.equal(await statusOf("/v2/"), 401);
    assert.match(line.join(" "), /--blob-cache \S+\/var\/cache\/tagseal --blob-cache-size 8GB/u);
  });
});
