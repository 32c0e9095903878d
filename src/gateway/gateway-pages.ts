/** Pages of the gateway about itself: alive, ready, metrics. They need no login and name no image. */
import type { Faults } from "../service/faults.ts";
import type { MetricsPage } from "../service/metrics.ts";
import type { Probe } from "../service/probe.ts";
import { liveBody, readyAnswer } from "../service/ready-answer.ts";
import type { Answer } from "./answer.ts";

/** What the pages show. */
export interface GatewayPages {
  readonly metrics: MetricsPage;
  readonly faults: Faults;
  /** tries whether what was accepted can be remembered */
  readonly memoryProbe: Probe;
}

/**
 * The answer for one of these paths; undefined for any other. Ready means that images can be decided about: without a memory they cannot, since going
 * back would not be noticed. Registries and trust servers are not judged: another gateway would find them in the same state.
 */
export async function ownPage(
  path: string,
  { metrics, faults, memoryProbe }: GatewayPages,
): Promise<Answer | undefined> {
  if (path === "/healthz") return page(200, liveBody);
  if (path === "/metrics") return page(200, metrics.toText(), "text/plain; version=0.0.4; charset=utf-8");
  if (path !== "/readyz") return undefined;
  const lost = await memoryProbe.look();
  const { status, body } = readyAnswer(lost === undefined, faults.reasons());
  return page(status, body);
}

function page(status: number, body: string, type = "application/json"): Answer {
  const length = String(Buffer.byteLength(body));
  return { status, headers: { "content-type": type, "content-length": length, "cache-control": "no-store" }, body };
}
