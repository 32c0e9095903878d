/** What runs in the thread that compares passwords. See `password-thread.ts`. */

import { parentPort } from "node:worker_threads";
import { compareSync } from "bcryptjs";
import type { Comparison, ComparisonResult } from "./password-thread.ts";

parentPort?.on("message", ({ id, password, hash }: Comparison) => {
  parentPort?.postMessage({ id, matches: compareSync(password, hash) } satisfies ComparisonResult, []);
});
