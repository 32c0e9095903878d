/** How long a request may take, whatever hangs behind it, and whether it may change anything. */

import { answeredWithin } from "../../service/answered-within.ts";
import type { Reply } from "./reply.ts";
import { storeLost, WireError } from "./wire-error.ts";

/** Bounds the whole request. The parts have shorter bounds with more precise errors. */
export const readingMs = 10_000;
const changingMs = 60_000;

/** The answer to a read. @throws WireError `UNKNOWN` with 503 after ten seconds */
export function answeredRead(work: () => Promise<Reply>): Promise<Reply> {
  return answeredWithin(work(), readingMs, () => storeLost("UNKNOWN"));
}

/**
 * The answer to a change. After its time the outcome is uncertain, as with a broken connection: the client reads the current files to find out.
 *
 * @throws WireError `UPDATING` with 503 after a minute
 */
export function answeredChange(work: () => Promise<Reply>): Promise<Reply> {
  return answeredWithin(work(), changingMs, () => storeLost("UPDATING"));
}

/**
 * Refuses changes while the server is read-only. docker and notary report this status as "server not available", which is what their users need to know.
 *
 * @throws WireError `UPDATING` with 503
 */
export function requireWritable(isReadOnly: () => boolean): void {
  if (!isReadOnly()) return;
  throw new WireError("UPDATING", {
    status: 503,
    headers: { "Retry-After": "300" },
    detail: "this server is read-only",
    isIntended: true,
  });
}
