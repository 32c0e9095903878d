/** What the process itself costs: the names are those that every Prometheus client gives, Notary's server's among them. */

import { monitorEventLoopDelay } from "node:perf_hooks";
import type { MetricsPage } from "./metrics.ts";

/** Of the runtime, without a `v`. */
export const nodeVersion = process.versions.node;

/**
 * Adds memory, processor time and how long the event loop kept requests waiting since the last look.
 *
 * @param prefix of the names that not every client gives
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

/** The monitor sleeps for its resolution and sees how much longer it slept. */
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
