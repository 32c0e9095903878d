/** The Helm chart and the plain manifests: what they make is valid, confined and connected, and its configuration starts a server. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { after, before, describe, it } from "node:test";
import { certificates, freePort, missingPeers, readText, run, runOk, Scope, tagsealCommand } from "../support/peers.ts";
import {
  checkTypes,
  parseManifests,
  parseYaml,
  renderChart,
  unpackTool,
  type Manifest,
} from "../support/deploy-tools.ts";
import { ask } from "../support/https-request.ts";
import {
  assertConnected,
  assertRestricted,
  assertWatched,
  settingsOf,
  workloads,
  type Workload,
  type PodSpec,
} from "../support/manifest-rules.ts";

const root = resolve(import.meta.dirname, "../..");
const chart = join(root, "deploy/helm/tagseal");
const replicated = ["--values", join(root, "deploy/helm/replicated.yaml")];

const set = (...values: readonly string[]): string[] => values.flatMap((value) => ["--set", value]);

/** Everything that can be turned on. */
const everything = [
  ...replicated,
  ...set("ingress.enabled=true", "serviceMonitor.enabled=true", "networkPolicy.egress[0].ports[0].port=5432"),
  ...set("prometheusRule.enabled=true", "prometheusRule.labels.release=monitoring"),
  ...set("config.auth.anonymous_pull=true", "config.auth.htpasswd=/run/files/htpasswd", "podLabels.team=platform"),
  ...set("extraVolumes[0].name=files", "extraVolumes[0].secret.secretName=files"),
  ...set("extraVolumeMounts[0].name=files", "extraVolumeMounts[0].mountPath=/run/files"),
  ...set("extraVolumeMounts[0].readOnly=true"),
  ...set("extraEnv[0].name=TAGSEAL_SERVER_LOGGING_LEVEL", "extraEnv[0].value=debug"),
];

const digest = `sha256:${"a".repeat(64)}`;
const prometheus = { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "monitoring" } } };
const hosts = [
  { host: "trust.example.com", tlsSecretName: "trust-example-com" },
  { host: "trust.example.org", tlsSecretName: "trust-example-org" },
];

/** Numbers, names and addresses of a user's cluster. */
const scaled = [
  ...replicated,
  ...set("autoscaling.enabled=true", "autoscaling.maxReplicas=9", "ingress.enabled=true", `image.digest=${digest}`),
  "--set-json",
  `ingress.hosts=${JSON.stringify(hosts)}`,
];

const scraped = [
  ...replicated,
  ...set("signer.metrics.enabled=true", "serviceMonitor.enabled=true", "serviceMonitor.labels.release=monitoring"),
  "--set-json",
  `networkPolicy.monitoring=${JSON.stringify([prometheus])}`,
  "--set-json",
  'networkPolicy.from=[{"podSelector":{}}]',
];

const claims = set(
  "persistence.existingClaim=old-trust",
  "signer.enabled=true",
  "signer.persistence.existingClaim=old-keys",
);

const variants: readonly (readonly [string, readonly string[]])[] = [
  ["its defaults", []],
  ["without TLS on the server", ["--set", "tls.enabled=false"]],
  ["an embedded server and a signer", ["--set", "signer.enabled=true"]],
  ["a database and replicas", replicated],
  ["everything", everything],
  ["an autoscaler, several hosts and a digest", scaled],
  ["a signer that is scraped", scraped],
  ["volumes that are there already", claims],
  ["next to nothing", ["--set", "networkPolicy.enabled=false", "--set", "nameOverride=trust"]],
];

