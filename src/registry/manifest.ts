/** Manifests and indexes, with shapes checked before use. The raw bytes are authoritative; nothing here is serialised again. */
import { createHash } from "node:crypto";
import {
  isJsonObject,
  jsonMember,
  type JsonObject,
  type JsonValue,
  memberNames,
  parseOrdinaryJsonOr,
} from "../encoding/json.ts";
import { NetworkError } from "../errors.ts";
import { type Digest, digestAlgorithm, digestFromHex, isDigest } from "../reference/digest.ts";
import { parsePlatformJson, type Platform } from "./platform.ts";

/** A pointer to content: its media type, digest and size. @see OCI image-spec 1.1, descriptor */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** bytes */
  readonly size: number;
  readonly platform?: Platform;
  readonly annotations?: ReadonlyMap<string, string>;
  readonly artifactType?: string;
  /** the content itself, checked against digest and size, if it is embedded */
  readonly data?: Uint8Array;
}

/** An image for one platform (or an artifact): a configuration and layers. */
export interface ImageManifest {
  readonly kind: "image";
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly subject: Descriptor | undefined;
  readonly artifactType: string | undefined;
  readonly annotations: ReadonlyMap<string, string>;
}

/** A list of manifests: usually one image for several platforms. */
export interface IndexManifest {
  readonly kind: "index";
  readonly manifests: readonly Descriptor[];
  readonly subject: Descriptor | undefined;
  readonly artifactType: string | undefined;
  readonly annotations: ReadonlyMap<string, string>;
}

/** An image manifest or an index. */
export type Manifest = ImageManifest | IndexManifest;

/** A manifest as stored and sent: the bytes, and the descriptor made from them. */
export interface ManifestContent {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

/** Media types, OCI's and docker's. */
export const mediaTypes = {
  ociManifest: "application/vnd.oci.image.manifest.v1+json",
  ociIndex: "application/vnd.oci.image.index.v1+json",
  ociConfig: "application/vnd.oci.image.config.v1+json",
  ociLayer: "application/vnd.oci.image.layer.v1.tar",
  ociLayerGzip: "application/vnd.oci.image.layer.v1.tar+gzip",
  ociLayerZstd: "application/vnd.oci.image.layer.v1.tar+zstd",
  dockerManifest: "application/vnd.docker.distribution.manifest.v2+json",
  dockerList: "application/vnd.docker.distribution.manifest.list.v2+json",
} as const;

/** No manifest may be larger: registries refuse larger ones too. */
export const maxManifestBytes = 4 * 1024 * 1024;
const maxEntries = 2_000;
const maxAnnotations = 10_000;

const imageTypes: ReadonlySet<string> = new Set([mediaTypes.ociManifest, mediaTypes.dockerManifest]);
const indexTypes: ReadonlySet<string> = new Set([mediaTypes.ociIndex, mediaTypes.dockerList]);

/** The Accept header of a manifest request: everything {@link parseManifest} reads. */
export const acceptedManifests = [...indexTypes, ...imageTypes].join(", ");

/** True for the media type of an index (a manifest list). */
export function isIndexType(mediaType: string): boolean {
  return indexTypes.has(mediaType);
}

/** True for the media type of a manifest or an index, as opposed to a blob. */
export function isManifestType(mediaType: string): boolean {
  return imageTypes.has(mediaType) || indexTypes.has(mediaType);
}

/** True for a layer that registries need not store ("foreign", "nondistributable"). */
export function isForeignLayer(layer: Descriptor): boolean {
  return /\.(?:foreign|nondistributable)\./.test(layer.mediaType);
}

/** The descriptor of these bytes, with the digest computed here. */
export function describe(bytes: Uint8Array, mediaType: string, algorithm: "sha256" | "sha512" = "sha256"): Descriptor {
  const digest = digestFromHex(algorithm, createHash(algorithm).update(bytes).digest("hex"));
  return { mediaType, digest, size: bytes.length };
}

/**
 * Checks bytes against their expected digest and size.
 *
 * @param where the source of the bytes, for the message
 * @throws NetworkError `REGISTRY_DIGEST_MISMATCH`
 */
export function verifyContent(bytes: Uint8Array, expected: { digest: Digest; size?: number }, where: string): void {
  const actual = describe(bytes, "", digestAlgorithm(expected.digest));
  if (actual.digest === expected.digest && (expected.size === undefined || expected.size === actual.size)) return;
  throw new NetworkError(
    "REGISTRY_DIGEST_MISMATCH",
    `${where}: expected ${expected.digest} (${expected.size ?? "any number of"} bytes), got ${actual.digest} (${actual.size} bytes)`,
    { hint: "The content was changed or damaged on its way; nothing of it was used." },
  );
}

/**
 * Parses a manifest or index of at most {@link maxManifestBytes}.
 *
 * @param mediaType as announced by the Content-Type header or by the descriptor
 * @throws NetworkError `IMAGE_MALFORMED` for wrong shapes, docker's schema 1, and documents that are both image and index or claim
 *   another type than `mediaType` (one digest must not mean two images)
 */
export function parseManifest(bytes: Uint8Array, mediaType: string): Manifest {
  if (bytes.length > maxManifestBytes) throw malformed(`a manifest of ${bytes.length} bytes is too large`);
  const document = parseDocument(bytes);
  if (!isManifestType(mediaType))
    throw malformed(`${JSON.stringify(mediaType.slice(0, 120))} is not a known manifest type`);
  const inside = member(document, "mediaType");
  if (inside !== undefined && inside !== mediaType) {
    throw malformed(`a manifest announced as ${mediaType} calls itself ${JSON.stringify(inside).slice(0, 120)}`);
  }
  if (member(document, "schemaVersion") !== 2) throw malformed("the manifest's schemaVersion is not 2");
  const isIndex = isIndexType(mediaType);
  const foreign = (isIndex ? ["config", "layers", "fsLayers"] : ["manifests", "fsLayers"]).find(
    (name) => memberNames(document, name).length > 0,
  );
  if (foreign !== undefined) throw malformed(`a manifest announced as ${mediaType} also holds "${foreign}"`);
  const subject = member(document, "subject");
  const common = {
    subject: subject === undefined || subject === null ? undefined : parseDescriptor(subject, "subject"),
    artifactType: optionalString(document, "artifactType"),
    annotations: parseAnnotations(member(document, "annotations")),
  };
  if (isIndex) return { kind: "index", manifests: descriptors(document, "manifests"), ...common };
  return {
    kind: "image",
    config: parseDescriptor(member(document, "config"), "config"),
    layers: descriptors(document, "layers"),
    ...common,
  };
}

function brokenJson(cause: Error): NetworkError {
  return new NetworkError("IMAGE_MALFORMED", "the image holds broken JSON", { cause });
}

/**
 * Parses any JSON object of an image (a configuration, a layout's index).
 *
 * @throws NetworkError `IMAGE_MALFORMED`
 */
export function parseDocument(bytes: Uint8Array): JsonObject {
  const value = parseOrdinaryJsonOr(brokenJson, bytes);
  if (!isJsonObject(value)) throw malformed("the image holds JSON that is not an object");
  return value;
}

/**
 * Checks the shape of a descriptor.
 *
 * @throws NetworkError `IMAGE_MALFORMED`
 */
export function parseDescriptor(value: JsonValue | undefined, where: string): Descriptor {
  if (!isJsonObject(value)) throw malformed(`${where} is not a descriptor`);
  const mediaType = member(value, "mediaType");
  const digest = member(value, "digest");
  const size = member(value, "size");
  if (typeof mediaType !== "string" || !/^[\x21-\x7e]{1,255}$/.test(mediaType))
    throw malformed(`${where} has no media type`);
  if (typeof digest !== "string" || !isDigest(digest)) throw malformed(`${where} has no valid digest`);
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0)
    throw malformed(`${where} has no valid size`);
  const platform = parsePlatformJson(member(value, "platform"));
  const annotations = member(value, "annotations");
  const artifactType = optionalString(value, "artifactType");
  const data = embeddedContent(member(value, "data"), { digest, size });
  return {
    mediaType,
    digest,
    size,
    ...(platform === undefined ? {} : { platform }),
    ...(annotations === undefined ? {} : { annotations: parseAnnotations(annotations) }),
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(data === undefined ? {} : { data }),
  };
}

