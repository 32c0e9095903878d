/** The distribution API's answers: one function per kind of route. */
import type { IncomingMessage } from "node:http";
import { pipeline } from "node:stream/promises";
import { TagsealError } from "../../errors.ts";
import { type Digest, digestAlgorithm, isDigest } from "../../reference/digest.ts";
import {
  describe,
  isForeignLayer,
  type Manifest,
  maxManifestBytes,
  mediaTypes,
  parseManifest,
} from "../../registry/manifest.ts";
import { answer, answerJson, RegistryRefusal, unsupported } from "./registry-answer.ts";
import type { Call } from "./registry-call.ts";
import type { ServedManifest } from "./registry-hooks.ts";
import { parseRange } from "../../registry/byte-range.ts";
import type { RegistryRoute } from "../../registry/registry-route.ts";
import type { RegistryStore, StoredManifest } from "./registry-store.ts";
import { startUpload, upload } from "./upload-handler.ts";

const defaultPage = 1_000;

/** Answers a request. @throws RegistryRefusal for what the specification has an error for */
export async function handle(route: RegistryRoute, call: Call): Promise<void> {
  switch (route.kind) {
    case "base":
      return answerJson(call.response, {});
    case "catalog":
      return page(call, await call.store.repositories(), (repositories) => ({ repositories }), "/v2/_catalog");
    case "tags":
      return await listTags(route.repository, call);
    case "manifest":
      return await manifest(route, call);
    case "blob":
      return await blob(route, call);
    case "uploads":
      return await startUpload(route.repository, call);
    case "upload":
      return await upload(route, call);
    case "referrers":
      return await referrers(route, call);
    case "invalid":
      throw new RegistryRefusal(400, route.code, "the request names something that cannot be");
    case "unknown":
      throw new RegistryRefusal(404, "UNSUPPORTED", "there is nothing at this path");
  }
}

async function listTags(repository: string, call: Call): Promise<void> {
  if (!(await call.store.hasRepository(repository))) throw unknownRepository();
  const tags = await call.store.tags(repository);
  page(call, tags, (part) => ({ name: repository, tags: part }), `/v2/${repository}/tags/list`);
}

/** One page of a sorted list, with a link to the next. */
function page(call: Call, all: readonly string[], body: (part: readonly string[]) => object, path: string): void {
  const wanted = Number(call.query.get("n") ?? defaultPage);
  const size = Number.isSafeInteger(wanted) && wanted >= 0 ? wanted : defaultPage;
  const last = call.query.get("last");
  const rest = last === null ? all : all.filter((name) => name > last);
  const part = rest.slice(0, size);
  const end = part.at(-1);
  const link =
    end !== undefined && rest.length > size
      ? { link: `<${path}?n=${size}&last=${encodeURIComponent(end)}>; rel="next"` }
      : {};
  answerJson(call.response, body(part), link);
}

async function manifest(
  route: { readonly repository: string; readonly tagOrDigest: string },
  call: Call,
): Promise<void> {
  const { method } = call.request;
  if (method === "PUT") return await putManifest(route, call);
  if (method === "DELETE") {
    if (!(await call.store.deleteManifest(route.repository, route.tagOrDigest))) throw unknownManifest();
    return answer(call.response, 202, {});
  }
  if (method !== "GET" && method !== "HEAD") throw unsupported();
  const stored = await call.store.findManifest(route.repository, route.tagOrDigest);
  const served = await hooked(route, stored, call);
  if (served === undefined) throw unknownManifest();
  const headers = {
    "content-type": served.mediaType,
    "docker-content-digest": served.digest,
    etag: `"${served.digest}"`,
  };
  answer(call.response, 200, headers, served.bytes);
}

async function hooked(
  route: { readonly repository: string; readonly tagOrDigest: string },
  stored: StoredManifest | undefined,
  call: Call,
): Promise<ServedManifest | undefined> {
  const replace = call.hooks.manifest;
  return replace === undefined ? stored : await replace({ ...route, stored });
}

async function putManifest(
  route: { readonly repository: string; readonly tagOrDigest: string },
  call: Call,
): Promise<void> {
  const { repository, tagOrDigest } = route;
  const bytes = await readManifest(call.request);
  const mediaType = (call.request.headers["content-type"] ?? "").split(";", 1)[0]?.trim() ?? "";
  const parsed = parseOrRefuse(bytes, mediaType);
  const algorithm = isDigest(tagOrDigest) ? digestAlgorithm(tagOrDigest) : "sha256";
  const { digest } = describe(bytes, mediaType, algorithm);
  if (isDigest(tagOrDigest) && digest !== tagOrDigest)
    throw new RegistryRefusal(400, "DIGEST_INVALID", `the manifest is ${digest}`);
  await refuseMissing(repository, parsed, call.store);
  const subject = parsed.subject?.digest;
  const tag = isDigest(tagOrDigest) ? undefined : tagOrDigest;
  await call.store.putManifest(repository, { digest, mediaType, bytes }, { tag, subject });
  answer(call.response, 201, {
    location: `/v2/${repository}/manifests/${digest}`,
    "docker-content-digest": digest,
    ...(subject === undefined ? {} : { "oci-subject": subject }),
  });
}

