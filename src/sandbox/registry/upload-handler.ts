/** Blob uploads: begun, continued in chunks, ended by a digest. */
import type { IncomingMessage } from "node:http";
import { type Digest, isDigest } from "../../reference/digest.ts";
import { answer, RegistryRefusal, unsupported } from "./registry-answer.ts";
import type { Call } from "./registry-call.ts";
import { isRepository } from "../../registry/registry-route.ts";

/** POST: begins an upload, mounts a blob of another repository, or takes a whole blob at once. */
export async function startUpload(repository: string, call: Call): Promise<void> {
  if (call.request.method !== "POST") throw unsupported();
  const mount = call.query.get("mount");
  const from = call.query.get("from");
  if (mount !== null && from !== null && isDigest(mount) && isRepository(from)) {
    if (await call.store.mountBlob(from, repository, mount)) return blobCreated(repository, mount, call);
  }
  const { id } = await call.store.startUpload();
  const digest = call.query.get("digest");
  if (digest === null) return await uploadAccepted(repository, id, call, 202);
  await call.store.append(id, call.request);
  await commitUpload({ repository, id }, digest, call);
}

/** GET, PATCH, PUT, DELETE of an upload under way. */
export async function upload(route: { readonly repository: string; readonly id: string }, call: Call): Promise<void> {
  const state = await call.store.findUpload(route.id);
  if (state === undefined) throw new RegistryRefusal(404, "BLOB_UPLOAD_UNKNOWN", "there is no such upload");
  switch (call.request.method ?? "") {
    case "GET":
    case "HEAD":
      return await uploadAccepted(route.repository, route.id, call, 204);
    case "DELETE":
      await call.store.cancelUpload(route.id);
      return answer(call.response, 204, {});
    case "PATCH":
      refuseGap(call.request, state.size);
      await call.store.append(route.id, call.request);
      return await uploadAccepted(route.repository, route.id, call, 202);
    case "PUT":
      refuseGap(call.request, state.size);
      await call.store.append(route.id, call.request);
      return await commitUpload(route, call.query.get("digest") ?? "", call);
    default:
      throw unsupported();
  }
}

function refuseGap(request: IncomingMessage, size: number): void {
  const start = /^(?:bytes )?(\d{1,15})-/.exec(request.headers["content-range"] ?? "")?.[1];
  if (start === undefined || Number(start) === size) return;
  throw new RegistryRefusal(416, "BLOB_UPLOAD_INVALID", `the upload stands at ${size}, the chunk begins at ${start}`, {
    range: uploadRange(size),
  });
}

async function uploadAccepted(repository: string, id: string, call: Call, status: number): Promise<void> {
  const state = await call.store.findUpload(id);
  answer(call.response, status, {
    location: `/v2/${repository}/blobs/uploads/${id}`,
    range: uploadRange(state?.size ?? 0),
    "docker-upload-uuid": id,
  });
}

function uploadRange(size: number): string {
  return `0-${Math.max(0, size - 1)}`;
}

async function commitUpload(
  route: { readonly repository: string; readonly id: string },
  digest: string,
  call: Call,
): Promise<void> {
  if (!isDigest(digest))
    throw new RegistryRefusal(400, "DIGEST_INVALID", "the upload needs a digest to be checked against");
  if (!(await call.store.commitUpload(route.repository, route.id, digest))) {
    throw new RegistryRefusal(400, "DIGEST_INVALID", `the bytes received are not those of ${digest}`);
  }
  blobCreated(route.repository, digest, call);
}

function blobCreated(repository: string, digest: Digest, call: Call): void {
  answer(call.response, 201, { location: `/v2/${repository}/blobs/${digest}`, "docker-content-digest": digest });
}
