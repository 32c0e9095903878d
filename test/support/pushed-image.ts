/** What an engine must hold of an image after it was pulled. */
import { layoutBlobs } from "./images.ts";

/** A blob of it. */
export interface Pushed {
  readonly bytes: Buffer;
  readonly isManifest: boolean;
}

/**
 * The blobs of an image that was pushed from a layout in a directory, with those of the platform of this machine only, by the hexadecimal digits of
 * their digests.
 */
export function pushedImage(layout: string, digest: string): ReadonlyMap<string, Pushed> {
  const blobs = layoutBlobs(layout);
  const found = new Map<string, Pushed>();
  const visit = (of: string, isManifest: boolean): void => {
    const name = of.replace("sha256:", "");
    const bytes = blobs.get(name) ?? Buffer.of();
    found.set(name, { bytes, isManifest });
    if (!isManifest) return;
    const { manifests = [], config, layers = [] } = JSON.parse(bytes.toString()) as LayoutManifest;
    for (const each of manifests) if (each.platform?.architecture === "amd64") visit(each.digest, true);
    for (const each of [...(config === undefined ? [] : [config]), ...layers]) visit(each.digest, false);
  };
  visit(digest, true);
  return found;
}

interface LayoutManifest {
  readonly manifests?: readonly { readonly digest: string; readonly platform?: { readonly architecture: string } }[];
  readonly config?: { readonly digest: string };
  readonly layers?: readonly { readonly digest: string }[];
}
