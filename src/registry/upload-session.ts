/** One upload at a registry: how it starts, where it continues, how much has arrived, how it is completed. */
import { NetworkError } from "../errors.ts";
import type { HttpResponse } from "../http/client/http-response.ts";
import type { HttpRequest } from "../http/client/http-request.ts";
import type { Digest } from "../reference/digest.ts";
import type { Descriptor } from "./manifest.ts";
import { describeUrl } from "../http/client/network-failure.ts";
import { registryError } from "./registry-error.ts";

/** What an upload needs from its client. */
export interface UploadRequests {
  /** sends to the upload's URL: with credentials only where that is the registry itself */
  send(request: HttpRequest): Promise<HttpResponse>;
  /** starts an upload and returns 202, or 201 when the blob exists already (mounted, for example) */
  start(): Promise<HttpResponse>;
  /** the command that logs in, for hints */
  readonly login?: string;
  /** true when the repository has the blob by now */
  isStored(): Promise<boolean>;
}

/** A running upload: where its next bytes go, and how many the registry has acknowledged. */
export interface Upload {
  location: URL;
  offset: number;
  /** the registry accepts no smaller chunk, except the last */
  readonly minChunkBytes: number;
}

/** An honest registry may hash gigabytes before it confirms an upload. */
const commitPatienceMs = 60_000;
const maxMinChunkBytes = 256 * 1024 * 1024;

/** Starts an upload. @returns undefined when the repository has the blob already */
export async function beginUpload(requests: UploadRequests): Promise<Upload | undefined> {
  const response = await requests.start();
  response.discard();
  if (response.status === 201) return undefined;
  const minimum = Number(response.headers["oci-chunk-min-length"] ?? 0);
  const minChunkBytes = minimum > 0 && minimum <= maxMinChunkBytes ? minimum : 0;
  return { location: nextLocation(response), offset: 0, minChunkBytes };
}

/** Asks how much arrived. @returns undefined when the upload is gone, or the registry cannot continue it */
export async function whereItStands(upload: Upload, requests: UploadRequests): Promise<Upload | undefined> {
  const response = await requests.send({ method: "GET", url: upload.location });
  if (response.status >= 500) throw await registryError(response, "a GET of an upload's state", requests.login);
  response.discard();
  if (response.status !== 204 && response.status !== 200) return undefined;
  return { ...upload, location: nextLocation(response, upload.location), offset: acknowledged(response) ?? 0 };
}

/**
 * Completes an upload with its last bytes, which may be all of them or none.
 *
 * @throws NetworkError `REGISTRY_DIGEST_MISMATCH` when the registry reports other bytes, and as requests do
 */
export async function commitUpload(
  upload: Upload,
  last: Pick<HttpRequest, "body" | "headers">,
  blob: Descriptor,
  requests: UploadRequests,
): Promise<void> {
  const url = withDigest(upload.location, blob.digest);
  const request = { ...last, method: "PUT", url, patienceMs: commitPatienceMs, resend: true } as const;
  const response = await requests.send(request);
  if (!isSuccess(response)) throw await commitError(response, blob, requests);
  response.discard();
}

/** The address that completes an upload. */
export function withDigest(location: URL, digest: Digest): URL {
  const url = new URL(location);
  // appended as text: the registry's own parameters must come back exactly as it wrote them
  url.search = `${url.search}${url.search === "" ? "?" : "&"}digest=${encodeURIComponent(digest)}`;
  return url;
}

async function commitError(response: HttpResponse, blob: Descriptor, { login }: UploadRequests): Promise<NetworkError> {
  const error = await registryError(response, `the commit of blob ${blob.digest}`, login);
  if (!error.registryCodes.includes("DIGEST_INVALID")) return error;
  return new NetworkError("REGISTRY_DIGEST_MISMATCH", error.message, { status: response.status, cause: error });
}

/** Any status from 200 to 299: registries differ in which of them they choose. */
export function isSuccess({ status }: HttpResponse): boolean {
  return status >= 200 && status <= 299;
}

/**
 * Where an upload continues, from the Location header; `fallback` where there is none.
 *
 * @throws NetworkError `RESPONSE_MALFORMED` (no such header), `REDIRECT_REFUSED` (to plain HTTP, or with a user name)
 */
export function nextLocation(response: HttpResponse, fallback?: URL): URL {
  const text = response.headers.location;
  if (text === undefined && fallback !== undefined) return new URL(fallback);
  if (text === undefined || !URL.canParse(text, response.url.href)) {
    throw new NetworkError("RESPONSE_MALFORMED", `${describeUrl(response.url)} did not say where the upload continues`);
  }
  const location = new URL(text, response.url.href);
  const isDowngrade = response.url.protocol === "https:" && location.protocol !== "https:";
  if (isDowngrade || !/^https?:$/.test(location.protocol) || location.username !== "" || location.password !== "") {
    throw new NetworkError(
      "REDIRECT_REFUSED",
      `${describeUrl(response.url)} sends the upload to ${describeUrl(location)}: refused`,
    );
  }
  return location;
}

/** How many bytes the registry has, from `Range: 0-<last>`; undefined when it does not say. */
export function acknowledged(response: HttpResponse): number | undefined {
  const range = response.headers["range"];
  const last = /^(?:bytes=)?0-(\d{1,15})$/.exec(typeof range === "string" ? range : "")?.[1];
  // "0-0" is also how registries say that there is nothing yet
  return last === undefined ? undefined : last === "0" ? 0 : Number(last) + 1;
}
