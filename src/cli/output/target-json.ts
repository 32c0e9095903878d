import { encodeHex } from "../../encoding/hex.ts";
import type { Target } from "../../tuf/metadata.ts";

/** The content of a target for `--json`: all hashes, in hexadecimal. */
export function targetJson({ hashes, length, custom }: Target): Record<string, unknown> {
  const hex = Object.fromEntries([...hashes].map(([algorithm, hash]) => [algorithm, encodeHex(hash)]));
  return { hashes: hex, length, ...(custom === undefined ? {} : { custom }) };
}
