/**
 * Bundles: signed repositories in one file, for places without a network. A tar whose entries are, in this order:
 *
 *     tagseal-bundle.json                    {"format":"tagseal-bundle","version":1,"collections":["<gun>",…]}
 *     <gun>/_trust/index.json                {"current":[{"role","version","sha256","length"},…],"history":[…]}
 *     <gun>/_trust/tuf/<version>.<role>.json the files of the index, in its order
 *     …                                      the same for every further collection
 *
 * The same content gives the same bytes. The bundle itself is not signed: everything in it is, and is verified on both sides. It never holds a private key.
 */

import { isJsonObject, parseJson, type JsonObject, type JsonValue } from "../encoding/json.ts";
import { hasCode, MetadataError } from "../errors.ts";
import { highestVersion } from "../tuf/collection-draft.ts";
import { maxFileBytes } from "../tuf/notary-v1/bounds.ts";
import { isRoleName } from "../tuf/role-name.ts";
import { gunFault } from "../server/http/gun.ts";
import type { FileVersion } from "../server/storage/stored-file.ts";

/** Name of the first entry. */
export const bundleHeaderName = "tagseal-bundle.json";

/** One file of a collection, as an index lists it. */
export type BundleFile = Omit<FileVersion, "createdAt">;

/** What a bundle holds of one collection. */
export interface BundleIndex {
  /** every root, and all current files; in the order of `VerifiedCollection.files` */
  readonly current: readonly BundleFile[];
  /** older versions of roles that are in `current`; delegating roles before those they delegate to */
  readonly history: readonly BundleFile[];
}

/** Bytes of the header and of an index. */
export const maxIndexBytes = 64 * 1024 * 1024;

/** The entry name of a collection's index. */
export function indexName(gun: string): string {
  return `${gun}/_trust/index.json`;
}

/** The entry name of a file. */
export function fileName(gun: string, { role, version }: Pick<BundleFile, "role" | "version">): string {
  return `${gun}/_trust/tuf/${version}.${role}.json`;
}

/** Writes the first entry. */
export function serialiseHeader(guns: readonly string[]): Uint8Array {
  return json({ format: "tagseal-bundle", version: 1, collections: guns });
}

/** Writes an index. */
export function serialiseIndex({ current, history }: BundleIndex): Uint8Array {
  return json({ current: current.map(listed), history: history.map(listed) });
}

function listed({ role, version, sha256, length }: BundleFile): BundleFile {
  return { role, version, sha256, length };
}

/** Reads the first entry: the names of the collections that follow. @throws MetadataError `BUNDLE_MALFORMED` */
export function parseHeader(bytes: Uint8Array): readonly string[] {
  const { format, version, collections } = objectIn(bytes, bundleHeaderName);
  if (format !== "tagseal-bundle") throw malformedBundle(`${bundleHeaderName} is not that of a bundle`);
  if (version !== 1) throw malformedBundle(`it has version ${JSON.stringify(version)}, this release reads version 1`);
  const guns = arrayOf(collections, "collections").map((gun) => {
    const isText = typeof gun === "string";
    const fault = isText ? gunFault(gun) : "a name is text";
    if (isText && fault === undefined) return gun;
    throw malformedBundle(`it names a collection ${JSON.stringify(gun)}: ${fault}`);
  });
  if (new Set(guns).size === guns.length) return guns;
  throw malformedBundle("it names a collection twice");
}

/** Reads an index. @throws MetadataError `BUNDLE_MALFORMED` */
export function parseIndex(gun: string, bytes: Uint8Array): BundleIndex {
  const members = objectIn(bytes, indexName(gun));
  const current = arrayOf(members["current"], "current").map(fileOf);
  const history = arrayOf(members["history"], "history").map(fileOf);
  const names = [...current, ...history].map((file) => fileName(gun, file));
  if (new Set(names).size !== names.length) throw malformedBundle(`the index of ${gun} lists a file twice`);
  return { current, history };
}

/** The refusal of a file that is not a bundle, or a damaged one. */
export function malformedBundle(reason: string, cause?: unknown): MetadataError {
  return new MetadataError("BUNDLE_MALFORMED", `Cannot read the bundle: ${reason}`, {
    cause,
    hint: "Copy the file again; if the error persists, export the bundle again at its source.",
  });
}

function fileOf(value: JsonValue): BundleFile {
  const { role, version, sha256, length } = isJsonObject(value) ? value : {};
  if (typeof role !== "string" || !isRoleName(role))
    throw malformedBundle(`a role ${JSON.stringify(role)} is in its index`);
  if (typeof version !== "number" || version < 1 || version > highestVersion)
    throw malformedBundle(`${role} has an invalid version in its index`);
  if (typeof sha256 !== "string" || !/^[0-9a-f]{64}$/u.test(sha256))
    throw malformedBundle(`${role} ${version} has an invalid hash in its index`);
  if (typeof length !== "number" || length < 1 || length > maxFileBytes(role))
    throw malformedBundle(`${role} ${version} has a length that cannot be in its index`);
  return { role, version, sha256, length };
}

function objectIn(bytes: Uint8Array, name: string): JsonObject {
  try {
    const value = parseJson(bytes);
    if (isJsonObject(value)) return value;
  } catch (cause) {
    if (!hasCode(cause, "JSON_MALFORMED")) throw cause;
    throw malformedBundle(`${name} is not JSON`, cause);
  }
  throw malformedBundle(`${name} is not a JSON object`);
}

function arrayOf(value: JsonValue | undefined, name: string): readonly JsonValue[] {
  if (Array.isArray(value)) return value;
  throw malformedBundle(`it has no list of ${name}`);
}

function json(value: object): Uint8Array {
  return Buffer.from(`${JSON.stringify(value)}\n`);
}
