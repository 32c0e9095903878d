/**
 * Liveness and readiness, for the load balancer that routes requests and the orchestrator that restarts processes. Both answer within a second, whatever hangs.
 *
 * Ready means: sending requests here is better than sending none. While a shared database is unavailable the server still answers files by their
 * checksum, and refuses the rest quickly, from which clients continue. Taking all replicas out of service at once would lose both. So a lost database
 * makes the server *degraded*, as do an unreachable signer, a store that takes no writes and
 * timestamps that are late. An embedded store that cannot be read makes it *unready*: nothing works without it.
 * `/_notary_server/health` is the stricter one, as it always was.
 */

import { answeredWithin } from "../../service/answered-within.ts";
import type { CollectionReader } from "../collections/collection-reader.ts";
import type { Faults } from "../../service/faults.ts";
import { probePatienceMs, silence } from "../../service/probe.ts";
import type { HealthParts } from "./health.ts";
import { liveBody, readyAnswer } from "../../service/ready-answer.ts";
import { jsonReply, type Reply } from "./reply.ts";

/** What readiness is decided from. The probes are among the faults. */
export interface ReadinessParts extends HealthParts {
  readonly reader: Pick<CollectionReader, "canAsk">;
  readonly faults: Faults;
}

/** The process answers. */
export function liveReply(): Reply {
  return jsonReply(200, liveBody);
}

/** 200 with `ready` or `degraded`, 503 with `unready`; and a reason for each part with a fault. */
export async function readyReply({ storeProbe, signerProbe, reader, faults }: ReadinessParts): Promise<Reply> {
  const [reading] = await Promise.all([readingOf(reader), storeProbe.look(), signerProbe.look()]);
  const reasons = { ...(reading === "silent" && { store: silence.reason }), ...faults.reasons() };
  const isReady = reading !== "broken";
  const { status, body } = readyAnswer(isReady, reasons);
  return jsonReply(status, body);
}

/**
 * `broken` for an embedded store that cannot be read: a remote one may come back, and is tried again for each request. `silent` while the state is
 * unknown; what is known is among the faults.
 */
async function readingOf(reader: Pick<CollectionReader, "canAsk">): Promise<"answered" | "silent" | "broken"> {
  let asked: ReturnType<typeof reader.canAsk>;
  try {
    asked = reader.canAsk();
  } catch {
    return "broken"; // an embedded store answers at once
  }
  const answered = Promise.resolve(asked).then(() => "answered" as const);
  return answeredWithin(answered, probePatienceMs, () => new Error("late")).catch(() => "silent" as const);
}
