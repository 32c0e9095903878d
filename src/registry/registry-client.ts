/**
 * The OCI distribution client: one repository of one registry. Everything it returns is checked against a digest, except a tag's
 * current digest, which is only the registry's claim.
 */
import type { Digest } from "../reference/digest.ts";
import type { ImageReference } from "../reference/image-reference.ts";
import { type BlobPart, downloadBlob, downloadPart, type OpenBlob } from "./blob-download.ts";
import { ensureBlob, isBlobThere, type PushBlobOptions, type PushBlobResult } from "./blob-push.ts";
import type { BlobContent } from "./blob-upload.ts";
import { type Descriptor, type ManifestContent, maxManifestBytes, mediaTypes } from "./manifest.ts";
import { fetchManifest, findManifest, storeManifest, type WantedManifest } from "./manifest-requests.ts";
import { PushRelay } from "./push-relay.ts";
import { header, indexEntries } from "./registry-response.ts";
import { type RegistryClientOptions, RepositoryRequests } from "./repository-requests.ts";
import { askedBlobSize, type StatedBlob, statedBlob } from "./stated-blob.ts";
import { everyTag, fetchTagPage, type TagPage } from "./tag-pages.ts";

export type { RegistryClientOptions } from "./repository-requests.ts";

/** The client of one repository. Close it when done. */
export class RegistryClient {
  /** the repository's registry, as in a reference */
  readonly registry: string;
  /** the repository's path within it */
  readonly repository: string;
  /** pushes of another client */
  readonly relay: PushRelay;
  readonly #requests: RepositoryRequests;

  private constructor(reference: Pick<ImageReference, "registry" | "repository">, options: RegistryClientOptions) {
    this.registry = reference.registry;
    this.repository = reference.repository;
    this.#requests = new RepositoryRequests(reference, options);
    this.relay = new PushRelay(this.#requests);
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
    return downloadBlob(descriptor, this.#openBlob(descriptor), {
      signal: this.#requests.signal,
      login: this.#requests.login,
    });
  }

  /** A part of a blob, which is not verified. @throws NetworkError as {@link blob}, and `RESPONSE_MALFORMED` for another part */
  blobPart(descriptor: Descriptor, part: BlobPart): AsyncIterable<Uint8Array> {
    return downloadPart(descriptor, part, this.#openBlob(descriptor), this.#requests.login);
  }

  /** Asks for a blob without its bytes. @returns undefined when the repository does not have it @throws NetworkError as requests do */
  async statedBlob(digest: Digest): Promise<StatedBlob | undefined> {
    return await statedBlob(this.#requests, digest);
  }

  /** The size of a blob, also where the registry does not state it in a HEAD; undefined when the repository does not have it. @throws NetworkError */
  async blobSize(digest: Digest): Promise<number | undefined> {
    const stated = await statedBlob(this.#requests, digest);
    return stated === undefined || stated.size !== undefined
      ? stated?.size
      : await askedBlobSize(this.#requests, digest);
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
  tags(): AsyncGenerator<string, void> {
    return everyTag(this.#requests);
  }

  /** One page of the tags. @param query `n`, `last`, or what the registry calls a page @throws NetworkError as {@link tags} */
  async tagPage(query: URLSearchParams): Promise<TagPage> {
    return await fetchTagPage(this.#requests, await this.#requests.urlOf(`tags/list?${query.toString()}`));
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

  #openBlob({ digest }: Descriptor): OpenBlob {
    return (headers) => this.#requests.send({ method: "GET", headers }, `blobs/${digest}`);
  }
}
