/**
 * Archives as `docker save` and skopeo's `docker-archive:` write them. Two layouts are read: an OCI layout inside the tar (docker 25 and
 * later), and docker's own `manifest.json` with loose files (older ones, skopeo, podman).
 */
import { hasCode } from "../errors.ts";
import { type ArchiveInput, seekableArchive } from "./archive-file.ts";
import { openLegacyArchive, normalName } from "./docker-legacy-archive.ts";
import { layoutEntries, type LayoutFiles, openLayoutFiles } from "./image-layout.ts";
import type { ImageSource } from "./image-store.ts";
import { requireWholeImages, sourceParts } from "./image-tree.ts";
import { maxManifestBytes, parseManifest } from "./manifest.ts";
import { openTar } from "./tar-index.ts";

/**
 * Opens an image in an archive. One that is packed (gzip, zstd, bzip2, xz), and one from a pipe, is put into a temporary file first.
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

/** Dockers have written a layout that names no image, or an image without its layers, beside a manifest.json that is whole. */
async function openArchiveFiles(files: LayoutFiles, name: string | undefined): Promise<ImageSource> {
  const has = async (file: string): Promise<boolean> => (await files.size(file)) !== undefined;
  const hasLayout = (await has("oci-layout")) && (await has("index.json"));
  const hasLegacy = await has("manifest.json");
  if (!hasLayout || (hasLegacy && (await layoutEntries(files)).length === 0))
    return await openLegacyArchive(files, name);
  const source = await openLayout(files, name, hasLegacy);
  return hasLegacy && (await lostItsLayers(source)) ? await openLegacyArchive(files, name) : source;
}

/** A name may stand in one of the two descriptions only. */
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

/** What is wrong with an index of several images is told when they are read. */
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

/** Layouts inside archives know images by their complete names; people write familiar ones. */
async function nameInLayout(files: LayoutFiles, name: string): Promise<string> {
  const index = new TextDecoder().decode(await files.read("index.json", maxManifestBytes));
  const complete = normalName(name);
  return complete !== undefined && index.includes(JSON.stringify(complete)) ? complete : name;
}
