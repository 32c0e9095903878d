/**
 * A stand-in for a cluster's API server, where no real one can be had: what kubectl and helm ask of one before they send something (versions, kinds,
 * whether it checks fields), namespaces that have to be there before anything lies in them, and a store for what is sent. It runs no pods and judges
 * no object; tests look at what has arrived.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { writeFileSync } from "node:fs";
import { parseYaml, type Manifest } from "./deploy-tools.ts";
import type { Scope } from "./processes.ts";

/** A running one. */
export interface KubernetesApi {
  /** value for KUBECONFIG */
  readonly configuration: string;
  /** everything that is stored, as it was sent */
  readonly objects: readonly Manifest[];
}

const kinds: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  v1: {
    configmaps: "ConfigMap",
    namespaces: "Namespace",
    secrets: "Secret",
    serviceaccounts: "ServiceAccount",
    services: "Service",
  },
  "apps/v1": { deployments: "Deployment", statefulsets: "StatefulSet" },
  "networking.k8s.io/v1": { networkpolicies: "NetworkPolicy" },
  "policy/v1": { poddisruptionbudgets: "PodDisruptionBudget" },
};

const prefixOf = (groupVersion: string): string => (groupVersion === "v1" ? "api/v1" : `apis/${groupVersion}`);

function resourceList(groupVersion: string): object {
  const verbs = ["create", "get", "list", "patch", "update"];
  const resources = Object.entries(kinds[groupVersion] ?? {}).map(([name, kind]) => {
    return { name, singularName: kind.toLowerCase(), namespaced: kind !== "Namespace", kind, verbs };
  });
  return { kind: "APIResourceList", apiVersion: "v1", groupVersion, resources };
}

/** What kubectl wants to see before it leaves the checking of fields to the server. */
function openApi(groupVersion: string): object {
  const [version = "", group = ""] = groupVersion.split("/").toReversed();
  const parameters = [{ name: "fieldValidation", in: "query", schema: { type: "string" } }];
  const paths = Object.entries(kinds[groupVersion] ?? {}).map(([resource, kind]) => {
    const patch = { parameters, "x-kubernetes-group-version-kind": { group, version, kind }, responses: {} };
    return [`/${prefixOf(groupVersion)}/${resource}/{name}`, { patch }] as const;
  });
  return { openapi: "3.0.0", info: { title: "stand-in", version: "1" }, paths: Object.fromEntries(paths) };
}

/** Answers to questions about the server itself, by path. */
function discovery(): ReadonlyMap<string, object> {
  const groupVersions = Object.keys(kinds);
  const groups = groupVersions.flatMap((groupVersion) => {
    const [name = "", version] = groupVersion.split("/");
    const preferredVersion = { groupVersion, version };
    return version === undefined ? [] : [{ name, versions: [preferredVersion], preferredVersion }];
  });
  const documents = groupVersions.map((groupVersion) => {
    const prefix = prefixOf(groupVersion);
    return [prefix, { serverRelativeURL: `/openapi/v3/${prefix}` }] as const;
  });
  return new Map<string, object>([
    ["/version", { major: "1", minor: "35", gitVersion: "v1.35.0" }],
    ["/api", { kind: "APIVersions", versions: ["v1"] }],
    ["/apis", { kind: "APIGroupList", apiVersion: "v1", groups }],
    ["/openapi/v3", { paths: Object.fromEntries(documents) }],
    ...groupVersions.map((version) => [`/${prefixOf(version)}`, resourceList(version)] as const),
    ...groupVersions.map((version) => [`/openapi/v3/${prefixOf(version)}`, openApi(version)] as const),
  ]);
}

/** Changes members by name, and members of a list by theirs: as much of a strategic merge patch as `kubectl set image` needs. */
function merged(old: unknown, change: unknown): unknown {
  if (Array.isArray(old) && Array.isArray(change)) {
    const byName = (list: readonly { readonly name?: string }[]): Map<unknown, unknown> =>
      new Map(list.map((entry) => [entry.name, entry]));
    const [before, after] = [byName(old as []), byName(change as [])];
    return [...new Set([...before.keys(), ...after.keys()])].map((name) => merged(before.get(name), after.get(name)));
  }
  if (typeof old !== "object" || typeof change !== "object" || old === null || change === null) return change ?? old;
  const both = { ...old, ...change } as Record<string, unknown>;
  // `$setElementOrder/containers` and such tell how to merge
  const names = Object.keys(both).filter((name) => !name.startsWith("$"));
  return Object.fromEntries(
    names.map((name) => [
      name,
      merged((old as Record<string, unknown>)[name], (change as Record<string, unknown>)[name]),
    ]),
  );
}

interface Place {
  readonly resource: string;
  readonly collection: string;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
}

/** `/apis/apps/v1/namespaces/tagseal/statefulsets/tagseal`, or a collection. */
function placeOf(path: string): Place | undefined {
  const pattern =
    /^\/(?<prefix>api\/v1|apis\/[^/]+\/v1)(?:\/namespaces\/(?<namespace>[^/]+)(?=\/[a-z]))?\/(?<resource>[a-z]+)(?:\/(?<name>[^/]+))?$/u;
  const found = pattern.exec(path)?.groups;
  if (found === undefined) return undefined;
  const { prefix = "", namespace, resource = "", name } = found;
  return { collection: `${prefix}/${namespace ?? ""}/${resource}`, resource, namespace, name };
}

