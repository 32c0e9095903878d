/** What a registry says about a blob without giving it. */
import { NetworkError } from "../errors.ts";
import type { HttpResponse } from "../http/client/http-response.ts";
import type { Digest } from "../reference/digest.ts";
import type { RepositoryRequests } from "./repository-requests.ts";

/** A blob that the repository has. */
export interface StatedBlob {
  /** undefined when the registry does not say */
  readonly size: number | undefined;
}

/** a storage that the registry points to may take a GET only, for which the address was made */
const statusesOfNoHead: ReadonlySet<number> = new Set([400, 403, 405, 501]);

/** Asks for a blob with a HEAD. @returns undefined when the repository does not have it @throws NetworkError as requests do */
export async function statedBlob(requests: RepositoryRequests, digest: Digest): Promise<StatedBlob | undefined> {
  const response = await requests.send({ method: "HEAD" }, `blobs/${digest}`);
  response.discard();
  if (response.status === 404) return undefined;
  const isElsewhere = response.url.origin !== (await requests.urlOf(`blobs/${digest}`)).origin;
  if (isElsewhere && statusesOfNoHead.has(response.status)) {
    const size = await askedBlobSize(requests, digest);
    return size === undefined ? undefined : { size };
  }
  if (response.status !== 200) throw await requests.refusal(response, `a HEAD of blob ${digest}`);
  return { size: sizeIn(response.headers["content-length"]) };
}

/**
 * The size of a blob whose registry does not state it in the answer to a HEAD: from the answer to a GET of its first byte.
 *
 * @returns undefined when the repository does not have it
 * @throws NetworkError `RESPONSE_MALFORMED` when that does not say it either, and as requests do
 */
export async function askedBlobSize(requests: RepositoryRequests, digest: Digest): Promise<number | undefined> {
  const response = await requests.send({ method: "GET", headers: { range: "bytes=0-0" } }, `blobs/${digest}`);
  if (response.status === 404) {
    response.discard();
    return undefined;
  }
  const size = sizeOfFirstByte(response);
  if (size === undefined && ![200, 206, 416].includes(response.status))
    throw await requests.refusal(response, `a GET of blob ${digest}`);
  response.discard();
  if (size !== undefined) return size;
  throw new NetworkError("RESPONSE_MALFORMED", `${requests.registry} does not say how large blob ${digest} is`);
}

/** An empty blob has no first byte, and the answer says so. */
function sizeOfFirstByte({ status, headers }: HttpResponse): number | undefined {
  if (status === 200) return sizeIn(headers["content-length"]);
  const [, total] = /^bytes (?:0-0|\*)\/(\d+)$/u.exec(String(headers["content-range"])) ?? [];
  return status === 206 || status === 416 ? sizeIn(total) : undefined;
}

function sizeIn(text: string | readonly string[] | undefined): number | undefined {
  const size = typeof text === "string" && /^\d+$/u.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(size) ? size : undefined;
}
