/**
 * The OCI distribution client: one repository of one registry. Everything it returns is checked against a digest, except a tag's
 * current digest, which is only the registry's claim.
 */
import { NetworkError } from "../errors.ts";
import { type Digest, digestAlgorithm, isDigest } from "../reference/digest.ts";
import type { ImageReference } from "../reference/image-reference.ts";
import { downloadBlob } from "./blob-download.ts";
import { ensureBlob, isBlobThere, type PushBlobOptions, type PushBlobResult } from "./blob-push.ts";
import type { BlobContent } from "./blob-upload.ts";
import type { HttpResponse } from "../http/client/http-client.ts";
import {
  acceptedManifests,
  describe,
  type Descriptor,
  type ManifestContent,
  maxManifestBytes,
  mediaTypes,
  parseManifest,
  verifyContent,
} from "./manifest.ts";
import { describeUrl } from "../http/client/network-failure.ts";
import { header, indexEntries, manifestType, nextPage, parseTags } from "./registry-response.ts";
import { type RegistryClientOptions, RepositoryRequests } from "./repository-requests.ts";
import { retrying } from "./temporary-failures.ts";

export type { RegistryClientOptions } from "./repository-requests.ts";

/** A manifest requested by digest: the other members must match as well. A {@link Descriptor} is one. */
export interface WantedManifest {
  readonly digest: Digest;
  readonly size?: number;
  readonly mediaType?: string;
}

const maxTagPages = 10_000;
const maxPageBytes = 8 * 1024 * 1024;

/** The client of one repository. Close it when done. */
export class RegistryClient {
  /** the repository's registry, as in a reference */
  readonly registry: string;
  /** the repository's path within it */
  readonly repository: string;
  readonly #requests: RepositoryRequests;

  private constructor(reference: Pick<ImageReference, "registry" | "repository">, options: RegistryClientOptions) {
    this.registry = reference.registry;
    this.repository = reference.repository;
    this.#requests = new RepositoryRequests(reference, options);
  }

  /** Makes a client for the repository of a reference; tag and digest are ignored. Connects at the first request. */
  static forReference(
    reference: Pick<ImageReference, "registry" | "repository">,
    options: RegistryClientOptions = {},
  ): RegistryClient {
    return new RegistryClient(reference, options);
  }

  /**
   * The current descriptor of a tag or digest, computed from the manifest's bytes.
   *
   * @throws NetworkError as {@link manifest}
   */
  async resolve(tagOrDigest: string): Promise<Descriptor> {
    return (await this.manifest(tagOrDigest)).descriptor;
  }

