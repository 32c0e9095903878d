/** `docker compose` under content trust: every image of the project is resolved, and compose gets the result in place of the project's files. */
import { Readable } from "node:stream";
import { UsageError } from "../../errors.ts";
import { parseBoolean } from "../command-line/boolean.ts";
import type { EngineInvocation } from "../command-line/invocation.ts";
import type { BaseImage } from "../image-build/base-image.ts";
import { trustBuild, type TrustBuildOptions } from "../image-build/build-image.ts";
import { forgetLocalImages, tagBaseImages } from "../image-build/local-image.ts";
import { PrivateDirectory } from "../image-build/private-directory.ts";
import { collect } from "../image-build/remote-files.ts";
import type { JsonObject } from "../../encoding/json.ts";
import type { TrustedReference } from "../trusted-reference.ts";
import { checkedProject } from "./checked-project.ts";
import { type ComposeLine, readComposeLine } from "./compose-line.ts";
import { askProject, projectDirectory, refuseRemoteFiles, writtenModel } from "./compose-project.ts";
import { ComposeRefused, withName } from "./compose-refused.ts";
import { checkedBuild, requestedBuild } from "./service-build.ts";

/** An image for compose: its name, and what it was resolved to unless the name was exact. */
export interface ComposeImage {
  readonly name: string;
  readonly resolved?: TrustedReference;
}

/** What a compose command needs from its caller. */
export interface ComposeOptions extends Omit<TrustBuildOptions, "context" | "invocation"> {
  readonly invocation: EngineInvocation;
  /** resolves the image of a service under content trust */
  readonly pin: (image: string) => Promise<ComposeImage>;
  /** makes the engine run the whole line with this process's streams; returns its exit status */
  readonly handOver: (argv: readonly string[]) => Promise<number>;
  /** what compose printed to standard error */
  readonly show: (text: string) => void;
}

/**
 * Runs `build`, `create`, `pull`, `run` or `up`. compose reads the files of the project before anything is checked, and not again.
 *
 * @returns compose's exit status
 * @throws UsageError `COMPOSE_REFUSED`, `DOCKERFILE_REFUSED`; all errors of resolving, with the service
 */
export async function runCompose(options: ComposeOptions): Promise<number> {
  const line = readComposeLine(options.invocation);
  refuseRemoteFiles(line, options.env);
  const work = new ComposeWork(options, line);
  const tidyUp = (): void => work.removeFiles();
  options.signal?.addEventListener("abort", tidyUp, { once: true });
  try {
    return await work.run();
  } finally {
    options.signal?.removeEventListener("abort", tidyUp);
    tidyUp();
    await work.forgetImages();
  }
}

class ComposeWork {
  readonly #options: ComposeOptions;
  readonly #line: ComposeLine;
  readonly #directories: PrivateDirectory[] = [];
  /** by the name as written: a tag is resolved once, however many services have it (I5) */
  readonly #pinned = new Map<string, ComposeImage>();
  readonly #bases: BaseImage[] = [];
  #canBuild: Promise<void> | undefined;

  constructor(options: ComposeOptions, line: ComposeLine) {
    this.#options = options;
    this.#line = line;
  }

  async run(): Promise<number> {
    const { engine, invocation, env, handOver, show } = this.#options;
    const project = await askProject(engine, this.#line, await this.#input());
    if ("exitCode" in project) {
      show(project.stderr);
      return project.exitCode;
    }
    show(project.warnings);
    const checked = await checkedProject(project, this.#line, {
      pin: (image) => this.#pin(image),
      build: (service) => this.#build(service),
    });
    const file = await this.#directory().write("compose.json", writtenModel(checked));
    const where = ["--project-directory", projectDirectory(this.#line, env), "--project-name", project.name];
    const { kept, command, tail } = this.#line;
    const built = this.#startsBuilt() ? ["--build"] : [];
    const words = [...kept, ...where, "--file", file, command, ...built, ...tail];
    const exitCode = await handOver([...invocation.globalArgs, ...words]);
    if (exitCode === 0) await this.#tag();
    return exitCode;
  }

  /** What is built is never an image that had the name before. */
  #startsBuilt(): boolean {
    return this.#canBuild !== undefined && this.#line.command !== "build";
  }

  /** `-f -` */
  async #input(): Promise<Uint8Array | undefined> {
    return this.#line.files.includes("-") ? await collect(this.#options.input()) : undefined;
  }

  #directory(): PrivateDirectory {
    const directory = new PrivateDirectory();
    this.#directories.push(directory);
    return directory;
  }

  async #pin(image: string): Promise<string> {
    const pinned = this.#pinned.get(image) ?? (await pinnedImage(image, this.#options));
    this.#pinned.set(image, pinned);
    return pinned.name;
  }

  async #build(service: JsonObject): Promise<JsonObject> {
    await (this.#canBuild ??= this.#requireBuildKit());
    const requested = await requestedBuild(service, this.#options.invocation);
    const { invocation, context, inline } = requested;
    const directory = this.#directory();
    const input =
      inline === undefined ? noInput : (): AsyncIterable<Uint8Array> => Readable.from([Buffer.from(inline)]);
    const settings = { ...this.#options, invocation, context, input };
    const trusted = await trustBuild(settings, { resolved: this.#bases, directory });
    return checkedBuild(service, requested, trusted, directory);
  }

  /** Without buildx some versions of compose build with docker's classic builder, which reads Dockerfiles in another way. */
  async #requireBuildKit(): Promise<void> {
    const { engine, env } = this.#options;
    if (parseBoolean(env["DOCKER_BUILDKIT"] ?? "") === false)
      throw new ComposeRefused("compose builds with BuildKit alone under content trust", "Unset DOCKER_BUILDKIT.");
    const { exitCode } = await engine.run(["buildx", "version"], { stdin: "ignore", capture: true });
    if (exitCode === 0) return;
    throw new ComposeRefused("it is built, and docker has no buildx here", "Install docker's plugin buildx.");
  }

  /** A long-running command does not tag: by then the names may mean something newer. */
  async #tag(): Promise<void> {
    const { engine, tell } = this.#options;
    const { command } = this.#line;
    if (command === "build") await tagBaseImages(engine, this.#bases, tell);
    if (command !== "pull") return;
    const resolved = [...this.#pinned.values()].flatMap(({ name, resolved: found }) =>
      found === undefined ? [] : [{ ...found, name }],
    );
    await tagBaseImages(engine, resolved, tell);
  }

  /** Removes what was written for compose. */
  removeFiles(): void {
    for (const directory of this.#directories) directory.remove();
  }

  /** Removes the second names of local images. */
  async forgetImages(): Promise<void> {
    await forgetLocalImages(this.#options.engine, this.#bases);
  }
}

async function pinnedImage(image: string, { pin }: ComposeOptions): Promise<ComposeImage> {
  try {
    return await pin(image);
  } catch (error) {
    throw withName(image, error);
  }
}

function noInput(): never {
  throw new UsageError("USAGE", "the build of a service cannot read standard input");
}
