/**
 * Liveness and readiness, for whatever decides where requests go and which processes are started again. Both answer within a second, whatever
 * hangs.
 *
 * Ready means: requests are better sent here than nowhere, since this server does what it promises. That is less while a database that servers
 * share is away: files by their checksum, and a quick "not now" for the rest, from which clients go on. Taking all replicas away at once would
 * leave neither. So a lost database makes the server *degraded*, as do a signer that is gone, a store that takes no writes and
 * timestamps that are late. An embedded store that cannot be read makes it *unready*: nothing can be promised without it.
 * `/_notary_server/health` is the stricter one, as it always was.
 */

import { answeredWithin } from "../../service/answered-within.ts";
import type { CollectionReader } from "../collections/collection-reader.ts";
import type { Faults } from "../../service/faults.ts";
import { probePatienceMs, silence } from "../../service/probe.ts";
import type { HealthParts } from "./health.ts";
import { jsonReply, type Reply } from "./reply.ts";

/** What is looked at. The probes are among the faults. */
export interface ReadinessParts extends HealthParts {
  readonly reader: Pick<CollectionReader, "canAsk">;
  readonly faults: Faults;
}

/** The process answers. */
export function liveReply(): Reply {
  return jsonReply(200, '{"status":"live"}');
}

/** 200 with `ready` or `degraded`, 503 with `unready`; and a reason for each part that is not well. */
export async function readyReply({ storeProbe, signerProbe, reader, faults }: ReadinessParts): Promise<Reply> {
  const [reading] = await Promise.all([readingOf(reader), storeProbe.look(), signerProbe.look()]);
  const reasons = { ...(reading === "silent" && { store: silence.reason }), ...faults.reasons() };
  const isReady = reading !== "broken";
  const status = isReady ? (Object.keys(reasons).length === 0 ? "ready" : "degraded") : "unready";
  return jsonReply(isReady ? 200 : 503, JSON.stringify({ status, reasons }));
}

/**
 * `broken` for a store of this server alone that cannot be read: what is elsewhere may come back, and is asked again for each request. `silent`
 * where nobody knows yet; what is known is among the faults.
 */
async function readingOf(reader: Pick<CollectionReader, "canAsk">): Promise<"answered" | "silent" | "broken"> {
  let asked: ReturnType<typeof reader.canAsk>;
  try {
    asked = reader.canAsk();
  } catch {
    return "broken"; // such a store answers at once
  }
  const answered = Promise.resolve(asked).then(() => "answered" as const);
  return answeredWithin(answered, probePatienceMs, () => new Error("late")).catch(() => "silent" as const);
}
