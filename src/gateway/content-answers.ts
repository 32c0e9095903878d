/** Answers with manifests and blobs. */
import type { Digest } from "../reference/digest.ts";
import type { ManifestContent } from "../registry/manifest.ts";
import { type Answer, isKnownToClient } from "./answer.ts";
import type { Blobs } from "./blobs.ts";
import { parseRange } from "../registry/byte-range.ts";
import type { ImageAccess } from "./image-access.ts";
import type { Repository } from "./served-name.ts";
import type { Upstreams } from "./upstreams.ts";

/** What content is answered with. */
export interface ContentParts {
  readonly access: ImageAccess;
  readonly upstreams: Upstreams;
  readonly blobs: Blobs;
}

/** The headers of a request that change what is answered. */
export interface ContentConditions {
  readonly range?: string | undefined;
  readonly ifRange?: string | undefined;
  readonly ifNoneMatch?: string | undefined;
  /** a HEAD: a blob that the registry lost is not there */
  readonly isHead?: boolean | undefined;
}

/** The manifest of a tag: that which is signed, whatever the registry's tag points to. @throws GatewayRefusal; NetworkError */
export async function tagAnswer(
  { access, upstreams }: ContentParts,
  name: Repository,
  tag: string,
  conditions: ContentConditions,
): Promise<Answer> {
  const digest = await access.tag(name, tag);
  if (digest !== undefined) return manifestAnswer(await access.manifest(name, digest), conditions);
  const found = await upstreams.use(name, async (client) => await client.manifest(tag));
  access.noteUnsigned(name, found);
  return manifestAnswer(found, conditions);
}

/** The manifest of a digest. @throws GatewayRefusal; NetworkError */
export async function digestAnswer(
  { access }: ContentParts,
  name: Repository,
  digest: Digest,
  conditions: ContentConditions,
): Promise<Answer> {
  return manifestAnswer(await access.manifest(name, digest), conditions);
}

function manifestAnswer({ descriptor, bytes }: ManifestContent, { ifNoneMatch }: ContentConditions): Answer {
  const headers = { ...validators(descriptor.digest), "content-type": descriptor.mediaType };
  if (isKnownToClient(ifNoneMatch, headers.etag)) return { status: 304, headers };
  return { status: 200, headers: { ...headers, "content-length": String(bytes.length) }, body: bytes };
}

/** A blob, or the part of it that is asked for. @throws GatewayRefusal; NetworkError */
export async function blobAnswer(
  { access, blobs }: ContentParts,
  name: Repository,
  digest: Digest,
  conditions: ContentConditions,
): Promise<Answer> {
  const listed = await access.blob(name, digest);
  const headers = { ...validators(digest), "content-type": "application/octet-stream", "accept-ranges": "bytes" };
  if (isKnownToClient(conditions.ifNoneMatch, headers.etag)) return { status: 304, headers };
  const blob = listed?.descriptor ?? (await blobs.stated(name, digest));
  if (listed !== undefined && conditions.isHead === true) await blobs.requireThere(name, blob);
  const isSame = conditions.ifRange === undefined || conditions.ifRange === headers.etag;
  const part = parseRange(isSame ? conditions.range : undefined, blob.size);
  if (part === "unsatisfiable")
    return { status: 416, headers: { "content-range": `bytes */${blob.size}`, "content-length": "0" } };
  if (part === "whole")
    return {
      status: 200,
      headers: { ...headers, "content-length": String(blob.size) },
      body: blobs.read(name, blob),
    };
  const { first, last } = part;
  const range = { "content-range": `bytes ${first}-${last}/${blob.size}`, "content-length": String(last - first + 1) };
  return { status: 206, headers: { ...headers, ...range }, body: blobs.read(name, blob, part) };
}

function validators(digest: Digest): { readonly etag: string; readonly "docker-content-digest": string } {
  return { etag: `"${digest}"`, "docker-content-digest": digest };
}