  /**
   * Fetches a manifest or index. By digest, the bytes are verified against it; by tag, they are what the registry returns now.
   *
   * @param wanted a tag, a digest, or a descriptor, whose size and media type must match as well
   * @throws NetworkError `REGISTRY_NOT_FOUND`, `REGISTRY_DIGEST_MISMATCH`, `RESPONSE_TOO_LARGE`, `IMAGE_MALFORMED`, and as requests do
   */
  async manifest(wanted: string | WantedManifest): Promise<ManifestContent> {
    const expected = typeof wanted === "string" ? { digest: wanted } : wanted;
    return await retrying(() => this.#fetchManifest(expected), { signal: this.#requests.signal });
  }

  async #fetchManifest(expected: Omit<WantedManifest, "digest"> & { digest: string }): Promise<ManifestContent> {
    const name = expected.digest;
    const headers = { accept: acceptedManifests };
    const response = await this.#requests.send({ method: "GET", headers }, `manifests/${name}`);
    if (response.status !== 200) throw await this.#requests.refusal(response, `a GET of ${this.#requests.named(name)}`);
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

  /**
   * Asks whether the repository has a manifest (by tag or digest).
   *
   * @returns the digest that the registry names; undefined when it has no such manifest
   */
  async findManifest(tagOrDigest: string): Promise<Digest | undefined> {
    const headers = { accept: acceptedManifests };
    const response = await this.#requests.send({ method: "HEAD", headers }, `manifests/${tagOrDigest}`);
    response.discard();
    if (response.status === 404) return undefined;
    if (response.status !== 200)
      throw await this.#requests.refusal(response, `a HEAD of ${this.#requests.named(tagOrDigest)}`);
    const digest = header(response, "docker-content-digest") ?? tagOrDigest;
    return isDigest(digest) ? digest : undefined;
  }

  /**
   * A blob's bytes; resumed when the connection is lost. Do not use them before the iterator has ended normally.
   *
   * @throws NetworkError `REGISTRY_DIGEST_MISMATCH`, `REGISTRY_NOT_FOUND`, and as requests do
   */
  blob(descriptor: Descriptor): AsyncIterable<Uint8Array> {
    const open = (headers: Readonly<Record<string, string>>): Promise<HttpResponse> =>
      this.#requests.send({ method: "GET", headers }, `blobs/${descriptor.digest}`);
    return downloadBlob(descriptor, open, { signal: this.#requests.signal, login: this.#requests.login });
  }

  /** Asks whether the repository has a blob of this digest and size. */
  async hasBlob(descriptor: Descriptor): Promise<boolean> {
    return await isBlobThere(this.#requests, descriptor);
  }

  /**
   * Ensures that the repository has a blob: finds it there, mounts it from another repository, or uploads it.
   *
   * @throws NetworkError `REGISTRY_DIGEST_MISMATCH`, `REGISTRY_ERROR`, and as requests do
   */
  async pushBlob(content: BlobContent, options: PushBlobOptions = {}): Promise<PushBlobResult> {
    return await ensureBlob(this.#requests, content, options);
  }

  /**
   * Stores a manifest or index; everything it names must be stored already.
   *
   * @param tagOrDigest the tag to set, or the manifest's digest
   * @throws NetworkError `REGISTRY_DIGEST_MISMATCH` when the registry stored something else, `REGISTRY_ERROR`, and as requests do
   */
  async pushManifest(tagOrDigest: string, bytes: Uint8Array, mediaType: string): Promise<Descriptor> {
    parseManifest(bytes, mediaType);
    if (isDigest(tagOrDigest)) verifyContent(bytes, { digest: tagOrDigest }, "the manifest to push is another");
    const response = await retrying(
      async () => {
        const headers = { "content-type": mediaType };
        const request = { method: "PUT", headers, body: bytes, resend: true } as const;
        const answer = await this.#requests.send(request, `manifests/${tagOrDigest}`);
        if (answer.status < 200 || answer.status > 299)
          throw await this.#requests.refusal(answer, `a PUT of ${this.#requests.named(tagOrDigest)}`);
        return answer;
      },
      { signal: this.#requests.signal },
    );
    response.discard();
    const announced = header(response, "docker-content-digest");
    if (announced !== undefined && isDigest(announced)) {
      verifyContent(bytes, { digest: announced }, `${describeUrl(response.url)} stored another manifest`);
    }
    return describe(bytes, mediaType);
  }

  /**
   * Every tag of the repository, page by page, in the registry's order.
   *
   * @throws NetworkError `REGISTRY_NOT_FOUND`, `RESPONSE_MALFORMED` (endless pages, invalid tags), and as requests do
   */
  async *tags(): AsyncGenerator<string, void> {
    let url: URL | undefined = await this.#requests.urlOf("tags/list?n=1000");
    for (let page = 0; url !== undefined; page++) {
      if (page >= maxTagPages)
        throw new NetworkError("RESPONSE_MALFORMED", `${describeUrl(url)} has more than ${maxTagPages} pages`);
      const response: HttpResponse = await this.#requests.sendTo({ method: "GET", url, acceptGzip: true });
      if (response.status !== 200) throw await this.#requests.refusal(response, "a GET of the tag list");
      yield* parseTags(response, await response.bytes(maxPageBytes));
      url = nextPage(response);
    }
  }

  /**
   * The manifests that name `digest` as their subject; from the referrers API, or from the fallback tag of older registries.
   *
   * @throws NetworkError `IMAGE_MALFORMED`, and as requests do
   * @see OCI distribution-spec 1.1, listing referrers
   */
  async referrers(digest: Digest): Promise<readonly Descriptor[]> {
    const headers = { accept: mediaTypes.ociIndex };
    const response = await this.#requests.send({ method: "GET", headers, acceptGzip: true }, `referrers/${digest}`);
    const isIndex = header(response, "content-type")?.startsWith(mediaTypes.ociIndex) === true;
    if (response.status === 200 && isIndex) return indexEntries(await response.bytes(maxManifestBytes));
    response.discard();
    if (response.status !== 404 && response.status !== 200)
      throw await this.#requests.refusal(response, "a GET of referrers");
    const tag = digest.replace(":", "-").slice(0, 128);
    const fallback = await this.#requests.send({ method: "GET", headers }, `manifests/${tag}`);
    if (fallback.status === 200) return indexEntries(await fallback.bytes(maxManifestBytes));
    fallback.discard();
    if (fallback.status === 404) return [];
    throw await this.#requests.refusal(fallback, "a GET of referrers");
  }

  /** Removes a manifest (by digest) or a tag. @throws NetworkError `REGISTRY_NOT_FOUND`, `REGISTRY_ERROR` where deletion is off */
  async deleteManifest(tagOrDigest: string): Promise<void> {
    const response = await this.#requests.send({ method: "DELETE" }, `manifests/${tagOrDigest}`);
    if (response.status !== 202 && response.status !== 200)
      throw await this.#requests.refusal(response, `a DELETE of ${this.#requests.named(tagOrDigest)}`);
    response.discard();
  }

  /** Releases every connection, unless they are shared. */
  close(): void {
    this.#requests.close();
  }
}
