/** The resources of the process, under the names that every Prometheus client uses, Notary's server included. */

import { monitorEventLoopDelay } from "node:perf_hooks";
import type { MetricsPage } from "./metrics.ts";

/** Of the runtime, without a `v`. */
export const nodeVersion = process.versions.node;

/**
 * Adds memory, processor time and how long the event loop delayed requests since the last scrape.
 *
 * @param prefix of the metrics that are not common to all clients
 */
export function addProcessMetrics(metrics: MetricsPage, prefix = "tagseal_server"): void {
  const add = (name: string, help: string, value: () => number): void => {
    const type = name.endsWith("_total") ? "counter" : "gauge";
    metrics.addGauge({ name, help, type, value });
  };
  const startedAt = Date.now() / 1000 - process.uptime();
  add("process_start_time_seconds", "Start of the process, in seconds since 1970.", () => startedAt);
  add("process_resident_memory_bytes", "Memory of the process.", () => process.memoryUsage.rss());
  add("process_cpu_seconds_total", "Processor time of the process.", cpuSeconds);
  add(`${prefix}_heap_bytes`, "Memory of objects.", () => process.memoryUsage().heapUsed);
  add(`${prefix}_buffer_bytes`, "Memory of files and whatever else is bytes.", () => process.memoryUsage().external);
  add(`${prefix}_event_loop_delay_seconds`, "Longest wait of the event loop since the last look.", eventLoopDelay());
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** The monitor sleeps for its resolution and measures how much longer it slept. */
function eventLoopDelay(): () => number {
  const resolution = 20;
  const delay = monitorEventLoopDelay({ resolution });
  delay.enable();
  return () => {
    const longestMs = delay.max / 1e6;
    delay.reset();
    return Math.max(0, longestMs - resolution) / 1000;
  };
}
