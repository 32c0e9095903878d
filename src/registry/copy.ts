/**
 * Copies whole images between registries and disk. The order makes it safe: blobs before the manifest that names them, children before their
 * index, the tag last. Every byte is checked against the requested digest.
 */
import type { NetworkError } from "../errors.ts";
import type { Digest } from "../reference/digest.ts";
import type { BlobContent } from "./blob-upload.ts";
import type { ImageSink, ImageSource } from "./image-store.ts";
import { type ImageParts, imageForPlatform, registryParts, requireWholeImages, sourceParts } from "./image-tree.ts";
import {
  type Descriptor,
  isForeignLayer,
  isManifestType,
  type ManifestContent,
  malformed,
  parseManifest,
} from "./manifest.ts";
import { machinePlatform, parsePlatform, type Platform } from "./platform.ts";
import type { RegistryClient } from "./registry-client.ts";
import { inParallel } from "../timing/in-parallel.ts";

/** The progress of one piece of an image. */
export interface CopyProgress {
  readonly kind: "blob" | "manifest";
  readonly digest: Digest;
  readonly mediaType: string;
  /** bytes in all */
  readonly size: number;
  /** bytes copied so far; the size once it is done, found present or mounted */
  readonly doneBytes: number;
  /** `waiting` is reported for every piece before the first is copied */
  readonly state: "waiting" | "copying" | "present" | "mounted" | "done";
}

/** Options of {@link pushImage}. */
export interface PushImageOptions {
  readonly tag: string;
  /** push only this platform's image of an index */
  readonly platform?: string | undefined;
  /** a repository of the same registry that probably has some of the layers */
  readonly mountFrom?: string | undefined;
  readonly onProgress?: ((progress: CopyProgress) => void) | undefined;
}

/** Options of {@link pullImage}. */
export interface PullImageOptions {
  /** the verified digest; nothing else is fetched */
  readonly digest: Digest;
  /** size of that manifest in bytes; if given, it must match */
  readonly size?: number | undefined;
  /** only this platform's image of an index */
  readonly platform?: string | undefined;
  readonly onProgress?: ((progress: CopyProgress) => void) | undefined;
}

/** As docker does by default. */
const parallelPushes = 5;
const maxDepth = 4;
const maxManifests = 2_000;

/** The parts of an image, in the order in which they must be stored. */
interface ImagePlan {
  readonly root: ManifestContent;
  /** children before parents; the root is the last */
  readonly manifests: readonly ManifestContent[];
  readonly blobs: readonly Descriptor[];
}

/**
 * Pushes an image, every platform of it, and sets the tag last.
 *
 * @returns the new descriptor of the tag, computed from the local bytes
 * @throws NetworkError `IMAGE_MALFORMED`, `REGISTRY_DIGEST_MISMATCH`, `PLATFORM_NOT_FOUND`, and as {@link RegistryClient} does
 */
export async function pushImage(
  source: ImageSource,
  registry: RegistryClient,
  options: PushImageOptions,
): Promise<Descriptor> {
  const parts = pushedParts(source, registry);
  const { platform } = options;
  const root =
    platform === undefined ? source.root : await imageForPlatform(source.root, parsePlatform(platform), parts);
  const plan = await takeApart(root, parts);
  // checked before anything is sent: an image without its layers must not look pushed
  await requireWholeImages(root, parts);
  const report = reporter(options.onProgress);
  announce(plan, report);
  await inParallel(plan.blobs, parallelPushes, async (blob) => await pushOne(source, registry, blob, options, report));
  for (const { descriptor, bytes } of plan.manifests) {
    const isRoot = descriptor.digest === root.descriptor.digest;
    await registry.pushManifest(isRoot ? options.tag : descriptor.digest, bytes, descriptor.mediaType);
    report("manifest", descriptor, "done", descriptor.size);
  }
  const { mediaType, digest, size } = root.descriptor;
  return { mediaType, digest, size };
}

/** The registry may have what the source lacks: layers and configurations that were pushed before. */
function pushedParts(source: ImageSource, registry: RegistryClient): ImageParts {
  return {
    ...sourceParts(source),
    async *blob(descriptor) {
      const content = await contentIn(source, descriptor);
      if (content === undefined && !(await registry.hasBlob(descriptor))) throw notHeld(source, descriptor);
      yield* content?.open(0) ?? registry.blob(descriptor);
    },
  };
}

/** A blob from the source, or from its descriptor. */
async function contentIn(source: ImageSource, descriptor: Descriptor): Promise<BlobContent | undefined> {
  if (await source.hasBlob(descriptor)) return source.blob(descriptor);
  const { data } = descriptor;
  return data === undefined ? undefined : { descriptor, open: (offset) => embedded(data, offset) };
}

async function* embedded(data: Uint8Array, offset: number): AsyncGenerator<Uint8Array, void> {
  if (offset < data.length) yield data.subarray(offset);
}

function notHeld({ location }: ImageSource, { digest, size }: Descriptor): NetworkError {
  return malformed(`${location} does not hold ${digest} with its ${size} bytes, which the image names`);
}

async function pushOne(
  source: ImageSource,
  registry: RegistryClient,
  blob: Descriptor,
  options: PushImageOptions,
  report: Report,
): Promise<void> {
  const content = await contentIn(source, blob);
  if (content === undefined) {
    // layers that may not be redistributed are stored elsewhere; docker skips them too
    if (isForeignLayer(blob)) return report("blob", blob, "present", blob.size);
    if (await registry.hasBlob(blob)) return report("blob", blob, "present", blob.size);
    throw notHeld(source, blob);
  }
  report("blob", blob, "copying", 0);
  const result = await registry.pushBlob(content, {
    ...(options.mountFrom === undefined ? {} : { mountFrom: options.mountFrom }),
    onProgress: (bytes) => report("blob", blob, "copying", bytes),
  });
  report("blob", blob, result === "uploaded" ? "done" : result, blob.size);
}