describe("the Helm chart", { skip: missingPeers(["deploy tools", "openssl"]) }, () => {
  const scope = new Scope("helm");
  let helm: string;

  before(async () => {
    helm = await unpackTool(scope, "helm");
  });
  after(async () => await scope.close());

  const env = { HOME: scope.directory };
  const rendered = async (values: readonly string[]): Promise<Manifest[]> => await renderChart(helm, chart, values);

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
      for (const workload of workloads(manifests)) {
        assertRestricted(workload);
        settingsOf(workload, manifests);
      }
    });
  }

  it("sets what the values say: replicas share a database and ask a signer", async () => {
    const manifests = await rendered(everything);
    const [server, signer] = workloads(manifests).map((workload) => settingsOf(workload, manifests));
    assert.deepEqual(
      workloads(manifests).map(({ kind, spec }) => [kind, spec.replicas]),
      [
        ["Deployment", 2],
        ["Deployment", 2],
      ],
    );
    assert.equal(server?.settings.text("trust_service.type"), "remote");
    assert.equal(server.settings.text("trust_service.hostname"), "tagseal-signer");
    assert.equal(server.settings.text("auth.htpasswd"), "/run/files/htpasswd");
    assert.equal(server.settings.text("server.data_directory"), undefined);
    assert.equal(signer?.settings.text("server.client_ca_file"), "/run/tagseal/tls/ca.crt");
    assert.ok(
      !server.secrets.some((name) => name.includes("passphrase")),
      "a server with a signer holds no passphrase",
    );
    const kinds = manifests.map(({ kind }) => kind);
    for (const kind of ["Ingress", "ServiceMonitor", "PodDisruptionBudget", "NetworkPolicy"])
      assert.ok(kinds.includes(kind), kind);
  });

  it("gives Prometheus the alerts of files/alerts.yaml", async () => {
    const rule = (await rendered(everything)).find(({ kind }) => kind === "PrometheusRule");
    assert.equal(rule?.metadata.labels?.["release"], "monitoring");
    assert.deepEqual(rule["spec"], parseYaml(readText(join(chart, "files/alerts.yaml"))));
  });

  const podsOf = async (values: readonly string[]): Promise<PodSpec[]> =>
    workloads(await rendered(values)).map(({ spec }) => spec.template.spec);

  it("lets only its group read a secret in a pod", async () => {
    const volumes = (await podsOf(everything)).flatMap((pod) => pod.volumes);
    const modes = volumes.flatMap(({ secret }) =>
      secret === undefined || secret.secretName === "files" ? [] : [secret.defaultMode],
    );
    assert.deepEqual([...new Set(modes)], [0o440]);
  });

  it("runs the image with a digest, whatever its tag says", async () => {
    for (const [{ image }] of (await podsOf([...scaled, ...set("image.tag=old")])).map((pod) => pod.containers))
      assert.equal(image, `tagseal@${digest}`);
  });

  it("puts server and signer on volumes that are there already, and makes none", async () => {
    const found = workloads(await rendered(claims));
    const claimed = found
      .flatMap(({ spec }) => spec.template.spec.volumes)
      .map((volume) => volume.persistentVolumeClaim);
    assert.deepEqual(
      claimed.filter((claim) => claim !== undefined),
      [{ claimName: "old-trust" }, { claimName: "old-keys" }],
    );
    for (const { kind, spec } of found)
      assert.deepEqual([kind, spec.replicas, spec.volumeClaimTemplates], ["StatefulSet", 1, undefined]);
  });

  it("leaves the number of servers to an autoscaler, and takes one away at a time", async () => {
    const manifests = await rendered([...scaled, "--set", "replicas=1"]);
    const scaler = manifests.find(({ kind }) => kind === "HorizontalPodAutoscaler");
    assert.ok(scaler);
    const { minReplicas, maxReplicas } = scaler["spec"] as Record<string, number>;
    assert.deepEqual([minReplicas, maxReplicas], [2, 9]);
    assert.deepEqual(
      workloads(manifests).map(({ spec }) => spec.replicas),
      [undefined, 2],
    );
    const budgets = manifests.filter(({ kind }) => kind === "PodDisruptionBudget").map(({ metadata }) => metadata.name);
    assert.deepEqual(budgets.toSorted(), ["tagseal", "tagseal-signer"]);
  });

  it("answers under each host with its certificate", async () => {
    const ingress = (await rendered(scaled)).find(({ kind }) => kind === "Ingress");
    assert.ok(ingress);
    const { tls, rules } = ingress["spec"] as { readonly tls: unknown; readonly rules: readonly { host: string }[] };
    assert.deepEqual(
      tls,
      hosts.map(({ host, tlsSecretName }) => ({ hosts: [host], secretName: tlsSecretName })),
    );
    assert.deepEqual(
      rules.map(({ host }) => host),
      hosts.map(({ host }) => host),
    );
  });

  it("puts signers where the values say, and where the servers are when they say nothing", async () => {
    const everywhere = ["nodeSelector.disk=ssd", "priorityClassName=high", "tolerations[0].key=trust"];
    const placed = (pods: readonly PodSpec[]) =>
      pods.map(({ nodeSelector, priorityClassName, tolerations, affinity }) => [
        nodeSelector,
        priorityClassName,
        tolerations,
        affinity,
      ]);
    const servers = [{ disk: "ssd" }, "high", [{ key: "trust" }], undefined];
    assert.deepEqual(placed(await podsOf([...replicated, ...set(...everywhere)])), [servers, servers]);
    const own = ["nodeSelector.keys=yes", "priorityClassName=higher", "tolerations[0].key=keys"];
    const values = [...everywhere, ...own.map((value) => `signer.${value}`)];
    const affinity = ["--set-json", 'signer.affinity={"nodeAffinity":{}}'];
    assert.deepEqual(placed(await podsOf([...replicated, ...set(...values), ...affinity])), [
      servers,
      [{ keys: "yes" }, "higher", [{ key: "keys" }], { nodeAffinity: {} }],
    ]);
  });

  it("opens the signer's metrics only to its probes and to Prometheus", async () => {
    const manifests = await rendered(scraped);
    const signer = workloads(manifests).find(({ metadata }) => metadata.name === "tagseal-signer");
    assert.ok(signer !== undefined);
    assert.equal(settingsOf(signer, manifests).settings.text("metrics.http_addr"), "0.0.0.0:9464");
    const [{ startupProbe, livenessProbe, readinessProbe }] = signer.spec.template.spec.containers;
    assert.deepEqual(
      [startupProbe, livenessProbe, readinessProbe].map((probe) => probe?.httpGet),
      ["live", "live", "ready"].map((path) => ({ path: `/_tagseal/${path}`, port: "metrics" })),
    );
    const monitors = manifests.filter(({ kind }) => kind === "ServiceMonitor");
    assert.deepEqual(
      monitors.map(({ metadata, spec }) => [metadata.name, (spec as { endpoints: unknown }).endpoints]),
      [
        ["tagseal-signer", [{ path: "/metrics", interval: "30s", port: "metrics", scheme: "http" }]],
        ["tagseal", [{ path: "/metrics", interval: "30s", port: "trust", scheme: "https" }]],
      ],
    );
    const ingressOf = (name: string): unknown => {
      const found = manifests.find(({ kind, metadata }) => kind === "NetworkPolicy" && metadata.name === name);
      assert.ok(found);
      return (found["spec"] as { readonly ingress: readonly unknown[] }).ingress.at(-1);
    };
    assert.deepEqual(ingressOf("tagseal-signer"), { from: [prometheus], ports: [{ port: "metrics" }] });
    assert.deepEqual(ingressOf("tagseal"), { from: [prometheus], ports: [{ port: "trust" }] });
  });

  it("restarts pods when their settings change", async () => {
    const checksum = async (values: readonly string[]): Promise<unknown> => {
      const metadata = workloads(await rendered(values))[0]?.spec.template.metadata;
      return metadata?.annotations?.["checksum/settings"];
    };
    assert.notEqual(await checksum([]), await checksum(["--set", "config.retention.days=7"]));
  });

  for (const [what, value, message] of [
    ["replicas without a database", "replicas=2", /database\/secretName/u],
    ["signers without a database", "signer.replicas=2", /signer\/database\/secretName/u],
    ["an autoscaler without a database", "autoscaling.enabled=true", /database\/secretName/u],
    [
      "an autoscaler that nothing tells how busy a server is",
      "autoscaling.enabled=true,database.secretName=db,resources.requests=null",
      /requests/u,
    ],
    [
      "an autoscaler whose least is more than its most",
      "autoscaling.enabled=true,database.secretName=db,autoscaling.minReplicas=9",
      /autoscaling.minReplicas is more than autoscaling.maxReplicas/u,
    ],
    ["a volume beside a database", "persistence.existingClaim=a,database.secretName=db", /database\/secretName/u],
    [
      "a signer's volume beside a database",
      "signer.persistence.existingClaim=a,signer.database.secretName=db",
      /database\/secretName/u,
    ],
    ["numbers of a signer that is not there", "signer.metrics.enabled=true", /signer\/enabled/u],
    ["a digest that is none", "image.digest=latest", /image\/digest/u],
    ["a host without a certificate", "ingress.hosts[0].host=a.example", /tlsSecretName/u],
    ["no host", "ingress.hosts=null,ingress.enabled=true", /hosts/u],
    ["one host as a text", "ingress.host=a.example", /additional properties 'host' not allowed/u],
    ["a misspelt value", "tsl.enabled=false", /additional properties 'tsl' not allowed/u],
    ["a secret in place of its name", "passphrase.value=secret", /additional properties 'value' not allowed/u],
  ] as const) {
    it(`I9: refuses ${what}`, async () => {
      const refused = await run(helm, ["template", "tagseal", chart, "--set", value], { env });
      assert.notEqual(refused.code, 0);
      assert.match(refused.stderr, message);
    });
  }

  it("names in its notes each secret the pods wait for", async () => {
    const args = ["install", "tagseal", chart, "--dry-run=client", "--namespace", "tagseal", ...replicated];
    const { stdout } = await runOk(helm, args, { env });
    const notes = stdout.slice(stdout.indexOf("NOTES:"));
    const manifests = await rendered(replicated);
    const secrets = workloads(manifests).flatMap((workload) => settingsOf(workload, manifests).secrets);
    assert.ok(secrets.length >= 5);
    assert.deepEqual(
      secrets.filter((name) => !notes.includes(`  ${name} (`)),
      [],
    );
  });

  /** The chart's objects without what only helm needs. */
  function plain(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(plain);
    if (typeof value !== "object" || value === null) return value;
    const helms = new Set(["helm.sh/chart", "app.kubernetes.io/managed-by", "checksum/settings"]);
    const kept = Object.entries(value).filter(([name]) => !helms.has(name));
    const inner = kept.map(([name, content]) => [name, plain(content)] as const);
    return Object.fromEntries(
      inner.filter(([name, content]) => name !== "annotations" || Object.keys(content as object).length > 0),
    );
  }

  function named(manifests: readonly Manifest[]): Map<string, unknown> {
    return new Map(
      manifests.map((manifest) => [`${manifest.kind} ${manifest.metadata.name}`, plain(manifest)] as const),
    );
  }

  for (const [file, values] of [
    ["embedded", []],
    ["replicated", replicated],
  ] as const) {
    it(`makes what stands in deploy/kubernetes/${file}.yaml`, async () => {
      const written = parseManifests(readText(join(root, "deploy/kubernetes", `${file}.yaml`)));
      const made = await rendered(values);
      assert.deepEqual(named(written), named(made));
      assert.equal(written.length, made.length);
      const comment = readText(join(root, "deploy/kubernetes", `${file}.yaml`)).split("apiVersion", 1)[0] ?? "";
      const secrets = workloads(written).flatMap((workload) => settingsOf(workload, written).secrets);
      assert.deepEqual(
        secrets.filter((name) => !comment.includes(name)),
        [],
        "the comment names the secrets",
      );
    });
  }

  it("puts the manifests into a namespace that Kubernetes itself keeps restricted", () => {
    const [namespace] = parseManifests(readText(join(root, "deploy/kubernetes/namespace.yaml")));
    assert.equal(namespace?.metadata.labels?.["pod-security.kubernetes.io/enforce"], "restricted");
  });

  /** A container's start, with the paths of this test in place of the mounts, and a free port. */
  async function startContainer(workload: Workload, configuration: string): Promise<string> {
    const port = await freePort();
    const here = (text: string): string =>
      text
        .replaceAll(/\/(?:run|etc|var\/lib)\/tagseal/gu, (path) => scope.path(path))
        .replace(":4443", `127.0.0.1:${port}`);
    const { ca, serverCertificate, serverKey } = await certificates(scope);
    const put = (path: string, content: string): void => {
      mkdirSync(scope.path(path, ".."), { recursive: true });
      writeFileSync(scope.path(path), content);
    };
    put("/run/tagseal/tls/tls.crt", readText(serverCertificate));
    put("/run/tagseal/tls/tls.key", readText(serverKey));
    put("/run/tagseal/passphrase/passphrase", "a passphrase from a secret");
    put("/etc/tagseal/server.json", here(configuration));
    const [{ args, env: variables = [] }] = workload.spec.template.spec.containers;
    const url = `https://localhost:${port}`;
    await scope.start("container", tagsealCommand, args.map(here), {
      env: { ...env, ...Object.fromEntries(variables.map(({ name, value = "" }) => [name, here(value)])) },
      ready: async () => (await ask(ca, "GET", `${url}/_tagseal/live`)).status === 200,
    });
    return url;
  }

  it("makes a container that starts, and answers its probes", async () => {
    const manifests = await rendered([]);
    const [workload] = workloads(manifests);
    assert.ok(workload !== undefined);
    const url = await startContainer(workload, settingsOf(workload, manifests).configuration);
    const { ca } = await certificates(scope);
    const [{ startupProbe, livenessProbe, readinessProbe }] = workload.spec.template.spec.containers;
    for (const probe of [startupProbe, livenessProbe, readinessProbe]) {
      assert.equal(probe?.httpGet?.scheme, "HTTPS");
      assert.equal((await ask(ca, "GET", `${url}${probe.httpGet.path}`)).status, 200);
    }
  });
});
