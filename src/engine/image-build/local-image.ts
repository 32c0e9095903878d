/** Images that exist only on this machine: they cannot have been signed, and `--allow-local` lets them into a build. */
import { type JsonValue, parseOrdinaryJson } from "../../encoding/json.ts";
import { NetworkError } from "../../errors.ts";
import {
  familiarName,
  familiarReference,
  formatReference,
  gunOf,
  type ImageReference,
} from "../../reference/image-reference.ts";
import type { Engine } from "../engine.ts";
import type { BaseImage, ImageConfiguration } from "./base-image.ts";
import { textList } from "./inherited-configuration.ts";
import { podmanConfiguration } from "./podman-configuration.ts";
import type { PrivateDirectory } from "./private-directory.ts";

/** Names that no registry answers to, for images meant by their ID. */
const privateNames = { docker: "tagseal.invalid/local", podman: "localhost/tagseal-local" } as const;

/**
 * Finds an image that was built here and never pushed or pulled. It gets a second name with its ID, under which the build finds exactly
 * this image, whatever its first name means by then.
 *
 * @returns undefined when there is none, or when it came from a registry
 */
export async function findLocalImage(engine: Engine, reference: ImageReference): Promise<BaseImage | undefined> {
  const typed = familiarReference(reference);
  const found = await engine.findImage(typed);
  if (found === undefined || !(await isLocalOnly(engine, found.id))) return undefined;
  const name = `${privateNames[engine.kind]}:${found.id.replace(/^sha256:/, "")}`;
  await engine.tag(found.id, name);
  return { reference, digest: undefined, name };
}

/** Removes the second names. */
export async function forgetLocalImages(engine: Engine, images: readonly BaseImage[]): Promise<void> {
  for (const { digest, name } of images) {
    if (digest === undefined) await engine.run(["rmi", name], { stdin: "ignore", capture: true });
  }
}

/** Images from registries have digests; podman invents some under its own name. */
async function isLocalOnly(engine: Engine, id: string): Promise<boolean> {
  const digests = await inspected(engine, id, "{{json .RepoDigests}}");
  if (digests === null) return true;
  return (
    Array.isArray(digests) &&
    digests.every((text) => engine.kind === "podman" && typeof text === "string" && text.startsWith("localhost/"))
  );
}

/**
 * What a local image adds to builds.
 *
 * @throws NetworkError `ENGINE_ERROR` when the engine does not have it, `IMAGE_MALFORMED`
 */
export async function engineConfiguration(
  engine: Engine,
  { name }: BaseImage,
  directory: PrivateDirectory,
): Promise<ImageConfiguration> {
  if (engine.kind === "podman") return await podmanConfiguration(engine, name, directory);
  const list = async (member: string): Promise<readonly string[]> => {
    const value = await inspected(engine, name, `{{json .Config.${member}}}`);
    return value === null ? [] : textList(value, member);
  };
  return { triggers: await list("OnBuild"), environment: await list("Env") };
}

async function inspected(engine: Engine, name: string, format: string): Promise<JsonValue> {
  const { exitCode, stdout, stderr } = await engine.run(["image", "inspect", "--format", format, name], {
    stdin: "ignore",
    capture: true,
  });
  if (exitCode !== 0) throw new NetworkError("ENGINE_ERROR", stderr.trim() || `${engine.kind} cannot inspect ${name}`);
  return parseOrdinaryJson(Buffer.from(stdout));
}

/**
 * Gives images the tags they were found under, where the engine has them.
 *
 * @param tell called before each
 */
export async function tagBaseImages(
  engine: Engine,
  images: readonly BaseImage[],
  tell: (line: string) => void,
): Promise<void> {
  for (const { reference, digest } of images) {
    const { tag } = reference;
    if (tag === undefined || digest === undefined) continue;
    const exact = `${gunOf(reference)}@${digest}`;
    if (!(await engine.imageExists(exact))) continue;
    const tagged = { ...reference, digest: undefined };
    tell(`Tagging ${familiarName(reference)}@${digest} as ${familiarReference(tagged)}`);
    await engine.tag(exact, formatReference(tagged));
  }
}
