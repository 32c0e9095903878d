/**
 * Reads archives of `docker save` and of skopeo's `docker-archive:`. There are two layouts: an OCI layout inside the tar (docker 25 and
 * later), and docker's `manifest.json` with loose files (older versions, skopeo, podman).
 */
import { hasCode } from "../errors.ts";
import { type ArchiveInput, seekableArchive } from "./archive-file.ts";
import { openLegacyArchive } from "./docker-legacy-archive.ts";
import { normalName } from "./legacy-manifest.ts";
import { layoutEntries, type LayoutFiles, openLayoutFiles } from "./image-layout.ts";
import type { ImageSource } from "./image-store.ts";
import { requireWholeImages, sourceParts } from "./image-tree.ts";
import { maxManifestBytes, parseManifest } from "./manifest.ts";
import { openTar } from "./tar-index.ts";

/**
 * Opens an image in an archive. A compressed archive (gzip, zstd, bzip2, xz), and one from a pipe, is copied to a temporary file first.
 *
 * @param name which image, when there are several: `alpine:3`, or its name in the layout inside
 * @throws UsageError `FILE_UNREADABLE`, `USAGE` (which image?); NetworkError `IMAGE_MALFORMED`, `REGISTRY_DIGEST_MISMATCH`
 */
export async function openDockerArchive(archive: string | ArchiveInput, name?: string): Promise<ImageSource> {
  const input = typeof archive === "string" ? { file: archive } : archive;
  const unpacked = await seekableArchive(input);
  try {
    const files: LayoutFiles = { ...(await openTar(unpacked.path, input.file)), close: unpacked.remove };
    return await openArchiveFiles(files, name);
  } catch (error) {
    await unpacked.remove();
    throw error;
  }
}

/** Some versions of docker wrote a layout that names no image, or an image without its layers, beside a complete manifest.json. */
async function openArchiveFiles(files: LayoutFiles, name: string | undefined): Promise<ImageSource> {
  const has = async (file: string): Promise<boolean> => (await files.size(file)) !== undefined;
  const hasLayout = (await has("oci-layout")) && (await has("index.json"));
  const hasLegacy = await has("manifest.json");
  if (!hasLayout || (hasLegacy && (await layoutEntries(files)).length === 0))
    return await openLegacyArchive(files, name);
  const source = await openLayout(files, name, hasLegacy);
  return hasLegacy && (await lostItsLayers(source)) ? await openLegacyArchive(files, name) : source;
}

/** A name may be in only one of the two descriptions. */
async function openLayout(files: LayoutFiles, name: string | undefined, hasLegacy: boolean): Promise<ImageSource> {
  try {
    return await openLayoutFiles(files, name === undefined ? undefined : await nameInLayout(files, name));
  } catch (error) {
    if (!hasLegacy || name === undefined || !hasCode(error, "USAGE")) throw error;
    return await openLegacyArchive(files, name).catch(() => {
      throw error;
    });
  }
}

/** Faults in an index of several images are reported when they are read. */
async function lostItsLayers(source: ImageSource): Promise<boolean> {
  const { bytes, descriptor } = source.root;
  if (parseManifest(bytes, descriptor.mediaType).kind === "index") return false;
  try {
    await requireWholeImages(source.root, sourceParts(source));
    return false;
  } catch (error) {
    if (hasCode(error, "IMAGE_MALFORMED")) return true;
    throw error;
  }
}

/** Layouts inside archives have complete image names; users write familiar ones. */
async function nameInLayout(files: LayoutFiles, name: string): Promise<string> {
  const index = new TextDecoder().decode(await files.read("index.json", maxManifestBytes));
  const complete = normalName(name);
  return complete !== undefined && index.includes(JSON.stringify(complete)) ? complete : name;
}