function parseOrRefuse(bytes: Uint8Array, mediaType: string): Manifest {
  try {
    return parseManifest(bytes, mediaType);
  } catch (error) {
    if (error instanceof TagsealError) throw new RegistryRefusal(400, "MANIFEST_INVALID", error.message);
    throw error;
  }
}

async function readManifest(request: IncomingMessage): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    const bytes: Buffer = chunk;
    length += bytes.length;
    if (length > maxManifestBytes)
      throw new RegistryRefusal(413, "SIZE_INVALID", `a manifest may have ${maxManifestBytes} bytes`);
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}

/** Refuses a manifest that names something missing, so that every client can fetch the whole image. */
async function refuseMissing(repository: string, parsed: Manifest, store: RegistryStore): Promise<void> {
  if (parsed.kind === "index") {
    for (const { digest } of parsed.manifests) {
      const found = await store.findManifest(repository, digest);
      if (found === undefined)
        throw new RegistryRefusal(400, "MANIFEST_UNKNOWN", `the index names ${digest}, which is not here`);
    }
    return;
  }
  for (const part of [parsed.config, ...parsed.layers]) {
    if (isForeignLayer(part)) continue;
    const size = await store.blobSize(repository, part.digest);
    if (size === undefined)
      throw new RegistryRefusal(400, "MANIFEST_BLOB_UNKNOWN", `the manifest names ${part.digest}, which is not here`);
    if (size !== part.size)
      throw new RegistryRefusal(400, "MANIFEST_INVALID", `${part.digest} has ${size} bytes, not ${part.size}`);
  }
}

async function blob(route: { readonly repository: string; readonly digest: Digest }, call: Call): Promise<void> {
  const { method } = call.request;
  if (method === "DELETE") {
    if (!(await call.store.deleteBlob(route.repository, route.digest))) throw unknownBlob();
    return answer(call.response, 202, {});
  }
  if (method !== "GET" && method !== "HEAD") throw unsupported();
  const size = await call.store.blobSize(route.repository, route.digest);
  if (size === undefined) throw unknownBlob();
  const replaced = await call.hooks.blob?.({ ...route, size });
  const headers = {
    "content-type": "application/octet-stream",
    "docker-content-digest": route.digest,
    "accept-ranges": "bytes",
    etag: `"${route.digest}"`,
  };
  if (replaced !== undefined) return answer(call.response, 200, headers, replaced);
  const part = parseRange(call.request.headers.range, size);
  if (part === "unsatisfiable")
    throw new RegistryRefusal(416, "RANGE_INVALID", `the blob has ${size} bytes`, {
      "content-range": `bytes */${size}`,
    });
  const { first, last } = part === "whole" ? { first: 0, last: size - 1 } : part;
  const range = part === "whole" ? {} : { "content-range": `bytes ${first}-${last}/${size}` };
  const length = { "content-length": last - first + 1 };
  call.response.writeHead(part === "whole" ? 200 : 206, { ...headers, ...range, ...length });
  if (method === "HEAD") return void call.response.end();
  await pipeline(call.store.readBlob(route.digest, first, last), call.response);
}

async function referrers(route: { readonly repository: string; readonly digest: Digest }, call: Call): Promise<void> {
  const filter = call.query.get("artifactType");
  const found = (await call.store.referrers(route.repository, route.digest)).map(referrer);
  const manifests = filter === null ? found : found.filter(({ artifactType }) => artifactType === filter);
  answerJson(
    call.response,
    { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests },
    { "content-type": mediaTypes.ociIndex, ...(filter === null ? {} : { "oci-filters-applied": "artifactType" }) },
  );
}

function referrer(stored: StoredManifest): { artifactType: string | undefined } & Record<string, unknown> {
  const parsed = parseManifest(stored.bytes, stored.mediaType);
  const implied = parsed.kind === "image" ? parsed.config.mediaType : undefined;
  return {
    mediaType: stored.mediaType,
    digest: stored.digest,
    size: stored.bytes.length,
    artifactType: parsed.artifactType ?? implied,
    ...(parsed.annotations.size === 0 ? {} : { annotations: Object.fromEntries(parsed.annotations) }),
  };
}

function unknownRepository(): RegistryRefusal {
  return new RegistryRefusal(404, "NAME_UNKNOWN", "there is no such repository");
}

function unknownManifest(): RegistryRefusal {
  return new RegistryRefusal(404, "MANIFEST_UNKNOWN", "there is no such manifest here");
}

function unknownBlob(): RegistryRefusal {
  return new RegistryRefusal(404, "BLOB_UNKNOWN", "there is no such blob here");
}
