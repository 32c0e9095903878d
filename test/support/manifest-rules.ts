/** What has to hold between the objects of a manifest, and in each pod: rules that Kubernetes checks late, or not at all. */
import assert from "node:assert/strict";
import { serverSettings, serverVariables } from "../../src/server/configuration/server-settings.ts";
import { type Settings, readSettings, variableFor } from "../../src/server/configuration/settings.ts";
import type { SettingTable } from "../../src/server/configuration/setting-table.ts";
import { signerSettings, signerVariables } from "../../src/server/configuration/signer-settings.ts";
import type { Manifest } from "./deploy-tools.ts";

interface Mount {
  readonly name: string;
  readonly mountPath: string;
  readonly readOnly?: boolean;
}

interface Volume {
  readonly name: string;
  readonly configMap?: { readonly name: string };
  readonly secret?: { readonly secretName: string; readonly defaultMode: number };
  readonly persistentVolumeClaim?: { readonly claimName: string };
  readonly emptyDir?: { readonly sizeLimit: string };
}

interface Container {
  readonly name: string;
  readonly image: string;
  readonly args: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly securityContext: Readonly<Record<string, unknown>>;
  readonly resources: { readonly limits?: Readonly<Record<string, string>> };
  readonly volumeMounts: readonly Mount[];
  readonly [probe: `${string}Probe`]: {
    readonly httpGet?: { readonly port: string; readonly path: string; readonly scheme: string };
  };
}

/** A pod as a workload describes it. */
export interface PodSpec {
  readonly automountServiceAccountToken: boolean;
  readonly serviceAccountName: string;
  readonly securityContext: Readonly<Record<string, unknown>>;
  readonly containers: readonly [Container];
  readonly volumes: readonly Volume[];
  readonly nodeSelector?: Readonly<Record<string, string>>;
  readonly tolerations?: readonly unknown[];
  readonly affinity?: unknown;
  readonly priorityClassName?: string;
}

/** A Deployment or StatefulSet. */
export interface Workload extends Manifest {
  readonly spec: {
    readonly replicas?: number;
    readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
    readonly template: {
      readonly metadata: {
        readonly labels: Readonly<Record<string, string>>;
        readonly annotations?: Readonly<Record<string, string>>;
      };
      readonly spec: PodSpec;
    };
    readonly volumeClaimTemplates?: readonly Manifest[];
  };
}

/** The server's and the signer's. */
export function workloads(manifests: readonly Manifest[]): Workload[] {
  return manifests.filter((found): found is Workload => found.kind === "Deployment" || found.kind === "StatefulSet");
}

/** Kubernetes' restricted pod security standard, and a root file system that cannot be written. */
export function assertRestricted({ spec }: Workload): void {
  const pod = spec.template.spec;
  const [container] = pod.containers;
  assert.equal(pod.automountServiceAccountToken, false);
  assert.equal(pod.securityContext["runAsNonRoot"], true);
  assert.deepEqual(pod.securityContext["seccompProfile"], { type: "RuntimeDefault" });
  const capabilities = { drop: ["ALL"] };
  const expected = { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities };
  assert.deepEqual(container.securityContext, expected);
  assert.ok(container.resources.limits?.["memory"] !== undefined);
  const writable = container.volumeMounts.filter(({ readOnly }) => readOnly !== true).map(({ mountPath }) => mountPath);
  const claims = pod.volumes.filter(({ persistentVolumeClaim }) => persistentVolumeClaim !== undefined);
  const isOnVolume = spec.volumeClaimTemplates !== undefined || claims.length > 0;
  const bounded = pod.volumes.filter(({ emptyDir }) => emptyDir?.sizeLimit !== undefined).map(({ name }) => name);
  const scratch = container.volumeMounts.filter(({ name }) => bounded.includes(name)).map(({ mountPath }) => mountPath);
  assert.deepEqual(writable, [...(isOnVolume ? ["/var/lib/tagseal"] : []), ...scratch]);
}

function selects(selector: Readonly<Record<string, string>>, labels: Readonly<Record<string, string>>): boolean {
  return Object.entries(selector).every(([name, value]) => labels[name] === value);
}

function portsOf(workload: Workload): string[] {
  return workload.spec.template.spec.containers.flatMap(({ ports }) => ports.map(({ name }) => name));
}

