/**
 * The OCI distribution client: one repository of one registry. Everything it returns is checked against a digest, except a tag's
 * current digest, which is only the registry's claim.
 */
import { hasCode, NetworkError, UsageError } from "../errors.ts";
import { type Digest, digestAlgorithm, isDigest } from "../reference/digest.ts";
import { type ImageReference, isTag } from "../reference/image-reference.ts";
import { downloadBlob } from "./blob-download.ts";
import { loginHint } from "./authentication.ts";
import { type BlobContent, uploadBlob, type UploadRequests } from "./blob-upload.ts";
import type { HttpRequest, HttpResponse } from "../http/client/http-client.ts";
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
import { type Connection, type ConnectionOptions, openConnection } from "./registry-connection.ts";
import { RegistryError, registryError } from "./registry-error.ts";
import { header, indexEntries, manifestType, nextPage, parseTags } from "./registry-response.ts";
import { retrying } from "./temporary-failures.ts";

/** Settings of a {@link RegistryClient}; nothing is read from the process. */
export interface RegistryClientOptions extends ConnectionOptions {
  /** the rights of tokens: `pull` (default), or `push`, which includes it */
  readonly access?: "pull" | "push";
}

/** Options of {@link RegistryClient.pushBlob}. */
export interface PushBlobOptions {
  /** another repository of this registry that probably has the blob */
  readonly mountFrom?: string;
  readonly onProgress?: (bytes: number) => void;
  readonly chunkBytes?: number;
}

/** A manifest requested by digest: the other members must match as well. A {@link Descriptor} is one. */
export interface WantedManifest {
  readonly digest: Digest;
  readonly size?: number;
  readonly mediaType?: string;
}

/** How a blob got into the repository. */
export type PushBlobResult = "present" | "mounted" | "uploaded";

const defaultChunkBytes = 8 * 1024 * 1024;
const maxTagPages = 10_000;
const maxPageBytes = 8 * 1024 * 1024;

/** The client of one repository. Close it when done. */
export class RegistryClient {
  /** the repository's registry, as in a reference */
  readonly registry: string;
  /** the repository's path within it */
  readonly repository: string;
  readonly #options: RegistryClientOptions;
  #connection: Promise<Connection> | undefined;