class Store {
  readonly objects = new Map<string, Manifest>();

  /** @returns the status and the object, or the reason why there is none */
  answer(method: string, place: Place, body: unknown): [number, Manifest | string] {
    const { collection, namespace } = place;
    const sent = body as Manifest;
    const key = `${collection}/${place.name ?? sent?.metadata?.name}`;
    const there = this.objects.get(key);
    if (method === "GET") return there === undefined ? [404, "NotFound"] : [200, there];
    if (namespace !== undefined && !this.objects.has(`api/v1//namespaces/${namespace}`)) return [404, "NotFound"];
    if (method === "POST" && there !== undefined) return [409, "AlreadyExists"];
    const stored = (method === "PATCH" ? merged(there, sent) : sent) as Manifest;
    const defaults = { uid: key, resourceVersion: "1", ...(namespace !== undefined && { namespace }) };
    this.objects.set(key, { ...stored, metadata: { ...defaults, ...stored.metadata } });
    return [there === undefined ? 201 : 200, this.objects.get(key) ?? stored];
  }

  /** Everything in a collection that has the labels asked for. */
  list({ collection, resource }: Place, question: URLSearchParams): object {
    const wanted = (question.get("labelSelector") ?? "").split(",").flatMap((label) => label || []);
    const isWanted = ({ metadata: { labels = {} } }: Manifest): boolean =>
      wanted.every((label) => Object.entries(labels).some((entry) => entry.join("=") === label));
    const all = [...this.objects].filter(([key]) => key.startsWith(`${collection}/`)).map(([, item]) => item);
    const [kind] = Object.values(kinds).flatMap((some) => some[resource] ?? []);
    return { kind: `${kind}List`, apiVersion: all[0]?.apiVersion ?? "v1", metadata: {}, items: all.filter(isWanted) };
  }
}

/** The fields of a protocol buffer that hold bytes, by their numbers; numbers in between are passed over. */
function bytesIn(message: Buffer): (field: number) => readonly Buffer[] {
  const found: (readonly [number, Buffer])[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = message[(at += 1) - 1] ?? 0;
      value += (byte & 127) * shift;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const [tag, length] = [varint(), varint()];
    if ((tag & 7) === 2) found.push([tag >> 3, message.subarray(at, (at += length))]);
  }
  return (field) => found.flatMap(([number, bytes]) => (number === field ? [bytes] : []));
}

/** kubectl and helm send the secrets that they make themselves as Kubernetes' protocol buffers, behind four bytes that say so. */
function secretIn(body: Buffer): Manifest {
  const [secret = Buffer.alloc(0)] = bytesIn(body.subarray(4))(2);
  const parts = bytesIn(secret);
  const [metadata = Buffer.alloc(0)] = parts(1);
  const text = ([bytes = Buffer.alloc(0)]: readonly Buffer[]): string => bytes.toString();
  const map = (entries: readonly Buffer[], encoding: BufferEncoding): Record<string, string> =>
    Object.fromEntries(
      entries.map((entry) => [text(bytesIn(entry)(1)), bytesIn(entry)(2)[0]?.toString(encoding) ?? ""]),
    );
  const named = bytesIn(metadata);
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: text(named(1)), labels: map(named(11), "utf8") },
    data: map(parts(2), "base64"),
    type: text(parts(3)),
  };
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  if (request.headers["content-type"] === "application/vnd.kubernetes.protobuf") return secretIn(body);
  return body.length === 0 ? undefined : parseYaml(body.toString()); // JSON is YAML
}

function send(response: ServerResponse, status: number, body: Manifest | object | string): void {
  const failure = { kind: "Status", apiVersion: "v1", status: "Failure", reason: body, message: body, code: status };
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(typeof body === "string" ? failure : body));
}

/** Starts one on a free port of this machine. */
export async function startKubernetesApi(scope: Scope): Promise<KubernetesApi> {
  const known = discovery();
  const store = new Store();
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://stand-in");
    const [place, isQuestion] = [placeOf(pathname), request.method === "GET"];
    const fixed = isQuestion ? known.get(pathname) : undefined;
    if (fixed !== undefined) send(response, 200, fixed);
    else if (place === undefined) send(response, 404, "NotFound");
    else if (isQuestion && place.name === undefined) send(response, 200, store.list(place, searchParams));
    else void bodyOf(request).then((body) => send(response, ...store.answer(request.method ?? "", place, body)));
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  scope.defer(() => server.closeAllConnections());
  scope.defer(() => void server.close());
  const address = server.address();
  const port = typeof address === "object" ? address?.port : 0;
  const configuration = scope.path(`kubeconfig-${port}`);
  const named = <Name extends string>(name: Name, content: object): object[] => [{ name: "here", [name]: content }];
  const settings = {
    apiVersion: "v1",
    kind: "Config",
    clusters: named("cluster", { server: `http://127.0.0.1:${port}` }),
    contexts: named("context", { cluster: "here", user: "here" }),
    users: named("user", {}),
    "current-context": "here",
  };
  writeFileSync(configuration, JSON.stringify(settings));
  return {
    configuration,
    get objects() {
      return [...store.objects.values()];
    },
  };
}
