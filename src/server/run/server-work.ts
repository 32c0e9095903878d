/** What a server does behind its requests: reading, publishing, renewing, pruning, and watching itself. */

import { ServerClock } from "../clock/server-clock.ts";
import { UploadChecks } from "../checking/upload-checks.ts";
import { CollectionReader } from "../collections/collection-reader.ts";
import { Publications } from "../collections/publications.ts";
import { FreshnessKeeper } from "../freshness/freshness-keeper.ts";
import { defaultLifetimes, type Lifetimes, renewalLead } from "../freshness/lifetimes.ts";
import { RepositoryLimits } from "../limits/repository-limits.ts";
import { UsageWatch } from "../limits/usage-watch.ts";
import { type ProposalLimits, Proposals } from "../proposals/proposals.ts";
import { Faults } from "../../service/faults.ts";
import { Probe } from "../../service/probe.ts";
import type { ServerLog } from "../../service/log.ts";
import type { FileWatch } from "../../service/watching/file-watch.ts";
import type { SigningService } from "../signer/signing-service.ts";
import type { MetadataStore } from "../storage/metadata-store.ts";
import { defaultKeepVersionsMs, type ServerLimits, type ServerOptions } from "./server-options.ts";
import { SignerKeyCheck } from "./signer-key-check.ts";
import { Upkeep } from "./upkeep.ts";

/** What the work needs. */
export interface ServerWorkParts {
  readonly store: MetadataStore;
  readonly signer: SigningService;
  readonly limits: Pick<ServerLimits, "maxCacheBytes"> & ProposalLimits;
  readonly now: () => Date;
  readonly log: ServerLog;
  readonly watch: FileWatch;
}

/** The parts that do the work. Nothing happens before they begin, or before a request uses them. */
export interface ServerWork {
  readonly reader: CollectionReader;
  readonly clock: ServerClock;
  readonly usageLimits: RepositoryLimits;
  readonly usage: UsageWatch;
  readonly checks: UploadChecks;
  readonly publications: Publications;
  readonly proposals: Proposals;
  readonly keeper: FreshnessKeeper;
  readonly upkeep: Upkeep;
  readonly keyCheck: SignerKeyCheck;
  readonly storeProbe: Probe;
  readonly signerProbe: Probe;
  readonly faults: Faults;
}

/**
 * Makes the parts and connects them.
 *
 * @throws TagsealError `SERVER_CONFIGURATION` for invalid settings
 */
export function makeWork(options: ServerOptions, parts: ServerWorkParts): ServerWork {
  const { store, signer, limits, log, watch } = parts;
  const lifetimes = options.lifetimes ?? defaultLifetimes;
  const reader = new CollectionReader(store, { maxBytes: limits.maxCacheBytes, maxAgeMs: options.cacheMaxAgeMs, log });
  const newestSignedAt = (): number | undefined => keeper.status().newestSignedAt;
  const { timestampMs: timestampLifetimeMs } = lifetimes;
  const clock: ServerClock = new ServerClock({ store, now: parts.now, log, timestampLifetimeMs, newestSignedAt });
  const now = (): Date => clock.signingTime();
  const usageLimits = new RepositoryLimits(options.usageLimits);
  const usage = new UsageWatch({ store, limits: usageLimits, log });
  const checks = new UploadChecks(options.checkBounds);
  const publishing = { store, signer, reader, log, now, lifetimes, limits: usageLimits, clock, checks };
  const publications = new Publications(publishing);
  const proposals = new Proposals({ store, signer, publications, log, now, limits });
  const mayShorten = (): boolean => clock.mayShorten;
  const lead = renewalLead(lifetimes);
  const keeper: FreshnessKeeper = new FreshnessKeeper({ store, publications, log, now, lead, mayShorten });
  const keepVersionsMs = options.keepVersionsMs ?? defaultKeepVersionsMs;
  const upkeep = new Upkeep({ keeper, store, log, now, keepVersionsMs, clock });
  const { acceptLostKeys } = options;
  const keyCheck = new SignerKeyCheck({ store, signer, log, everyMs: keyCheckEveryMs(lifetimes), acceptLostKeys });
  const probes = { storeProbe: new Probe(() => store.check()), signerProbe: new Probe(() => signer.check()) };
  const faults = watchedFaults({ log, watch, reader, ...probes, keyCheck, upkeep, clock });
  const changing = { checks, publications, proposals };
  return { reader, clock, usageLimits, usage, ...changing, keeper, upkeep, keyCheck, ...probes, faults };
}

/** The faults of a running server, by part. */
function watchedFaults(parts: {
  readonly log: ServerLog;
  readonly watch: FileWatch;
  readonly reader: CollectionReader;
  readonly storeProbe: Probe;
  readonly signerProbe: Probe;
  readonly keyCheck: SignerKeyCheck;
  readonly upkeep: Upkeep;
  readonly clock: ServerClock;
}): Faults {
  const { log, watch, reader, storeProbe, signerProbe, keyCheck, upkeep, clock } = parts;
  const faults = new Faults(log);
  faults.watch("store", () => reader.fault ?? storeProbe.fault, storeProbe);
  faults.watch("signer", () => signerProbe.fault, signerProbe);
  faults.watch("signer keys", () => keyCheck.fault);
  faults.watch("freshness", () => upkeep.fault);
  faults.watch("clock", () => clock.fault);
  for (const part of watch.parts) faults.watch(part, () => watch.fault(part));
  return faults;
}

/** Several times within half of a timestamp's lifetime, and at least every minute. */
function keyCheckEveryMs({ timestampMs }: Lifetimes): number {
  return Math.max(100, Math.min(30_000, timestampMs / 20));
}
