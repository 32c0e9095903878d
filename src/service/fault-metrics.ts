/** Metrics of faults and of the lifetime of certificates: the same for the server and the signer. */

import type { Faults } from "./faults.ts";
import type { MetricsPage } from "./metrics.ts";
import type { FileWatch } from "./watching/file-watch.ts";

/** Adds a line for each part that is watched: 1 while something is wrong with it. `prefix` begins all metric names of the process. */
export function addFaults(page: MetricsPage, prefix: string, faults: Faults): void {
  const name = `${prefix}_fault`;
  const lines = (): string[] => {
    const current = faults.current();
    return faults.parts.map((part) => `${name}{part="${part}"} ${Number(current.has(part))}`);
  };
  page.addSeries({ name, help: "1 while something needs a person.", type: "gauge", lines });
}

/** Adds a line for each kind of certificate: the time until it expires, by the clock of this machine. */
export function addCertificates(page: MetricsPage, prefix: string, watch: FileWatch): void {
  const name = `${prefix}_certificate_expiry_seconds`;
  const lines = (): string[] =>
    [...watch.expiries].map(([purpose, ms]) => `${name}{purpose="${purpose}"} ${Math.floor(ms / 1000)}`);
  const help = "Seconds until the first certificate of a chain, or the last of several authorities, expires.";
  page.addSeries({ name, help, type: "gauge", lines });
}
