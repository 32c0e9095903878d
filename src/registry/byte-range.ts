/** The part of a blob that a client asks for. */
import type { BlobPart } from "./blob-download.ts";

/** `whole`: send all of it, which every client understands; `unsatisfiable`: no byte of it is asked for. */
export type AskedPart = BlobPart | "whole" | "unsatisfiable";

/**
 * Reads a Range header. Several parts, other units and what is malformed are ignored, as the standard allows.
 *
 * @param size of the blob, in bytes
 * @see RFC 9110, 14.2
 */
export function parseRange(header: string | undefined, size: number): AskedPart {
  const found = /^bytes=(\d{0,15})-(\d{0,15})$/u.exec(header ?? "");
  const [, from = "", to = ""] = found ?? [];
  if (found === null || (from === "" && to === "")) return "whole";
  const first = from === "" ? Math.max(0, size - Number(to)) : Number(from);
  const last = from === "" || to === "" ? size - 1 : Math.min(Number(to), size - 1);
  if (from !== "" && to !== "" && Number(to) < Number(from)) return "whole";
  return first >= size || last < first ? "unsatisfiable" : { first, last };
}