/** The empty configuration of artifacts, which tools do not always store. @see OCI image-spec 1.1, guidance for an empty descriptor */
const emptyJson = Buffer.from("{}");

/** Embedded content, which need not be fetched; ignored unless it matches digest and size. */
function embeddedContent(
  data: JsonValue | undefined,
  { digest, size }: Pick<Descriptor, "digest" | "size">,
): Uint8Array | undefined {
  const bytes = typeof data === "string" ? Buffer.from(data, "base64") : emptyJson;
  return bytes.length === size && describe(bytes, "", digestAlgorithm(digest)).digest === digest ? bytes : undefined;
}

/**
 * A member of an image's document, by its specified name; undefined when absent.
 *
 * @throws NetworkError `IMAGE_MALFORMED` when several differ only by case: which of them counts depends on the reader
 */
export function member(object: JsonObject, name: string): JsonValue | undefined {
  const names = memberNames(object, name);
  if (names.length > 1) throw malformed(`it holds ${names.map((text) => JSON.stringify(text)).join(" and ")}`);
  return jsonMember(object, name);
}

function descriptors(document: JsonObject, name: string): Descriptor[] {
  // Go writes an empty list as null, and docker has left it out
  const list = member(document, name) ?? [];
  if (!Array.isArray(list)) throw malformed(`"${name}" is not a list`);
  if (list.length > maxEntries) throw malformed(`"${name}" has ${list.length} entries, more than ${maxEntries}`);
  return list.map((entry, index) => parseDescriptor(entry, `${name}[${index}]`));
}

function parseAnnotations(value: JsonValue | undefined): ReadonlyMap<string, string> {
  if (value === undefined || value === null) return new Map();
  if (!isJsonObject(value)) throw malformed("annotations are not an object");
  const entries = Object.entries(value);
  if (entries.length > maxAnnotations) throw malformed("there are too many annotations");
  return new Map(
    entries.map(([key, text]) => {
      if (typeof text !== "string") throw malformed("an annotation is not a string");
      return [key, text];
    }),
  );
}

function optionalString(object: JsonObject, name: string): string | undefined {
  const value = member(object, name);
  if (value === undefined || value === null || value === "") return undefined;
  if (typeof value !== "string") throw malformed(`"${name}" is not a string`);
  return value;
}

/** The error for a malformed image. `reason` completes "the image is malformed: …". */
export function malformed(reason: string, hint?: string): NetworkError {
  return new NetworkError("IMAGE_MALFORMED", `the image is malformed: ${reason}`, hint === undefined ? {} : { hint });
}
