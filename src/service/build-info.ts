/** What a long-running process is, as the metric `…_build_info`. Contains no secrets. */

import type { MetricsPage } from "./metrics.ts";
import { nodeVersion } from "./process-metrics.ts";

/** The version and the kind of storage. */
export interface Build {
  /** `unknown` when the caller names none */
  readonly version: string;
  /** `sqlite`, `postgres`, `mysql`; `files`; `given` by the caller */
  readonly storage: string;
}

/** Adds the metric, which is always 1: its labels describe the process. `prefix` begins all metric names of the process. */
export function addBuildInfo(page: MetricsPage, prefix: string, { version, storage }: Build): void {
  const name = `${prefix}_build_info`;
  const lines = (): string[] => [`${name}{version="${version}",node="${nodeVersion}",storage="${storage}"} 1`];
  page.addSeries({ name, help: "1; what runs.", type: "gauge", lines });
}
