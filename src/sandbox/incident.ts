/**
 * An incident of the kind of CVE-2026-33634, replayed: a publisher's registry credentials are stolen, a tag is overwritten, a mirror keeps the malware.
 * The engines here cannot check anything; one asks the registry, the other the gateway. Only real servers answer.
 */
import { writeFile } from "node:fs/promises";
import { hasCode } from "../errors.ts";
import { RegistryClient } from "../registry/registry-client.ts";
import { parseManifest } from "../registry/manifest.ts";
import type { DemoImage } from "./demo-image.ts";
import { type DemoStage, Narrator } from "./narrator.ts";
import { startRegistry, type RunningRegistry } from "./registry/embedded-registry.ts";

/** A gateway in front of the sandbox's registries. */
export interface DemoGateway {
  /** `127.0.0.1:PORT`, as engines write it */
  readonly host: string;
  close(): Promise<void>;
}

/** The stage of the incident. */
export interface IncidentStage extends DemoStage {
  /** Starts `tagseal gateway` with these words. */
  startGateway(words: readonly string[]): Promise<DemoGateway>;
}

/** Plays the incident. @returns true when everything happened as told */
export async function playIncident(stage: IncidentStage): Promise<boolean> {
  const mirror = await startRegistry({ directory: `${stage.directory}/mirror` });
  const incident = new Incident(stage, mirror);
  try {
    return await incident.play();
  } finally {
    await incident.close();
    await mirror.close();
  }
}

/** Asks a trust server this often: the story does not wait for the default. */
const refreshSeconds = 1;
const path = "acme/scanner";

/** Where an engine asks. */
type Door = "registry" | "mirror" | "gateway" | "mirrored";

class Incident {
  readonly #stage: IncidentStage;
  readonly #narrator: Narrator;
  readonly #mirror: RunningRegistry;
  readonly #repository: string;
  #gateway: DemoGateway | undefined;

  constructor(stage: IncidentStage, mirror: RunningRegistry) {
    this.#stage = stage;
    this.#mirror = mirror;
    this.#narrator = new Narrator(stage);
    this.#repository = `${stage.sandbox.registryHost}/${path}`;
  }

  async close(): Promise<void> {
    await this.#gateway?.close();
  }

  async play(): Promise<boolean> {
    const { sandbox } = this.#stage;
    this.#narrator.say("title", "Tagseal: stolen registry credentials, and engines that cannot check signatures");
    this.#narrator.say("text", `registry ${sandbox.registryHost}, a mirror of it ${this.#mirror.host}`);
    const honest = await this.#narrator.image("1.0", "the scanner");
    const malware = await this.#narrator.image("malware", "not what the publisher built");
    await this.#published(honest);
    await this.#tagOverwritten(honest, malware);
    await this.#mirrorPoisoned(malware);
    await this.#otherWaysIn(malware);
    await this.#fixReleased();
    await this.#serverRolledBack();
    return this.#narrator.summary("The gateway served what was signed as current, and nothing else.");
  }

