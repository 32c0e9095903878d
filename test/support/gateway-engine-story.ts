/** A gateway for real engines: images that may be had, and images that may not, all of which the registry behind it would give to anybody. */
import assert from "node:assert/strict";
import { appendFileSync, mkdirSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { before } from "node:test";
import { captured } from "../../src/cli/captured-io.ts";
import { main } from "../../src/cli/main.ts";
import type { Credentials } from "../../src/docker-config/credentials.ts";
import type { ConfigurableEngine } from "../../src/gateway/engine-settings/engine-settings.ts";
import { startGateway } from "../../src/gateway/start-gateway.ts";
import type { Policy } from "../../src/policy/policy.ts";
import { parsePolicy } from "../../src/policy/policy-parser.ts";
import { parseDigest } from "../../src/reference/digest.ts";
import { RegistryClient } from "../../src/registry/registry-client.ts";
import { readCurrent } from "../../src/trust/reading/current-reading.ts";
import { revokeTags } from "../../src/trust/publishing/revoke.ts";
import { signTags } from "../../src/trust/publishing/sign.ts";
import { recorder } from "../trust/tampering-proxy.ts";
import { certificates } from "./certificates.ts";
import type { RefusedImage } from "./gateway-cases.ts";
import { type GatewayStory, gatewayStory, type LogLine } from "./gateway-story.ts";
import { writeIndexLayout, writeLayout } from "./images.ts";
import { commandOn, type Machine, startMachine } from "./machine.ts";
import { type Environment, type Finished, run, type Scope } from "./processes.ts";
import { pushedImage } from "./pushed-image.ts";
import { skopeoCopy } from "./skopeo.ts";

/** What suites of engines work with. */
export interface GatewayEngineStory {
  readonly story: GatewayStory;
  /** `gateway.example.com:5000`: the gateway's address */
  readonly host: string;
  /** with TLS, and a name that is not loopback, of which engines ask less */
  readonly url: URL;
  /** the authority of its certificate */
  readonly ca: string;
  /** where engines are configured, and are started */
  readonly machine: Machine;
  /** the digest of `team/app:v1`, one image, whose tag was moved in the registry */
  readonly single: string;
  /** the digest of `team/multi:v1`, an index, whose tag was moved in the registry */
  readonly multi: string;
  readonly lines: readonly LogLine[];
  /** `GATEWAY/REGISTRY/team/app:v1` */
  byGateway(image: string): string;
  /** `REGISTRY/team/app:v1` */
  byRegistry(image: string): string;
  /** A row of the table of refused images, by the registry's name. */
  refused(row: RefusedImage): string;
  /** Runs a command on the machine. */
  run(command: readonly string[], env?: Environment): Promise<Finished>;
  /** What reached the registry meanwhile. */
  asked(work: () => Promise<unknown>): Promise<readonly string[]>;
  /** Makes attempts, each of which must fail, and during which nothing is fetched but manifests that are signed. Gives what they printed. */
  refusals(image: string, ...attempts: readonly (() => Promise<Finished>)[]): Promise<readonly string[]>;
  /** Asserts that what an engine has stored holds each blob of an image for this platform, as it was pushed. */
  assertHeld(
    repository: "team/app" | "team/multi",
    held: ReadonlyMap<string, Buffer>,
    kinds?: "all" | "contents",
  ): void;
  /** `tagseal gateway configure ENGINE --write`, on the machine or below another directory. */
  configure(engine: ConfigurableEngine, target?: ConfigureTarget): Promise<void>;
  /** A gateway that is not there. */
  readonly nowhere: URL;
}

/** What is configured where. */
export interface ConfigureTarget {
  /** default: the machine's */
  readonly root?: string;
  /** default: the one of the story */
  readonly gateway?: URL;
  /** default: the one behind it */
  readonly registries?: readonly string[];
}

/** What a suite changes of the gateway. */
export interface EngineStoryOptions {
  /** true: the registry sees the logins of clients */
  readonly passThrough?: boolean;
}

/** Runs registry, trust server and gateway for the suite that calls this. */
export function gatewayEngineStory(scope: Scope, options: EngineStoryOptions = {}): GatewayEngineStory {
  const story = gatewayStory();
  const lines: LogLine[] = [];
  let world: World;
  before(async () => {
    const machine = await startMachine(scope, {}, [], "shared");
    const digests = await publishAll(scope, story);
    const url = await gatewayFor(scope, story, lines, options);
    appendFileSync(machine.path("/etc/hosts"), `${outerAddress} ${url.hostname}\n`);
    // stolen registry credentials: signed tags are moved, and others appear
    const stolen = await push(scope, story, "team/app:v1", "stolen");
    await push(scope, story, "team/multi:v1", "stolen multi");
    for (const image of ["team/app:raw", "nobody/app:v1"]) await push(scope, story, image, "raw");
    const { ca } = await certificates(scope, ...certified);
    world = { machine, url, ca, stolen, ...digests };
  });
  const asked: GatewayEngineStory["asked"] = async (work) => {
    const from = story.asked.length;
    await work();
    return story.asked.slice(from);
  };
  const byRegistry = (image: string): string => `${story.registry.host}/${image}`;
  return {
    story,
    lines,
    get host() {
      return world.url.host;
    },
    get url() {
      return world.url;
    },
    get ca() {
      return world.ca;
    },
    get machine() {
      return world.machine;
    },
    get single() {
      return world.single;
    },
    get multi() {
      return world.multi;
    },
    nowhere: new URL(`https://${gatewayName}:9`),
    byGateway: (image) => `${world.url.host}/${story.registry.host.replace(":", "_")}/${image}`,
    byRegistry,
    refused: ({ image }) => byRegistry(image.replace("@stolen", `@${world.stolen}`)),
    asked,
    async run(command, env = {}) {
      const [program, ...args] = commandOn(world.machine, ...command);
      return await run(program, args, { env, cwd: scope.directory });
    },
    refusals: async (image, ...attempts) => await refusals({ image, asked, world }, attempts),
    assertHeld(repository, held, kinds = "all") {
      const pushed =
        repository === "team/app"
          ? pushedImage(scope.path("layout-one"), world.single)
          : pushedImage(scope.path("layout-multi"), world.multi);
      const expected = [...pushed].filter(([, { isManifest }]) => kinds === "all" || !isManifest);
      assert.ok(expected.length >= 2);
      for (const [name, { bytes }] of expected) assert.ok(held.get(name)?.equals(bytes), `${repository}: ${name}`);
    },
    async configure(engine, { root = world.machine.path("/"), gateway = world.url, registries } = {}) {
      const names = (registries ?? [story.registry.host]).flatMap((name) => ["--registry", name]);
      const where = ["--gateway", gateway.origin, "--ca", world.ca, "--root", root, "--write"];
      const { io, stderr } = captured({ env: {}, now: () => new Date() });
      assert.equal(await main(["gateway", "configure", engine, ...where, ...names], io), 0, stderr());
    },
  };
}

/** What is there once it runs. */
interface World extends Pick<GatewayEngineStory, "machine" | "url" | "ca" | "single" | "multi"> {
  readonly stolen: string;
}

const gatewayName = "gateway.example.com";
const certified = ["gateway", [gatewayName], 365] as const;
/** docker does not check certificates of what is on loopback. */
const outerAddress =
  Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find(({ family, internal }) => family === "IPv4" && !internal)?.address ?? "127.0.0.1";

async function publishAll(scope: Scope, story: GatewayStory): Promise<Pick<World, "single" | "multi">> {
  const single = await publish(scope, story, "team/app:v1", "one");
  const multi = await publish(scope, story, "team/multi:v1", "multi");
  await publish(scope, story, "team/app:old", "old");
  await revokeTags(await story.publisher("team/app"), ["old"]);
  for (const name of ["expired", "back", "signers", "pinned", "down"])
    await publish(scope, story, `${name}/app:v1`, `${name}/app:v1`);
  return { single, multi };
}

interface Attempted extends Pick<GatewayEngineStory, "asked"> {
  readonly image: string;
  readonly world: World;
}

/** Whether a digest belongs to what is signed shows in signed manifests, which may be read for that; about a tag nothing is asked. */
async function refusals(
  { image, asked, world }: Attempted,
  attempts: readonly (() => Promise<Finished>)[],
): Promise<string[]> {
  const texts: string[] = [];
  const requests = await asked(async () => {
    for (const attempt of attempts) {
      const { code, stdout, stderr } = await attempt();
      assert.notEqual(code, 0, `${image}: ${stdout}`);
      texts.push(stdout + stderr);
    }
  });
  const isSigned = (line: string): boolean => line === "GET /v2/" || line.endsWith(`/manifests/${world.single}`);
  assert.deepEqual(image.includes("@") ? requests.filter((line) => !isSigned(line)) : requests, [], image);
  return texts;
}

/** Pushes an image, or an index for labels with `multi`; returns its digest. */
async function push(scope: Scope, story: GatewayStory, image: string, label: string): Promise<string> {
  const directory = scope.path(`layout-${label.replaceAll(/\W/gu, "-")}`);
  mkdirSync(directory, { recursive: true });
  const { digest } = label.includes("multi")
    ? (await writeIndexLayout(directory, label)).index
    : (await writeLayout(directory, label)).manifest;
  await skopeoCopy(`oci:${directory}`, `docker://${story.registry.host}/${image}`);
  return digest;
}

async function publish(scope: Scope, story: GatewayStory, image: string, label: string): Promise<string> {
  const digest = await push(scope, story, image, label);
  const [repository = "", tag = ""] = image.split(":");
  const { descriptor } = await story.client(repository).manifest(tag);
  await signTags(await story.publisher(repository), [{ tag, digest: parseDigest(digest), length: descriptor.size }]);
  return digest;
}

const yearMs = 365 * 86_400_000;

/** A gateway whose clock is ahead for one repository, and which has seen more of another than its trust server now shows. */
async function gatewayFor(
  scope: Scope,
  story: GatewayStory,
  lines: LogLine[],
  { passThrough = false }: EngineStoryOptions,
): Promise<URL> {
  const reader = await story.trust.person();
  const proxy = await story.trust.tamperingProxy();
  const { record, replay } = recorder();
  proxy.tamper = record;
  const reference = { registry: story.registry.host, repository: "back/app", tag: undefined, digest: undefined };
  const other = await story.trust.person();
  await readCurrent(await other.open("back/app", { access: "read", reference, via: proxy }));
  await publish(scope, story, "back/app:v2", "back again");
  await readCurrent(await reader.open("back/app", { access: "read", reference }));
  proxy.tamper = replay;
  const silent = await story.trust.tamperingProxy();
  silent.tamper = async () => await Promise.resolve("cut");
  const { serverCertificate: certFile, serverKey: keyFile } = await certificates(scope, ...certified);
  const gateway = await startGateway({
    host: outerAddress,
    port: 0,
    tls: { certFile, keyFile },
    policies: [policyFor(story.registry.host)],
    upstreams: [story.registry.host],
    openTrust: async ({ identity, pinning }) =>
      await reader.open(identity.repository, {
        reference: identity,
        access: "read",
        ...(pinning === undefined ? {} : { pinning }),
        ...(identity.repository === "down/app" ? { via: silent } : {}),
        ...(identity.repository === "expired/app" ? { now: () => new Date(Date.now() + yearMs) } : {}),
        ...(identity.repository === "back/app" ? { via: proxy } : {}),
      }),
    passThrough: passThrough ? [story.registry.host] : [],
    openUpstream: async (name) => {
      const credentials = async (): Promise<Credentials | undefined> =>
        await Promise.resolve(name.login?.credentials());
      return await Promise.resolve(RegistryClient.forReference(name, { credentials }));
    },
    log: (line) => lines.push(JSON.parse(line) as LogLine),
    logLevel: "debug",
  });
  scope.defer(gateway.close);
  return new URL(`https://${gatewayName}:${new URL(gateway.url).port}`);
}

/** Signed by anybody, except where the table of refused images says otherwise. */
function policyFor(registry: string): Policy {
  const rules = {
    [`${registry}/signers`]: { firstUse: true, signers: { anyOf: ["release"] } },
    [`${registry}/pinned`]: { roots: [`sha256:${"ab".repeat(32)}`] },
  };
  const text = JSON.stringify({ version: 1, default: { require: "signed", firstUse: true }, rules });
  return parsePolicy(text, { source: "policy.json", read: () => "" });
}
