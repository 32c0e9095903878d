/** Manifests of one repository: fetched, found and stored, always checked against a digest. */
import type { HttpResponse } from "../http/client/http-response.ts";
import { describeUrl } from "../http/client/network-failure.ts";
import { type Digest, digestAlgorithm, isDigest } from "../reference/digest.ts";
import {
  acceptedManifests,
  describe,
  type Descriptor,
  type ManifestContent,
  maxManifestBytes,
  parseManifest,
  verifyContent,
} from "./manifest.ts";
import { header, manifestType } from "./registry-response.ts";
import type { RepositoryRequests } from "./repository-requests.ts";
import { retrying } from "./temporary-failures.ts";

/** A manifest requested by digest: the other members must match as well. A {@link Descriptor} is one. */
export interface WantedManifest {
  readonly digest: Digest;
  readonly size?: number;
  readonly mediaType?: string;
}

/** {@link WantedManifest}, or one by a tag. */
type TaggedOrWanted = Omit<WantedManifest, "digest"> & { readonly digest: string };

/** Fetches a manifest or index. @throws NetworkError as `RegistryClient.manifest` does */
export async function fetchManifest(requests: RepositoryRequests, wanted: TaggedOrWanted): Promise<ManifestContent> {
  return await retrying(() => fetchOnce(requests, wanted), { signal: requests.signal });
}

async function fetchOnce(requests: RepositoryRequests, expected: TaggedOrWanted): Promise<ManifestContent> {
  const name = expected.digest;
  const headers = { accept: acceptedManifests };
  const response = await requests.send({ method: "GET", headers }, `manifests/${name}`);
  if (response.status !== 200) throw await requests.refusal(response, `a GET of ${requests.named(name)}`);
  const bytes = await response.bytes(maxManifestBytes);
  const where = `${describeUrl(response.url)} sent a wrong manifest`;
  const announced = header(response, "docker-content-digest");
  if (isDigest(name))
    verifyContent(bytes, { digest: name, ...(expected.size === undefined ? {} : { size: expected.size }) }, where);
  else if (announced !== undefined && isDigest(announced)) verifyContent(bytes, { digest: announced }, where);
  const mediaType = expected.mediaType ?? manifestType(response, bytes);
  parseManifest(bytes, mediaType);
  const algorithm = isDigest(name) ? digestAlgorithm(name) : "sha256";
  return { descriptor: describe(bytes, mediaType, algorithm), bytes };
}

/** The digest that the registry names for a tag or digest; undefined when it has no such manifest. @throws NetworkError as requests do */
export async function findManifest(requests: RepositoryRequests, tagOrDigest: string): Promise<Digest | undefined> {
  const headers = { accept: acceptedManifests };
  const response = await requests.send({ method: "HEAD", headers }, `manifests/${tagOrDigest}`);
  response.discard();
  if (response.status === 404) return undefined;
  if (response.status !== 200) throw await requests.refusal(response, `a HEAD of ${requests.named(tagOrDigest)}`);
  const digest = header(response, "docker-content-digest") ?? tagOrDigest;
  return isDigest(digest) ? digest : undefined;
}

/** Stores a manifest or index under a tag or its digest. @throws NetworkError as `RegistryClient.pushManifest` does */
export async function storeManifest(
  requests: RepositoryRequests,
  tagOrDigest: string,
  { bytes, mediaType }: { readonly bytes: Uint8Array; readonly mediaType: string },
): Promise<Descriptor> {
  parseManifest(bytes, mediaType);
  if (isDigest(tagOrDigest)) verifyContent(bytes, { digest: tagOrDigest }, "the manifest to push is another");
  const put = async (): Promise<HttpResponse> => {
    const headers = { "content-type": mediaType };
    const request = { method: "PUT", headers, body: bytes, resend: true } as const;
    const answer = await requests.send(request, `manifests/${tagOrDigest}`);
    if (answer.status < 200 || answer.status > 299)
      throw await requests.refusal(answer, `a PUT of ${requests.named(tagOrDigest)}`);
    return answer;
  };
  const response = await retrying(put, { signal: requests.signal });
  response.discard();
  const announced = header(response, "docker-content-digest");
  if (announced !== undefined && isDigest(announced)) {
    verifyContent(bytes, { digest: announced }, `${describeUrl(response.url)} stored another manifest`);
  }
  return describe(bytes, mediaType);
}