  async #published(honest: DemoImage): Promise<void> {
    this.#narrator.heading("The publisher pushes and signs; a gateway stands in front of registry and mirror");
    await this.#narrator.must(["push", "--quiet", "--from", `oci:${honest.directory}`, `${this.#repository}:latest`]);
    const policy = this.#narrator.path("policy.json");
    const { registryHost } = this.#stage.sandbox;
    const rules = {
      [registryHost]: { firstUse: true },
      [this.#mirror.host]: { firstUse: true, identity: registryHost },
    };
    await writeFile(policy, JSON.stringify({ version: 1, default: { require: "reject" }, rules }, undefined, 2));
    const words = ["--policy", policy, "gateway", "--listen", "127.0.0.1:0", "--refresh", `${refreshSeconds}s`];
    this.#narrator.say("command", `tagseal ${words.join(" ")}`);
    this.#gateway = await this.#stage.startGateway(words);
    await this.#pull(
      "an engine pulls the signed image through the gateway",
      "gateway",
      "latest",
      honest.manifestDigest,
    );
  }

  async #tagOverwritten(honest: DemoImage, malware: DemoImage): Promise<void> {
    this.#narrator.heading("Attack: with stolen registry credentials, the tag is overwritten");
    await this.#pushUnsigned(malware, "latest");
    await this.#pull("an engine that asks the registry gets the malware", "registry", "latest", malware.manifestDigest);
    await this.#pull("through the gateway it gets the signed image", "gateway", "latest", honest.manifestDigest);
  }

  async #mirrorPoisoned(malware: DemoImage): Promise<void> {
    this.#narrator.heading("Attack: a mirror copied the malware, and keeps it after the registry was cleaned");
    const copy = `${this.#mirror.host}/${path}:latest`;
    await this.#narrator.must([
      "push",
      "--quiet",
      "--disable-content-trust",
      "--from",
      `oci:${malware.directory}`,
      copy,
    ]);
    await this.#pull("an engine that asks the mirror gets the malware", "mirror", "latest", malware.manifestDigest);
    await this.#pull(
      "through the gateway the mirror gives nothing else than what is signed",
      "mirrored",
      "latest",
      "MANIFEST_UNKNOWN",
    );
  }

  async #otherWaysIn(malware: DemoImage): Promise<void> {
    this.#narrator.heading("Attack: a new tag, and the malware by its digest");
    await this.#pushUnsigned(malware, "2.0");
    await this.#pull("a tag that is not signed is refused", "gateway", "2.0", "No valid trust data for 2.0");
    await this.#pull("a digest that is not signed is refused", "gateway", malware.manifestDigest, "no tag of");
  }

  async #fixReleased(): Promise<void> {
    this.#narrator.heading("The publisher releases a fix, with the signing keys that were never stolen");
    const fixed = await this.#narrator.image("1.1", "the scanner, released again");
    await this.#narrator.replaceServerFiles(this.#narrator.path("server-of-yesterday"));
    await this.#narrator.must(["push", "--quiet", "--from", `oci:${fixed.directory}`, `${this.#repository}:latest`]);
    await this.#untilRefreshed();
    await this.#pull("through the gateway engines get the fix", "gateway", "latest", fixed.manifestDigest);
  }

  async #serverRolledBack(): Promise<void> {
    this.#narrator.heading("Attack: the trust server is set back to the day before the fix");
    const current = this.#narrator.path("server-of-today");
    await this.#narrator.replaceServerFiles(current, this.#narrator.path("server-of-yesterday"));
    await this.#untilRefreshed();
    await this.#pull("the gateway remembers more, and refuses", "gateway", "latest", "DENIED");
  }

  /** No answer of the gateway is older than twice its interval. */
  async #untilRefreshed(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, refreshSeconds * 2_100));
  }

  async #pushUnsigned(image: DemoImage, tag: string): Promise<void> {
    const words = ["push", "--quiet", "--disable-content-trust", "--from", `oci:${image.directory}`];
    await this.#narrator.must([...words, `${this.#repository}:${tag}`]);
  }

  /** @param expected the digest that an engine must get, or the reason in the refusal */
  async #pull(what: string, from: Door, wanted: string, expected: string): Promise<void> {
    const { registry, repository } = this.#doors()[from];
    this.#narrator.say(
      "command",
      `(engine) pull ${registry}/${repository}${wanted.includes(":") ? "@" : ":"}${wanted}`,
    );
    const got = await pulled(registry, repository, wanted);
    this.#narrator.say("output", got);
    this.#narrator.count(what, got.includes(expected), expected);
  }

  #doors(): Readonly<Record<Door, Pick<RegistryClient, "registry" | "repository">>> {
    const gateway = this.#gateway?.host ?? "";
    const { registryHost } = this.#stage.sandbox;
    return {
      registry: { registry: registryHost, repository: path },
      mirror: { registry: this.#mirror.host, repository: path },
      gateway: { registry: gateway, repository: `${registryHost.replace(":", "_")}/${path}` },
      mirrored: { registry: gateway, repository: `${this.#mirror.host.replace(":", "_")}/${path}` },
    };
  }
}

/** Pulls as an engine does, with every blob. @returns the digest of what arrived, or the refusal */
async function pulled(registry: string, repository: string, wanted: string): Promise<string> {
  const client = RegistryClient.forReference({ registry, repository });
  try {
    const { descriptor, bytes } = await client.manifest(wanted);
    const manifest = parseManifest(bytes, descriptor.mediaType);
    const blobs = manifest.kind === "image" ? [manifest.config, ...manifest.layers] : [];
    for (const blob of blobs) for await (const chunk of client.blob(blob)) void chunk;
    return `${descriptor.digest}, whole`;
  } catch (error) {
    if (hasCode(error, "AUTHENTICATION_REFUSED", "REGISTRY_NOT_FOUND", "REGISTRY_ERROR"))
      return refusalIn(error.message);
    throw error;
  } finally {
    client.close();
  }
}

/** What the gateway says, without the address of each request. */
function refusalIn(message: string): string {
  return /status \d+: .*/su.exec(message)?.[0].slice(0, 200) ?? message;
}
