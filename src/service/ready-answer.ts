/** What probes of orchestrators and load balancers are answered, by every long-running process. */

/** The process answers. */
export const liveBody = '{"status":"live"}';

/**
 * 200 with `ready`, or with `degraded` when something needs a person; 503 with `unready`.
 *
 * @param reasons by part; public, see `Fault`
 */
export function readyAnswer(
  isReady: boolean,
  reasons: Readonly<Record<string, string>>,
): { readonly status: 200 | 503; readonly body: string } {
  const status = isReady ? (Object.keys(reasons).length === 0 ? "ready" : "degraded") : "unready";
  return { status: isReady ? 200 : 503, body: JSON.stringify({ status, reasons }) };
}
