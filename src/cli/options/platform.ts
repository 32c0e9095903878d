/** `--platform`: choosing one platform's image inside a signed index. */
import { NetworkError } from "../../errors.ts";
import type { Digest } from "../../reference/digest.ts";
import { formatReference, type ImageReference } from "../../reference/image-reference.ts";
import type { Descriptor } from "../../registry/manifest.ts";
import type { Platform } from "../../registry/platform.ts";
import type { RegistryClient } from "../../registry/registry-client.ts";
import type { Io } from "../io.ts";
import type { TextOption } from "./option.ts";
import { withRegistry } from "./registry.ts";

/** The flag. */
export const platformOption: TextOption = {
  kind: "text",
  value: "os/arch[/variant]",
  complete: [
    "linux/amd64",
    "linux/arm64",
    "linux/arm/v7",
    "linux/386",
    "linux/ppc64le",
    "linux/s390x",
    "linux/riscv64",
  ],
  help: "Choose this platform's image inside the signed index",
};

/** A config says little more than environment and history; more than this is an attack. */
const maxConfigBytes = 8 * 1024 * 1024;

/**
 * Fetches what was signed, checks its bytes, and chooses the platform's image in it.
 *
 * @param signed digest and length in bytes, as verified
 * @returns the digest of the platform's image: that of the signed manifest itself when it is no index and fits
 * @throws NetworkError `PLATFORM_NOT_FOUND`, `REGISTRY_DIGEST_MISMATCH`, `REGISTRY_NOT_FOUND`; UsageError `USAGE` for a malformed platform
 */
export async function platformDigest(
  io: Io,
  reference: ImageReference,
  signed: { readonly digest: Digest; readonly size: number },
  platform: string,
): Promise<Digest> {
  const { parsePlatform, selectPlatform } = await import("../../registry/platform.ts");
  const wanted = parsePlatform(platform);
  return await withRegistry(io, reference, "pull", async (registry) => {
    const { parseManifest, verifyContent } = await import("../../registry/manifest.ts");
    const { bytes, descriptor } = await registry.manifest(signed.digest);
    verifyContent(bytes, signed, `${reference.registry} sent something else than what was signed`);
    const manifest = parseManifest(bytes, descriptor.mediaType);
    if (manifest.kind === "index") return selectPlatform(manifest, wanted).digest;
    await requirePlatform(registry, manifest.config, wanted, formatReference(reference));
    return signed.digest;
  });
}

/** An image that is no index says in its config which platform it is for. */
async function requirePlatform(
  registry: RegistryClient,
  config: Descriptor,
  wanted: Platform,
  image: string,
): Promise<void> {
  const { formatPlatform, parsePlatformJson, runsOn } = await import("../../registry/platform.ts");
  const { parseDocument } = await import("../../registry/manifest.ts");
  if (config.size > maxConfigBytes) {
    throw new NetworkError("RESPONSE_TOO_LARGE", `the config of ${image} has ${config.size} bytes`);
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of registry.blob(config)) chunks.push(chunk);
  const offered = parsePlatformJson(parseDocument(Buffer.concat(chunks)));
  if (offered !== undefined && runsOn(offered, wanted)) return;
  const is = offered === undefined ? "does not say its platform" : `is for ${formatPlatform(offered)} only`;
  throw new NetworkError("PLATFORM_NOT_FOUND", `${image} has no image for ${formatPlatform(wanted)}: it ${is}`);
}
