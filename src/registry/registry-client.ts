/**
 * The OCI distribution client: one repository of one registry. Everything it returns is checked against a digest, except a tag's
 * current digest, which is only the registry's claim.
 */
import { NetworkError } from "../errors.ts";
import type { Digest } from "../reference/digest.ts";
import type { ImageReference } from "../reference/image-reference.ts";
import { downloadBlob } from "./blob-download.ts";
import { ensureBlob, isBlobThere, type PushBlobOptions, type PushBlobResult } from "./blob-push.ts";
import type { BlobContent } from "./blob-upload.ts";
import type { HttpResponse } from "../http/client/http-response.ts";
import { type Descriptor, type ManifestContent, maxManifestBytes, mediaTypes } from "./manifest.ts";
import { fetchManifest, findManifest, storeManifest, type WantedManifest } from "./manifest-requests.ts";
import { describeUrl } from "../http/client/network-failure.ts";
import { header, indexEntries, nextPage, parseTags } from "./registry-response.ts";
import { type RegistryClientOptions, RepositoryRequests } from "./repository-requests.ts";

export type { RegistryClientOptions } from "./repository-requests.ts";

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
    return await fetchManifest(this.#requests, expected);
  }

  /**
   * Asks whether the repository has a manifest (by tag or digest).
   *
   * @returns the digest that the registry names; undefined when it has no such manifest
   */
  async findManifest(tagOrDigest: string): Promise<Digest | undefined> {
    return await findManifest(this.#requests, tagOrDigest);
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
    return await storeManifest(this.#requests, tagOrDigest, { bytes, mediaType });
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