  private constructor(reference: Pick<ImageReference, "registry" | "repository">, options: RegistryClientOptions) {
    this.registry = reference.registry;
    this.repository = reference.repository;
    this.#options = options;
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
    return await retrying(() => this.#fetchManifest(expected), { signal: this.#options.signal });
  }

  async #fetchManifest(expected: Omit<WantedManifest, "digest"> & { digest: string }): Promise<ManifestContent> {
    const name = expected.digest;
    const headers = { accept: acceptedManifests };
    const response = await this.#request({ method: "GET", headers }, `manifests/${name}`);
    if (response.status !== 200) throw await this.#refusal(response, `a GET of ${this.#named(name)}`);
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
    const response = await this.#request({ method: "HEAD", headers }, `manifests/${tagOrDigest}`);
    response.discard();
    if (response.status === 404) return undefined;
    if (response.status !== 200) throw await this.#refusal(response, `a HEAD of ${this.#named(tagOrDigest)}`);
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
      this.#request({ method: "GET", headers }, `blobs/${descriptor.digest}`);
    return downloadBlob(descriptor, open, { signal: this.#options.signal, login: this.#login });
  }

  /** Asks whether the repository has a blob of this digest and size. */
  async hasBlob(descriptor: Descriptor): Promise<boolean> {
    const response = await this.#request({ method: "HEAD" }, `blobs/${descriptor.digest}`);
    response.discard();
    if (response.status === 404) return false;
    if (response.status !== 200) throw await this.#refusal(response, `a HEAD of blob ${descriptor.digest}`);
    const length = response.headers["content-length"];
    return length === undefined || Number(length) === descriptor.size;
  }

  /**
   * Ensures that the repository has a blob: finds it there, mounts it from another repository, or uploads it.
   *
   * @throws NetworkError `REGISTRY_DIGEST_MISMATCH`, `REGISTRY_ERROR`, and as requests do
   */
  async pushBlob(content: BlobContent, options: PushBlobOptions = {}): Promise<PushBlobResult> {
    if (await this.#isKnownThere(content.descriptor)) return "present";
    const { descriptor } = content;
    const { base } = await this.#connect();
    const url = new URL(`${this.repository}/blobs/uploads/`, base);
    const { mountFrom } = options;
    let first =
      mountFrom === undefined || mountFrom === this.repository
        ? undefined
        : await this.#mount(url, descriptor, mountFrom);
    if (first?.status === 201) {
      first.discard();
      return "mounted";
    }
    const requests: UploadRequests = {
      send: (request) => this.#send(request),
      start: async () => {
        const response = first ?? (await this.#startUpload(url, descriptor));
        first = undefined;
        return response;
      },
      isStored: () => this.#isKnownThere(descriptor),
      login: this.#login,
    };
    return await uploadBlob(content, requests, {
      signal: this.#options.signal,
      onProgress: options.onProgress,
      chunkBytes: options.chunkBytes ?? defaultChunkBytes,
    });
  }

  /** A registry that does not answer this question may accept the blob nevertheless. */
  async #isKnownThere(descriptor: Descriptor): Promise<boolean> {
    try {
      return await this.hasBlob(descriptor);
    } catch (error) {
      if (error instanceof RegistryError && [400, 403, 405, 501].includes(error.status ?? 0)) return false;
      throw error;
    }
  }

  /**
   * Mounts a blob of another repository.
   *
   * @returns 201 when it was mounted, the new upload when the registry started one instead; undefined when it refuses to mount, which says
   *   nothing about uploading
   */
  async #mount(url: URL, blob: Descriptor, from: string): Promise<HttpResponse | undefined> {
    const mount = new URL(url);
    mount.searchParams.set("mount", blob.digest);
    mount.searchParams.set("from", from);
    try {
      const scopes = [...this.#scopes(), `repository:${from}:pull`];
      const response = await this.#send({ method: "POST", url: mount, resend: true }, scopes);
      if (response.status === 201 || isBegun(response)) return response;
      response.discard();
    } catch (error) {
      if (!hasCode(error, "AUTHENTICATION_REFUSED", "AUTHENTICATION_REQUIRED")) throw error;
    }
    return undefined;
  }

  async #startUpload(url: URL, blob: Descriptor): Promise<HttpResponse> {
    const response = await this.#send({ method: "POST", url, resend: true });
    if (isBegun(response)) return response;
    // "created", although nothing was sent: true where the repository has the blob
    if (response.status === 201 && (await this.hasBlob(blob))) return response;
    throw await this.#refusal(response, "the start of a blob upload");
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
        const answer = await this.#request(request, `manifests/${tagOrDigest}`);
        if (answer.status < 200 || answer.status > 299)
          throw await this.#refusal(answer, `a PUT of ${this.#named(tagOrDigest)}`);
        return answer;
      },
      { signal: this.#options.signal },
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
    const { base } = await this.#connect();
    let url: URL | undefined = new URL(`${this.repository}/tags/list?n=1000`, base);
    for (let page = 0; url !== undefined; page++) {
      if (page >= maxTagPages)
        throw new NetworkError("RESPONSE_MALFORMED", `${describeUrl(url)} has more than ${maxTagPages} pages`);
      const response: HttpResponse = await this.#send({ method: "GET", url, acceptGzip: true });
      if (response.status !== 200) throw await this.#refusal(response, "a GET of the tag list");
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
    const response = await this.#request({ method: "GET", headers, acceptGzip: true }, `referrers/${digest}`);
    const isIndex = header(response, "content-type")?.startsWith(mediaTypes.ociIndex) === true;
    if (response.status === 200 && isIndex) return indexEntries(await response.bytes(maxManifestBytes));
    response.discard();
    if (response.status !== 404 && response.status !== 200) throw await this.#refusal(response, "a GET of referrers");
    const tag = digest.replace(":", "-").slice(0, 128);
    const fallback = await this.#request({ method: "GET", headers }, `manifests/${tag}`);
    if (fallback.status === 200) return indexEntries(await fallback.bytes(maxManifestBytes));
    fallback.discard();
    if (fallback.status === 404) return [];
    throw await this.#refusal(fallback, "a GET of referrers");
  }

  /** Removes a manifest (by digest) or a tag. @throws NetworkError `REGISTRY_NOT_FOUND`, `REGISTRY_ERROR` where deletion is off */
  async deleteManifest(tagOrDigest: string): Promise<void> {
    const response = await this.#request({ method: "DELETE" }, `manifests/${tagOrDigest}`);
    if (response.status !== 202 && response.status !== 200)
      throw await this.#refusal(response, `a DELETE of ${this.#named(tagOrDigest)}`);
    response.discard();
  }

  /** Releases every connection, unless they are shared. */
  close(): void {
    const connection = this.#connection;
    this.#connection = undefined;
    // a failed connection has nothing to close; its failure was reported to the caller
    connection?.then(
      (opened) => opened.close(),
      () => undefined,
    );
  }

  #named(tagOrDigest: string): string {
    return `${this.registry}/${this.repository}${isDigest(tagOrDigest) ? "@" : ":"}${tagOrDigest}`;
  }

  async #request(request: Omit<HttpRequest, "url">, path: string): Promise<HttpResponse> {
    const name = path.slice(path.indexOf("/") + 1);
    // the name becomes part of a URL: "../" and "?" would ask for something else
    if (!isTag(name) && !isDigest(name)) {
      throw new UsageError("REFERENCE_INVALID", `${JSON.stringify(name.slice(0, 80))} is neither a tag nor a digest`);
    }
    const { base } = await this.#connect();
    return await this.#send({ ...request, url: new URL(`${this.repository}/${path}`, base) });
  }

  async #send(request: HttpRequest, scopes: readonly string[] = this.#scopes()): Promise<HttpResponse> {
    const { base, authenticator, http } = await this.#connect();
    const { signal } = this.#options;
    const complete = signal === undefined ? request : { ...request, signal };
    // an upload may continue at another server, which must not get the credentials, even if it asks
    return request.url.origin === base.origin
      ? await authenticator.request(complete, scopes)
      : await http.request(complete);
  }

  async #refusal(response: HttpResponse, asked: string): Promise<RegistryError> {
    return await registryError(response, asked, this.#login);
  }

  get #login(): string {
    return loginHint(this.#options.login ?? "docker login", this.registry);
  }

  #scopes(): readonly string[] {
    return [`repository:${this.repository}:${this.#options.access === "push" ? "pull,push" : "pull"}`];
  }

  #connect(): Promise<Connection> {
    this.#connection ??= openConnection(this, this.#options);
    return this.#connection;
  }
}

/** Most registries answer 202; what matters is that they say where the upload continues. */
function isBegun({ status, headers }: HttpResponse): boolean {
  return [200, 202, 204].includes(status) && headers.location !== undefined;
}
