/** podman does not show an image's whole configuration: that comes only with the whole image. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { NetworkError } from "../../errors.ts";
import { digestHex } from "../../reference/digest.ts";
import { malformed, mediaTypes, member, parseDescriptor, parseDocument } from "../../registry/manifest.ts";
import type { Engine } from "../engine.ts";
import type { ImageConfiguration } from "./base-image.ts";
import { imageConfiguration } from "./inherited-configuration.ts";
import type { PrivateDirectory } from "./private-directory.ts";

/**
 * Saves an image to a private directory and reads its configuration.
 *
 * @throws NetworkError `ENGINE_ERROR`, `IMAGE_MALFORMED`
 */
export async function podmanConfiguration(
  engine: Engine,
  name: string,
  directory: PrivateDirectory,
): Promise<ImageConfiguration> {
  const type = await ask(engine, "image", "inspect", "--format", "{{.ManifestType}}", name);
  const isOci = type.trim() === mediaTypes.ociManifest;
  const target = await directory.subdirectory("image");
  await ask(engine, "save", "--quiet", "--format", isOci ? "oci-dir" : "docker-dir", "--output", target, name);
  const config = isOci ? await ociConfig(target) : await dockerConfig(target);
  return imageConfiguration(parseDocument(config));
}

async function ociConfig(target: string): Promise<Uint8Array> {
  const blob = async (value: ReturnType<typeof member>): Promise<Uint8Array> =>
    await readFile(join(target, "blobs", "sha256", digestHex(parseDescriptor(value, "a saved image").digest)));
  const manifests = member(parseDocument(await readFile(join(target, "index.json"))), "manifests");
  if (!Array.isArray(manifests)) throw malformed("podman saved no manifest");
  return await blob(member(parseDocument(await blob(manifests[0])), "config"));
}

async function dockerConfig(target: string): Promise<Uint8Array> {
  const config = member(parseDocument(await readFile(join(target, "manifest.json"))), "config");
  return await readFile(join(target, digestHex(parseDescriptor(config, "a saved image").digest)));
}

async function ask(engine: Engine, ...args: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await engine.run(args, { stdin: "ignore", capture: true });
  if (exitCode === 0) return stdout;
  throw new NetworkError("ENGINE_ERROR", stderr.trim() || `podman ${args.slice(0, 2).join(" ")} failed`);
}
