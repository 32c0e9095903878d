/** podman: everything through its command, because its API reports neither what was pushed nor with which login. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseOrdinaryJsonOr } from "../encoding/json.ts";
import { NetworkError } from "../errors.ts";
import { type Digest, isDigest } from "../reference/digest.ts";
import { formatReference, parseImageReference } from "../reference/image-reference.ts";
import { parsePlatformJson } from "../registry/platform.ts";
import type { Engine, EngineImage, EnginePullOptions, EnginePushOptions, PushedImage } from "./engine.ts";
import { CommandEngine } from "./command-engine.ts";

/** podman, without a service. */
export class PodmanEngine extends CommandEngine implements Engine {
  readonly kind = "podman";

  prepare(): void {
    // every call starts a new process
  }

  async findImage(reference: string): Promise<EngineImage | undefined> {
    if (!(await this.imageExists(reference))) return undefined;
    // Without a format: podman 4 has no `.Variant`, and refuses a format with unknown fields.
    const found = firstObject(await this.#ask(["image", "inspect", reference]));
    const text = (name: string): string => (typeof found[name] === "string" ? found[name] : "");
    const id = text("Id");
    if (!/^(?:sha256:)?[0-9a-f]{64}$/.test(id)) {
      throw malformed("podman named an image without an ID");
    }
    const platform = { os: text("Os"), architecture: text("Architecture"), variant: text("Variant") };
    return { id: `sha256:${id.replace(/^sha256:/, "")}`, platform: parsePlatformJson(platform) };
  }

  async imageExists(reference: string): Promise<boolean> {
    const { exitCode, stderr } = await this.run(["image", "exists", reference], { stdin: "ignore", capture: true });
    if (exitCode > 1) throw refused(stderr, `podman image exists ${reference}: exit status ${exitCode}`);
    return exitCode === 0;
  }

  async push(reference: string, options: EnginePushOptions = {}): Promise<PushedImage> {
    const image = parseImageReference(reference);
    const tag = image.tag ?? "latest";
    const directory = await mkdtemp(join(tmpdir(), "tagseal-push-"));
    try {
      const digestFile = join(directory, "digest");
      await this.#show([
        ...(options.command ?? ["push"]),
        ...(options.flags ?? []),
        "--digestfile",
        digestFile,
        ...pushOperands(reference, options),
      ]);
      return { tag, digest: await readDigest(digestFile), size: undefined };
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }

  async pushAllTags(): Promise<void> {
    throw new NetworkError("ENGINE_ERROR", "podman pushes one tag at a time");
  }

  async pullByDigest(reference: string, digest: Digest, options: EnginePullOptions = {}): Promise<void> {
    // podman takes a tag or a digest, not both; the complete name cannot be changed by registries.conf
    const name = formatReference({ ...parseImageReference(reference), tag: undefined, digest });
    const platform = options.platform === undefined ? [] : ["--platform", options.platform];
    const quiet = options.quiet === true ? ["--quiet"] : [];
    const args = ["pull", ...(options.flags ?? []), ...platform, ...quiet, name];
    if (options.quiet === true) await this.#ask(args);
    else await this.#show(args, options.output);
  }

  async tag(source: string, target: string): Promise<void> {
    await this.#ask(["tag", source, target]);
  }

  close(): void {
    // every call was a separate process, which has ended
  }

  async #show(args: readonly string[], output: "stdout" | "stderr" = "stdout"): Promise<void> {
    const { exitCode } = await this.run(args, { output });
    if (exitCode !== 0) throw new NetworkError("ENGINE_ERROR", `podman ${args[0]} failed with exit status ${exitCode}`);
  }

  async #ask(args: readonly string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await this.run(args, { stdin: "ignore", capture: true });
    if (exitCode !== 0) throw refused(stderr, `podman ${args[0]} failed with exit status ${exitCode}`);
    return stdout;
  }
}

/** What is pushed, and where: by default the reference is both. */
function pushOperands(reference: string, { source, destination }: EnginePushOptions): string[] {
  return [source ?? reference, destination ?? `docker://${formatReference(parseImageReference(reference))}`];
}

async function readDigest(path: string): Promise<Digest> {
  const text = (await readFile(path, "utf8")).trim();
  if (isDigest(text)) return text;
  throw new NetworkError("ENGINE_RESPONSE_MALFORMED", "podman named something that is not a digest", {
    hint: "Nothing was signed. Sign what you mean with: tagseal sign IMAGE:TAG@DIGEST",
  });
}

/** The output of podman's inspect: a list with one object in it. */
function firstObject(text: string): Readonly<Record<string, unknown>> {
  const notJson = (cause: Error): NetworkError =>
    malformed("podman described an image with something that is not JSON", cause);
  const value: unknown = parseOrdinaryJsonOr(notJson, text);
  const first: unknown = Array.isArray(value) ? value[0] : undefined;
  if (typeof first === "object" && first !== null) return { ...first };
  throw malformed("podman described an image with something that is not an object");
}

function malformed(message: string, cause?: Error): NetworkError {
  return new NetworkError("ENGINE_RESPONSE_MALFORMED", message, { cause });
}

function refused(stderr: string, otherwise: string): NetworkError {
  return new NetworkError("ENGINE_ERROR", stderr.trim() === "" ? otherwise : stderr.trim().replace(/^Error: /, ""));
}