/**
 * Fetches the whole image of a digest, or the image for one platform of an index.
 *
 * @returns the descriptor of what was stored
 * @throws NetworkError `REGISTRY_DIGEST_MISMATCH`, `REGISTRY_NOT_FOUND`, `PLATFORM_NOT_FOUND`, `IMAGE_MALFORMED`, and as
 *   {@link RegistryClient} does; UsageError `FILE_UNWRITABLE`. In each case nothing stays at the sink
 */
export async function pullImage(
  registry: RegistryClient,
  sink: ImageSink,
  options: PullImageOptions,
): Promise<Descriptor> {
  const { digest, size } = options;
  try {
    const signed = await registry.manifest(size === undefined ? { digest } : { digest, size });
    const root = await choosePulled(signed, registry, sink, options.platform);
    const plan = await takeApart(root, registryParts(registry));
    const report = reporter(options.onProgress);
    announce(plan, report);
    await inParallel(plan.blobs, sink.parallel, async (blob) => await pullOne(registry, sink, blob, report));
    for (const content of plan.manifests) {
      await sink.writeManifest(content);
      report("manifest", content.descriptor, "done", content.descriptor.size);
    }
    await sink.finish(root.descriptor);
    return root.descriptor;
  } catch (error) {
    await sink.abort();
    throw error;
  }
}

async function choosePulled(
  signed: ManifestContent,
  registry: RegistryClient,
  sink: ImageSink,
  platform: string | undefined,
): Promise<ManifestContent> {
  const wanted = platform === undefined ? await machineIn(signed, sink) : parsePlatform(platform);
  return wanted === undefined ? signed : await imageForPlatform(signed, wanted, registryParts(registry));
}

/** A sink for one image gets the image for this machine's platform from an index. */
async function machineIn({ bytes, descriptor }: ManifestContent, sink: ImageSink): Promise<Platform | undefined> {
  if (sink.holdsIndexes || parseManifest(bytes, descriptor.mediaType).kind === "image") return undefined;
  const { arch } = await import("node:os");
  return machinePlatform(arch());
}

async function pullOne(registry: RegistryClient, sink: ImageSink, blob: Descriptor, report: Report): Promise<void> {
  if (await sink.hasBlob(blob)) return report("blob", blob, "present", blob.size);
  if (isForeignLayer(blob) && !(await registry.hasBlob(blob))) return report("blob", blob, "present", blob.size);
  report("blob", blob, "copying", 0);
  const chunks = blob.data === undefined ? registry.blob(blob) : embedded(blob.data, 0);
  await sink.writeBlob(
    blob,
    counted(chunks, (bytes) => report("blob", blob, "copying", bytes)),
  );
  report("blob", blob, "done", blob.size);
}

async function* counted(
  chunks: AsyncIterable<Uint8Array>,
  onBytes: (bytes: number) => void,
): AsyncGenerator<Uint8Array, void> {
  let bytes = 0;
  for await (const chunk of chunks) {
    yield chunk;
    bytes += chunk.length;
    onBytes(bytes);
  }
}

/** Collects every manifest and blob below a root, each once. */
async function takeApart(root: ManifestContent, parts: ImageParts): Promise<ImagePlan> {
  const manifests = new Map<Digest, ManifestContent>();
  const blobs = new Map<Digest, Descriptor>();
  const visit = async (content: ManifestContent, depth: number): Promise<void> => {
    if (depth > maxDepth) throw malformed(`its indexes are nested deeper than ${maxDepth}`);
    if (manifests.size > maxManifests) throw malformed(`it holds more than ${maxManifests} manifests`);
    const manifest = parseManifest(content.bytes, content.descriptor.mediaType);
    if (manifest.kind === "image") {
      for (const blob of [manifest.config, ...manifest.layers]) addBlob(blobs, blob);
    } else {
      for (const child of manifest.manifests) {
        // an index may also list things that are no manifests
        if (!isManifestType(child.mediaType)) addBlob(blobs, child);
        else if (!manifests.has(child.digest)) await visit(await parts.manifest(child), depth + 1);
      }
    }
    manifests.set(content.descriptor.digest, content);
  };
  await visit(root, 1);
  return { root, manifests: [...manifests.values()], blobs: [...blobs.values()] };
}

function addBlob(blobs: Map<Digest, Descriptor>, blob: Descriptor): void {
  const known = blobs.get(blob.digest);
  if (known !== undefined && known.size !== blob.size) {
    throw malformed(`it gives ${blob.digest} two sizes, ${known.size} and ${blob.size}`);
  }
  blobs.set(blob.digest, blob);
}

type Report = (kind: CopyProgress["kind"], piece: Descriptor, state: CopyProgress["state"], doneBytes: number) => void;

function reporter(onProgress: ((progress: CopyProgress) => void) | undefined): Report {
  return (kind, { digest, mediaType, size }, state, doneBytes) =>
    onProgress?.({ kind, digest, mediaType, size, doneBytes, state });
}

function announce(plan: ImagePlan, report: Report): void {
  for (const blob of plan.blobs) report("blob", blob, "waiting", 0);
  for (const { descriptor } of plan.manifests) report("manifest", descriptor, "waiting", 0);
}
