/** Which file of this machine is offered to a trust server as a dictionary, so that it can send the difference. RFC 9842. */

import { minDictionaryBytes, supportsDcz } from "../../encoding/dcz.ts";
import { sha256Hex } from "../../crypto/sha256.ts";
import type { DictionaryOffer } from "../../http/client/http-request.ts";
import type { HttpResponse } from "../../http/client/http-response.ts";
import { isLoopbackHost } from "../../reference/loopback.ts";

/**
 * True when the coding may be used with a server: over TLS, or on this machine. RFC 9842 §8: other intermediaries may damage it.
 */
export async function allowsDcz(url: URL): Promise<boolean> {
  return (url.protocol === "https:" || isLoopbackHost(url.hostname)) && (await supportsDcz());
}

/**
 * The offer of a version of the file that is asked for; undefined when it is not worth it, or the runtime cannot decode the answer.
 *
 * Off-spec: RFC 9842 lets a client offer what came with `Use-As-Dictionary` from the same origin. Here it is what this machine remembers
 * of the same role of the same collection, wherever it came from: the files of a role are always similar, and its server may have moved.
 */
export async function offeredDictionary(
  url: URL,
  earlier: Uint8Array | undefined,
  maxBytes: number,
): Promise<DictionaryOffer | undefined> {
  if (earlier === undefined || Math.min(earlier.length, maxBytes) < minDictionaryBytes) return undefined;
  if (!(await allowsDcz(url))) return undefined;
  return { bytes: earlier, sha256: sha256Hex(earlier), maxBytes };
}

/** True when a server says that it takes uploads as a difference. RFC 9110 §12.5.3. */
export function announcesDcz({ headers }: HttpResponse): boolean {
  const codings = (headers["accept-encoding"] ?? "").split(",");
  return codings.some((coding) => coding.trim().toLowerCase() === "dcz");
}
