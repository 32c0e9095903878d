/** docker: images through the engine's API, whose answers are structured; everything else through its command. */
import { spawn } from "node:child_process";
import { Duplex } from "node:stream";
import { NetworkError } from "../errors.ts";
import { type Digest, isDigest } from "../reference/digest.ts";
import { familiarName, type ImageReference, parseImageReference } from "../reference/image-reference.ts";
import { parsePlatformJson } from "../registry/platform.ts";
import { DockerApi, type PushReport, type Transfer } from "./api/docker-api.ts";
import { type EngineAddress, findEngineAddress } from "./api/engine-address.ts";
import { EngineConnection } from "./api/engine-connection.ts";
import { registryAuth } from "./api/registry-auth.ts";
import type { Engine, EngineImage, EnginePullOptions, EnginePushOptions, PushedImage } from "./engine.ts";
import { CommandEngine } from "./command-engine.ts";
import { engineEnvironment } from "./engine-environment.ts";

/** docker's engine; connects at the first call that needs it. */
export class DockerEngine extends CommandEngine implements Engine {
  readonly kind = "docker";
  readonly #dialled = new Set<Duplex>();
  #connection: Promise<{ readonly address: EngineAddress; readonly api: DockerApi }> | undefined;

  prepare(): void {
    void this.#prepared();
  }

  /** A connection through another program is left to the first call: that program may ask for input or report errors. */
  async #prepared(): Promise<void> {
    try {
      const { address, api } = await this.#connected();
      if (address.kind !== "stdio") await api.version();
    } catch {
      // remembered, and thrown at the first call that asks for it
    }
  }

  async findImage(reference: string): Promise<EngineImage | undefined> {
    const found = await (await this.#api()).inspectImage(reference);
    if (found === undefined) return undefined;
    const { id, os, architecture, variant } = found;
    return { id, platform: parsePlatformJson({ os, architecture, variant }) };
  }

  async imageExists(reference: string): Promise<boolean> {
    return (await this.findImage(reference)) !== undefined;
  }

  async push(reference: string, options: EnginePushOptions = {}): Promise<PushedImage> {
    const image = parseImageReference(reference);
    const tag = image.tag ?? "latest";
    const reports = await this.#push(image, tag, options);
    return oneReport(reports, tag);
  }

  async pushAllTags(repository: string, options: EnginePushOptions = {}): Promise<void> {
    await this.#push(parseImageReference(repository), undefined, options);
  }

  async #push(
    image: ImageReference,
    tag: string | undefined,
    { platform, onMessage }: EnginePushOptions,
  ): Promise<readonly PushReport[]> {
    const api = await this.#api();
    return await api.push(familiarName(image), tag, await this.#transfer(image, { platform, onMessage }));
  }

  async pullByDigest(reference: string, digest: Digest, options: EnginePullOptions = {}): Promise<void> {
    const image = parseImageReference(reference);
    const api = await this.#api();
    const { platform, onMessage } = options;
    await api.pull(familiarName(image), digest, await this.#transfer(image, { platform, onMessage }));
  }

  async tag(source: string, target: string): Promise<void> {
    const { tag, ...image } = parseImageReference(target);
    await (await this.#api()).tagImage(source, familiarName(image), tag ?? "latest");
  }

  close(): void {
    for (const stream of this.#dialled) stream.destroy();
    this.#dialled.clear();
  }

  async #transfer(image: ImageReference, how: Omit<Transfer, "auth">): Promise<Transfer> {
    const { credentials, signal } = this.options;
    return { ...how, auth: registryAuth(image.registry, await credentials(image, signal)) };
  }

  async #api(): Promise<DockerApi> {
    return (await this.#connected()).api;
  }

  #connected(): Promise<{ readonly address: EngineAddress; readonly api: DockerApi }> {
    this.#connection ??= this.#connect();
    return this.#connection;
  }

  async #connect(): Promise<{ readonly address: EngineAddress; readonly api: DockerApi }> {
    const { globalArgs, env, dockerConfigDir, signal } = this.options;
    const address = await findEngineAddress({ globalArgs, env, dockerConfigDir });
    const connection = new EngineConnection(address, { dialStdio: () => this.#dialStdio(), signal });
    return { address, api: new DockerApi(connection, env["DOCKER_API_VERSION"]) };
  }

  /** docker's own way to its engine, whatever that is; its errors go to this process's standard error. */
  #dialStdio(): Duplex {
    const { executable, globalArgs, env } = this.options;
    const args = [...globalArgs, "system", "dial-stdio"];
    const child = spawn(executable, args, { env: engineEnvironment(env), stdio: ["pipe", "pipe", "inherit"] });
    const stream = Duplex.from({ readable: child.stdout, writable: child.stdin });
    child.once("error", (error) => stream.destroy(error));
    stream.once("close", () => {
      this.#dialled.delete(stream);
      child.kill();
    });
    this.#dialled.add(stream);
    return stream;
  }
}

/** The engine must report exactly one digest for the pushed tag: signing on anything else would be unsafe. */
function oneReport(reports: readonly PushReport[], tag: string): PushedImage {
  const [report, ...others] = reports;
  if (report === undefined) throw unclear("the engine did not say which digest it pushed");
  if (others.some(({ tag: other, digest }) => other !== report.tag || digest !== report.digest)) {
    throw unclear("the engine named several images for one push");
  }
  if (report.tag !== tag) throw unclear(`the engine was asked to push the tag ${tag} and says it pushed ${report.tag}`);
  if (!isDigest(report.digest)) throw unclear("the engine named something that is not a digest");
  return { tag, digest: report.digest, size: report.size };
}

function unclear(message: string): NetworkError {
  return new NetworkError("ENGINE_RESPONSE_MALFORMED", message, {
    hint: "Nothing was signed. Sign what you mean with: tagseal sign IMAGE:TAG@DIGEST",
  });
}
