/** Loaded before every test file of a soak: properties that do not say how often they run, run TAGSEAL_FUZZ_RUNS times. */
import { configureGlobal } from "fast-check";

configureGlobal({ numRuns: Number(process.env["TAGSEAL_FUZZ_RUNS"] ?? 100) });
