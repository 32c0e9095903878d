/** A gateway in this process, between clients and an embedded registry whose tags anybody may move, with a trust server beside it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import { type Person, type TrustStory, trustStory } from "../trust/trust-story.ts";
import type { GatewayOptions } from "../../src/gateway/gateway-options.ts";
import { type RunningGateway, startGateway } from "../../src/gateway/start-gateway.ts";
import type { RegistryHooks } from "../../src/sandbox/registry/registry-hooks.ts";
import type { Policy } from "../../src/policy/policy.ts";
import { parsePolicy } from "../../src/policy/policy-parser.ts";
import { parseImageReference } from "../../src/reference/image-reference.ts";
import type { Descriptor } from "../../src/registry/manifest.ts";
import { RegistryClient } from "../../src/registry/registry-client.ts";
import { type RunningRegistry, startRegistry } from "../../src/sandbox/registry/embedded-registry.ts";
import { signTags } from "../../src/trust/publishing/sign.ts";
import type { TrustContext } from "../../src/trust/trust-context.ts";
import { pushTinyImage } from "./registry-story.ts";

/** A line of the gateway's log. */
export type LogLine = Readonly<Record<string, unknown>>;

/** A gateway, and what it wrote down. */
export interface StoryGateway extends RunningGateway {
  readonly lines: LogLine[];
  /** Requests a path below the repository: `manifests/v1`. */
  ask(repository: string, path: string, init?: RequestInit): Promise<Response>;
}

/** What a suite works with. */
export interface GatewayStory {
  readonly trust: TrustStory;
  readonly registry: RunningRegistry;
  /** the requests that reached the registry: `GET /v2/…` */
  readonly asked: string[];
  /** Pushes a small image, and signs it unless that is left out. */
  publish(repository: string, tag: string, label?: string, signed?: "signed" | "unsigned"): Promise<Descriptor>;
  /** Opens the repository as its publisher. */
  publisher(repository: string): Promise<TrustContext>;
  /** A client of the registry itself, which may push. */
  client(repository: string): RegistryClient;
  /** A gateway with a trust directory that is empty, unless `reader` has one. */
  gateway(
    options?: Partial<GatewayOptions> & { readonly reader?: Person; readonly rules?: object },
  ): Promise<StoryGateway>;
}

/** Runs registry and trust server for the suite that calls this. */
export function gatewayStory(): GatewayStory {
  const trust = trustStory();
  const asked: string[] = [];
  const closing: (() => unknown)[] = [];
  const publishers = new Map<string, Promise<TrustContext>>();
  let registry: RunningRegistry;
  let directory: string;
  before(async () => {
    directory = mkdtempSync(join(tmpdir(), "gateway-story-"));
    const intercept: RegistryHooks["intercept"] = ({ method, url }) => {
      asked.push(`${method} ${url}`);
      return false;
    };
    registry = await startRegistry({ directory, hooks: { intercept } });
  });
  after(async () => {
    for (const close of closing.toReversed()) await close();
    await registry.close();
    rmSync(directory, { recursive: true, force: true });
  });
  return {
    trust,
    asked,
    get registry() {
      return registry;
    },
    client(repository) {
      const client = RegistryClient.forReference({ registry: registry.host, repository }, { access: "push" });
      closing.push(() => client.close());
      return client;
    },
    async publisher(repository) {
      const reference = parseImageReference(`${registry.host}/${repository}`);
      const opened =
        publishers.get(repository) ??
        trust.person().then(async (person) => await person.open(repository, { reference }));
      publishers.set(repository, opened);
      return await opened;
    },
    async publish(repository, tag, label = tag, signed = "signed") {
      const image = await pushTinyImage(this.client(repository), tag, label);
      if (signed === "signed")
        await signTags(await this.publisher(repository), [{ tag, digest: image.digest, length: image.size }]);
      return image;
    },
    async gateway({ reader, rules, ...options } = {}) {
      const person = reader ?? (await trust.person());
      const lines: LogLine[] = [];
      const running = await startGateway({
        host: "127.0.0.1",
        port: 0,
        policies: rules === undefined ? [] : [policyOf(rules)],
        upstreams: [registry.host],
        openTrust: async ({ identity, pinning, maxStalenessMs }) =>
          await person.open(identity.repository, {
            reference: identity,
            access: "read",
            ...(pinning === undefined ? {} : { pinning }),
            ...(maxStalenessMs === undefined ? {} : { maxStalenessMs }),
          }),
        openUpstream: async (name) => await Promise.resolve(RegistryClient.forReference(name)),
        log: (line) => lines.push(JSON.parse(line) as LogLine),
        logLevel: "debug",
        ...options,
      });
      closing.push(running.close);
      const host = registry.host.replace(":", "_");
      const ask = async (repository: string, path: string, init?: RequestInit): Promise<Response> =>
        await fetch(`${running.url}/v2/${host}/${repository}/${path}`, init);
      return { ...running, lines, ask };
    },
  };
}

/** A policy with these rules, which refuses everything else. */
export function policyOf(rules: object): Policy {
  const text = JSON.stringify({ version: 1, default: { require: "reject" }, rules });
  return parsePolicy(text, { source: "policy.json", read: () => "" });
}
