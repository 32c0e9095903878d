/** Decodes a body in the coding `dcz`, which is whole before it is decoded. What comes out is checked like any other body. */

import { dczHeader, decodeDcz } from "../../encoding/dcz.ts";
import { gather } from "../../encoding/gathered-bytes.ts";
import { hasCode, NetworkError } from "../../errors.ts";
import type { DictionaryOffer } from "./http-request.ts";
import { describeUrl } from "./network-failure.ts";

/**
 * The content of a body that is a difference from `dictionary`.
 *
 * @throws NetworkError `RESPONSE_TOO_LARGE` beyond the bound, before it is decoded where the length is declared; `RESPONSE_MALFORMED` for a
 *   difference from something else, or one that cannot be decoded; what `chunks` throws
 */
export async function decodedDifference(
  chunks: AsyncIterable<Uint8Array>,
  dictionary: DictionaryOffer,
  url: URL,
): Promise<Uint8Array> {
  const { bytes, sha256, maxBytes } = dictionary;
  const tooLarge = (): NetworkError =>
    new NetworkError("RESPONSE_TOO_LARGE", `${describeUrl(url)} sent more than the ${maxBytes} bytes allowed there`);
  // A difference that is longer than the content is of no use to an honest server.
  const coded = await gather(chunks, maxBytes, tooLarge);
  try {
    if (dczHeader(coded).dictionary !== sha256) throw malformed(url, "from a file that was not offered");
    return await decodeDcz(coded, bytes, maxBytes);
  } catch (error) {
    if (hasCode(error, "TOO_LARGE")) throw tooLarge();
    if (hasCode(error, "DCZ_MALFORMED")) throw malformed(url, "that cannot be decoded", error);
    throw error;
  }
}

function malformed(url: URL, what: string, cause?: unknown): NetworkError {
  return new NetworkError("RESPONSE_MALFORMED", `${describeUrl(url)} sent a difference ${what}`, { cause });
}
