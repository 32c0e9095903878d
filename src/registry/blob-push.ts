/** Ensures that a repository has a blob: it is there, it is mounted from another repository of the registry, or it is uploaded. */

import { hasCode } from "../errors.ts";
import { type BlobContent, uploadBlob, type UploadRequests } from "./blob-upload.ts";
import type { HttpResponse } from "../http/client/http-response.ts";
import type { Descriptor } from "./manifest.ts";
import { RegistryError } from "./registry-error.ts";
import type { RepositoryRequests } from "./repository-requests.ts";

/** Options of `RegistryClient.pushBlob`. */
export interface PushBlobOptions {
  /** another repository of this registry that probably has the blob */
  readonly mountFrom?: string;
  readonly onProgress?: (bytes: number) => void;
  readonly chunkBytes?: number;
}

/** How a blob got into the repository. */
export type PushBlobResult = "present" | "mounted" | "uploaded";

/** Each chunk costs a registry about as much as a small blob; it is never in memory as a whole, and of a lost one only the rest is sent again. */
const defaultChunkBytes = 32 * 1024 * 1024;

/**
 * Pushes a blob, unless the repository has it.
 *
 * @throws NetworkError `REGISTRY_DIGEST_MISMATCH`, `REGISTRY_ERROR`, and as requests do
 */
export async function ensureBlob(
  requests: RepositoryRequests,
  content: BlobContent,
  options: PushBlobOptions,
): Promise<PushBlobResult> {
  const { descriptor } = content;
  if (await isKnownThere(requests, descriptor)) return "present";
  const url = await requests.urlOf("blobs/uploads/");
  const begun = await mount(requests, url, descriptor, options.mountFrom);
  if (begun?.status === 201) {
    begun.discard();
    return "mounted";
  }
  return await uploadBlob(content, uploadRequests(requests, url, descriptor, begun), {
    signal: requests.signal,
    onProgress: options.onProgress,
    chunkBytes: options.chunkBytes ?? defaultChunkBytes,
  });
}

/** Whether the repository has a blob of this digest and size. @throws NetworkError as requests do */
export async function isBlobThere(requests: RepositoryRequests, { digest, size }: Descriptor): Promise<boolean> {
  const response = await requests.send({ method: "HEAD" }, `blobs/${digest}`);
  response.discard();
  if (response.status === 404) return false;
  if (response.status !== 200) throw await requests.refusal(response, `a HEAD of blob ${digest}`);
  const length = response.headers["content-length"];
  return length === undefined || Number(length) === size;
}

/** A registry that does not answer this question may accept the blob nevertheless. */
async function isKnownThere(requests: RepositoryRequests, descriptor: Descriptor): Promise<boolean> {
  try {
    return await isBlobThere(requests, descriptor);
  } catch (error) {
    if (error instanceof RegistryError && [400, 403, 405, 501].includes(error.status ?? 0)) return false;
    throw error;
  }
}

/**
 * Mounts a blob of another repository.
 *
 * @returns 201 when it was mounted, the new upload when the registry started one instead; undefined when it refuses to mount, which says
 *   nothing about uploading, and when there is no other repository
 */
async function mount(
  requests: RepositoryRequests,
  url: URL,
  blob: Descriptor,
  from: string | undefined,
): Promise<HttpResponse | undefined> {
  if (from === undefined || from === requests.repository) return undefined;
  const asked = new URL(url);
  asked.searchParams.set("mount", blob.digest);
  asked.searchParams.set("from", from);
  try {
    const request = { method: "POST", url: asked, resend: true } as const;
    const response = await requests.sendTo(request, [`repository:${from}:pull`]);
    if (response.status === 201 || isBegun(response)) return response;
    response.discard();
  } catch (error) {
    if (!hasCode(error, "AUTHENTICATION_REFUSED", "AUTHENTICATION_REQUIRED")) throw error;
  }
  return undefined;
}

/** @param begun an upload that the registry has started already; the first one to use */
function uploadRequests(
  requests: RepositoryRequests,
  url: URL,
  blob: Descriptor,
  begun: HttpResponse | undefined,
): UploadRequests {
  let first = begun;
  return {
    send: (request) => requests.sendTo(request),
    start: async () => {
      const response = first ?? (await startUpload(requests, url, blob));
      first = undefined;
      return response;
    },
    isStored: () => isKnownThere(requests, blob),
    login: requests.login,
  };
}

async function startUpload(requests: RepositoryRequests, url: URL, blob: Descriptor): Promise<HttpResponse> {
  const response = await requests.sendTo({ method: "POST", url, resend: true });
  if (isBegun(response)) return response;
  // "created", although nothing was sent: true where the repository has the blob
  if (response.status === 201 && (await isBlobThere(requests, blob))) return response;
  throw await requests.refusal(response, "the start of a blob upload");
}

/** Most registries answer 202; what matters is that they say where the upload continues. */
function isBegun({ status, headers }: HttpResponse): boolean {
  return [200, 202, 204].includes(status) && headers.location !== undefined;
}
