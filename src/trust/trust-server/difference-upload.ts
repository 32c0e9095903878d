/** Publications as the difference from what the server has: the body of the request in the coding `dcz`. RFC 9842. */

import { encodeDcz, isWithinDcz, minDictionaryBytes } from "../../encoding/dcz.ts";
import { sha256 } from "../../crypto/sha256.ts";
import { hasCode, NetworkError } from "../../errors.ts";
import type { RoleName } from "../../tuf/metadata.ts";

/**
 * The body as a difference from the published version of its largest file; undefined when nothing of it is published, or little is saved.
 *
 * @param earlier what is published now, by role
 * @param isAllowed whether the coding may be used with the server
 */
export async function differenceOf(
  body: Uint8Array,
  files: ReadonlyMap<RoleName, Uint8Array>,
  earlier: ReadonlyMap<RoleName, Uint8Array>,
  isAllowed: () => Promise<boolean>,
): Promise<Uint8Array | undefined> {
  const bySize = [...files].sort(([, one], [, other]) => other.length - one.length);
  const dictionary = bySize.map(([role]) => earlier.get(role)).find((bytes) => bytes !== undefined);
  if (dictionary === undefined || dictionary.length < minDictionaryBytes || !isWithinDcz(body.length)) return undefined;
  // Last, because finding out whether this runtime has the coding takes longer than reading a small repository.
  if (!(await isAllowed())) return undefined;
  const difference = await encodeDcz(body, dictionary, sha256(dictionary));
  return difference.length < body.length / 2 ? difference : undefined;
}

/**
 * True for the refusal of a difference that may be accepted as a whole: the server has another file now, or something between dropped the
 * name of the coding. Nothing was published then.
 */
export function wantsWholeBody(error: unknown): boolean {
  if (!(error instanceof NetworkError)) return false;
  if (error.status === 415 || error.status === 501) return true;
  return hasCode(error, "TRUST_SERVER_REFUSED") && [undefined, "MALFORMED_UPLOAD"].includes(error.serverCode);
}
