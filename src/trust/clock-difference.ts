/** Who is wrong when everything seems expired: the files, or a clock. The trust server's answers say what its clock shows. */

import { hasCode, reworded } from "../errors.ts";
import { durationWords } from "../tuf/timestamp-age.ts";
import type { TrustContext } from "./trust-context.ts";

/** Clocks may differ by this much without a word. */
const silentMs = 5 * 60_000;

/** The same failure; when it is about time, and the server's clock differs from this machine's, with a hint that says so. */
export function withClocks(error: unknown, { server, now }: Pick<TrustContext, "server" | "now">): unknown {
  if (!hasCode(error, "METADATA_EXPIRED", "METADATA_STALE", "ROOT_INVALID")) return error;
  const answered = server.answeredAt;
  if (answered === undefined) return error;
  const aheadMs = now().getTime() - answered.getTime();
  if (Math.abs(aheadMs) <= silentMs) return error;
  const [own, theirs] = [now().toISOString(), answered.toISOString()];
  const difference = `${durationWords(Math.abs(aheadMs))} ${aheadMs > 0 ? "ahead" : "behind"}`;
  const clocks = `This machine's clock says ${own}, the trust server's ${theirs}: this machine is ${difference}. Set the wrong one right, then try again.`;
  return reworded(error, { hint: clocks });
}
