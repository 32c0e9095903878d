/** Pushes of another client, passed on request by request: what it sends goes on as it comes, and the registry's answer comes back. */
import { NetworkError } from "../errors.ts";
import type { HttpRequest, PassingBody } from "../http/client/http-request.ts";
import type { HttpResponse } from "../http/client/http-response.ts";
import { describeUrl } from "../http/client/network-failure.ts";
import type { Digest } from "../reference/digest.ts";
import { acceptedManifests } from "./manifest.ts";
import type { RegistryError } from "./registry-error.ts";
import type { RepositoryRequests } from "./repository-requests.ts";
import { nextLocation, withDigest } from "./upload-session.ts";

/** How an upload begins. */
export interface UploadBeginning {
  /** a blob that another repository may have */
  readonly mount?: { readonly digest: Digest; readonly from: string | undefined } | undefined;
  /** the whole blob comes with this request */
  readonly whole?: { readonly digest: Digest; readonly body: PassingBody | undefined } | undefined;
  /** the algorithm of the digest that will be named at the end */
  readonly algorithm?: string | undefined;
}

/** What is done to an upload. */
export interface UploadStep {
  readonly method: "GET" | "HEAD" | "PATCH" | "PUT" | "DELETE";
  /** path and query, as {@link PushRelay.continuesAt} gave them */
  readonly location: string;
  readonly body?: PassingBody | undefined;
  readonly contentRange?: string | undefined;
  /** completes the upload */
  readonly digest?: Digest | undefined;
}

/** A registry may write a piece to slow storage before it answers, and copy and hash gigabytes before it confirms a blob. */
const patience = { pieceMs: 60_000, commitMs: 300_000 };
/** far more than registries use; it becomes part of a path */
const maxLocationLength = 4_096;

/** See the top of this file. Answers are not judged; throws NetworkError as requests do. */
export class PushRelay {
  readonly #requests: RepositoryRequests;

  constructor(requests: RepositoryRequests) {
    this.#requests = requests;
  }

  /** Begins an upload. */
  async begin({ mount, whole, algorithm }: UploadBeginning = {}): Promise<HttpResponse> {
    const url = await this.#requests.urlOf("blobs/uploads/");
    if (mount !== undefined) url.searchParams.set("mount", mount.digest);
    if (mount?.from !== undefined) url.searchParams.set("from", mount.from);
    if (whole !== undefined) url.searchParams.set("digest", whole.digest);
    if (algorithm !== undefined) url.searchParams.set("digest-algorithm", algorithm);
    const others = mount?.from === undefined ? [] : [`repository:${mount.from}:pull`];
    const body = whole?.body;
    const patienceMs = whole === undefined ? patience.pieceMs : patience.commitMs;
    return await this.#requests.sendTo({ method: "POST", url, patienceMs, ...withBody(body) }, others);
  }

  /** Continues, completes, looks at or cancels an upload. */
  async step({ method, location, body, contentRange, digest }: UploadStep): Promise<HttpResponse> {
    const { origin } = await this.#requests.urlOf("");
    const begun = new URL(`${origin}${location}`);
    const url = digest === undefined ? begun : withDigest(begun, digest);
    const { headers = {}, ...sent } = withBody(body);
    const range = contentRange === undefined ? {} : { "content-range": contentRange };
    const patienceMs = method === "PUT" ? patience.commitMs : patience.pieceMs;
    return await this.#requests.sendTo({ method, url, patienceMs, ...sent, headers: { ...headers, ...range } });
  }

  /** Stores a manifest. */
  async manifest(tagOrDigest: string, bytes: Uint8Array, mediaType: string | undefined): Promise<HttpResponse> {
    const headers = mediaType === undefined ? {} : { "content-type": mediaType };
    const request = { method: "PUT", headers, body: bytes, patienceMs: patience.pieceMs } as const;
    return await this.#requests.send(request, `manifests/${tagOrDigest}`);
  }

  /** Asks whether there is a manifest or blob. */
  async head(kind: "manifests" | "blobs", name: string): Promise<HttpResponse> {
    const headers = kind === "manifests" ? { accept: acceptedManifests } : {};
    return await this.#requests.send({ method: "HEAD", headers }, `${kind}/${name}`);
  }

  /**
   * Where an upload continues: path and query at this registry.
   *
   * @throws NetworkError `REDIRECT_REFUSED` for another server, `RESPONSE_MALFORMED` without a place, or with an endless one
   */
  async continuesAt(response: HttpResponse, fallback?: string): Promise<string> {
    const { origin } = await this.#requests.urlOf("");
    const location = nextLocation(response, fallback === undefined ? undefined : new URL(`${origin}${fallback}`));
    if (location.origin !== origin) {
      const where = `${describeUrl(response.url)} sends the upload to ${location.origin}`;
      throw new NetworkError("REDIRECT_REFUSED", `${where}: refused`);
    }
    const path = location.pathname + location.search;
    if (path.length <= maxLocationLength) return path;
    throw new NetworkError("RESPONSE_MALFORMED", `${describeUrl(response.url)} sent a location without end`);
  }

  /** The error for an answer with an unwanted status. @param asked what was asked for, as part of a sentence */
  async refusal(response: HttpResponse, asked: string): Promise<RegistryError> {
    return await this.#requests.refusal(response, asked);
  }
}

function withBody(body: PassingBody | undefined): Pick<HttpRequest, "body" | "headers"> {
  return body === undefined ? {} : { body, headers: { "content-type": "application/octet-stream" } };
}