/** Every volume, configuration, port and account that something names is there, and selectors find exactly one workload. */
export function assertConnected(manifests: readonly Manifest[]): void {
  const named = (kind: string, name: string): boolean =>
    manifests.some((manifest) => manifest.kind === kind && manifest.metadata.name === name);
  const all = workloads(manifests);
  for (const { spec } of all) {
    const { labels } = spec.template.metadata;
    assert.ok(selects(spec.selector.matchLabels, labels));
    const pod = spec.template.spec;
    assert.ok(named("ServiceAccount", pod.serviceAccountName));
    const claimed = (spec.volumeClaimTemplates ?? []).map(({ metadata }) => metadata.name);
    const volumes = [...pod.volumes.map(({ name }) => name), ...claimed];
    const [{ volumeMounts, env = [], args, ...container }] = pod.containers;
    assert.deepEqual(volumeMounts.map(({ name }) => name).toSorted(), volumes.toSorted());
    for (const { configMap } of pod.volumes) assert.ok(configMap === undefined || named("ConfigMap", configMap.name));
    const mounted = (path: string): boolean =>
      volumeMounts.some(({ mountPath }) => `${path}/`.startsWith(`${mountPath}/`));
    for (const { value = "" } of env) assert.ok(!value.startsWith("/") || mounted(value), `${value} is mounted`);
    for (const arg of args) assert.ok(!arg.startsWith("/") || mounted(arg), `${arg} is mounted`);
    for (const [name, probe] of Object.entries(container)) {
      if (!name.endsWith("Probe")) continue;
      const { httpGet, tcpSocket } = probe as { httpGet?: { port: string }; tcpSocket?: { port: string } };
      assert.ok(
        container.ports.some((port) => port.name === (httpGet ?? tcpSocket)?.port),
        `${name} names a port`,
      );
    }
  }
  for (const { kind, spec } of manifests) {
    const { selector, ports, podSelector } = (spec ?? {}) as {
      readonly selector?: Readonly<Record<string, unknown>>;
      readonly podSelector?: { readonly matchLabels: Readonly<Record<string, string>> };
      readonly ports?: readonly { readonly targetPort: string }[];
    };
    const labels = (podSelector?.matchLabels ?? selector?.["matchLabels"] ?? selector) as
      | Readonly<Record<string, string>>
      | undefined;
    if (labels === undefined) continue;
    const found = all.filter((workload) => selects(labels, workload.spec.template.metadata.labels));
    assert.equal(found.length, 1, `the selector of a ${kind} finds one workload`);
    for (const { targetPort } of kind === "Service" ? (ports ?? []) : [])
      assert.ok(found.flatMap(portsOf).includes(targetPort));
  }
}

/** What Prometheus is told to scrape is a named port of a service of the same pods; what scales, scales a workload that leaves its number open. */
export function assertWatched(manifests: readonly Manifest[]): void {
  for (const { kind, spec } of manifests) {
    if (kind === "ServiceMonitor") {
      const { selector, endpoints } = spec as {
        readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
        readonly endpoints: readonly { readonly port: string }[];
      };
      const services = manifests.filter(
        (found) => found.kind === "Service" && selects(selector.matchLabels, found.metadata.labels ?? {}),
      );
      assert.equal(services.length, 1);
      const [service] = services;
      assert.ok(service);
      const { ports } = service["spec"] as { readonly ports: readonly { readonly name: string }[] };
      for (const { port } of endpoints)
        assert.ok(
          ports.some(({ name }) => name === port),
          `a service has ${port}`,
        );
    }
    if (kind === "HorizontalPodAutoscaler") {
      const { scaleTargetRef: target } = spec as {
        readonly scaleTargetRef: { readonly kind: string; readonly name: string };
      };
      const scaled = workloads(manifests).find(
        (found) => found.kind === target.kind && found.metadata.name === target.name,
      );
      assert.ok(scaled !== undefined && scaled.spec.replicas === undefined);
    }
  }
}

/** Where a workload's settings come from. */
export interface WorkloadSettings {
  readonly component: "server" | "signer";
  readonly configuration: string;
  /** secrets that must be there, as `name/member` where a member is named */
  readonly secrets: readonly string[];
  readonly settings: Settings;
}

const programs = {
  server: { table: serverSettings, prefixes: serverVariables },
  signer: { table: signerSettings, prefixes: signerVariables },
} as const satisfies Record<string, { table: SettingTable; prefixes: readonly string[] }>;

/** Reads a workload's configuration as the program does, and refuses variables that no setting has. */
export function settingsOf(workload: Workload, manifests: readonly Manifest[]): WorkloadSettings {
  const { containers, volumes } = workload.spec.template.spec;
  const [{ name, env = [] }] = containers;
  const component = name === "signer" ? "signer" : "server";
  const { table, prefixes } = programs[component];
  const configMap = manifests.find(
    (found) => found.kind === "ConfigMap" && found.metadata.name === workload.metadata.name,
  );
  const configuration = (configMap?.["data"] as Record<string, string> | undefined)?.[`${component}.json`] ?? "";
  for (const variable of env) assertKnownVariable(variable.name, table, prefixes[0] ?? "");
  const file = { name: `${component}.json`, directory: "/etc/tagseal", bytes: Buffer.from(configuration) };
  const secrets = volumes.flatMap(({ secret }) => (secret === undefined ? [] : [secret.secretName]));
  return { component, configuration, secrets, settings: readSettings(table, { file, env: {}, prefixes }) };
}

/** Settings by their variables, or files that hold them, and the signer's passphrase. */
export function assertKnownVariable(name: string, table: SettingTable, prefix: string): void {
  if (name === "TAGSEAL_SIGNER_PASSPHRASE_FILE") return;
  const variables = Object.keys(table).map((setting) => `${prefix}${variableFor(setting)}`);
  assert.ok(variables.includes(name) || variables.includes(name.replace(/_FILE$/u, "")), `${name} is a setting's`);
}
