import { join } from "node:path";
import { digestAlgorithm, digestHex, parseDigest } from "../../reference/digest.ts";

/**
 * The file in which the embedded registry keeps the bytes of a digest, manifests included.
 *
 * @param directory the registry's
 * @throws UsageError `REFERENCE_INVALID` when `digest` is none
 */
export function blobPath(directory: string, digest: string): string {
  const parsed = parseDigest(digest);
  return join(directory, "blobs", digestAlgorithm(parsed), digestHex(parsed));
}
