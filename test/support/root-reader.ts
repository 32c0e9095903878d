/** A thread that looks at a file all the time, as other processes of a machine might, and counts how often it was there and how often not. */
import { existsSync } from "node:fs";
import { workerData } from "node:worker_threads";

const { path, counts } = workerData as { readonly path: string; readonly counts: Int32Array };
while (Atomics.load(counts, 2) === 0) Atomics.add(counts, existsSync(path) ? 0 : 1, 1);
