import type { Digest } from "../../reference/digest.ts";
import type { ImageReference } from "../../reference/image-reference.ts";
import type { Io } from "../io.ts";
import { withRegistry } from "./registry.ts";

/**
 * Fetches the signed manifest, checks its bytes, and chooses the platform's image in it.
 *
 * @param signed digest and length in bytes, as verified
 * @returns the digest of the platform's image: that of the signed manifest itself when it is not an index and matches the platform
 * @throws NetworkError `PLATFORM_NOT_FOUND`, `REGISTRY_DIGEST_MISMATCH`, `REGISTRY_NOT_FOUND`; UsageError `USAGE` for a malformed platform
 */
export async function platformDigest(
  io: Io,
  reference: ImageReference,
  signed: { readonly digest: Digest; readonly size: number },
  platform: string,
): Promise<Digest> {
  const { parsePlatform } = await import("../../registry/platform.ts");
  const wanted = parsePlatform(platform);
  return await withRegistry(io, reference, "pull", async (registry) => {
    const { verifyContent } = await import("../../registry/manifest.ts");
    const { imageForPlatform, registryParts } = await import("../../registry/image-tree.ts");
    const content = await registry.manifest(signed.digest);
    verifyContent(content.bytes, signed, `${reference.registry} sent something else than what was signed`);
    return (await imageForPlatform(content, wanted, registryParts(registry))).descriptor.digest;
  });
}
