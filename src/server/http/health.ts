/** Whether every operation works now. Notary v1: health and metrics. */

import type { Probe } from "../../service/probe.ts";
import { jsonReply, type Reply } from "./reply.ts";

/** What publications need, probed on request, once a second at most. */
export interface HealthParts {
  readonly storeProbe: Probe;
  readonly signerProbe: Probe;
}

/** 200 `{}`, or 503 naming what failed; within a second, whatever hangs. */
export async function healthReply({ storeProbe, signerProbe }: HealthParts): Promise<Reply> {
  const [store, signer] = await Promise.all([storeProbe.look(), signerProbe.look()]);
  const failures = {
    ...(store !== undefined && { "DB operational": store.reason }),
    ...(signer !== undefined && { "Trust operational": signer.reason }),
  };
  return jsonReply(Object.keys(failures).length === 0 ? 200 : 503, JSON.stringify(failures));
}
