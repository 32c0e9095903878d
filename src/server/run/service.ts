/** Assembles the parts of a server behind the sockets. */

import type { RequestListener } from "node:http";
import type { Authorisation } from "../auth/open-authorisation.ts";
import { ServerClock } from "../clock/server-clock.ts";
import { CollectionReader } from "../collections/collection-reader.ts";
import { exposureOf } from "./exposure.ts";
import { Faults } from "../../service/faults.ts";
import { FreshnessKeeper } from "../freshness/freshness-keeper.ts";
import { defaultLifetimes, type Lifetimes, renewalLead } from "../freshness/lifetimes.ts";
import type { RefusalCounts } from "../http/authorise.ts";
import { TrustedProxies } from "../../http/server/client-address.ts";
import { ConnectionLimit } from "../../http/server/connection-limit.ts";
import { Handlers } from "../http/handlers.ts";
import { rateLimitsOf } from "../http/rate-limit.ts";
import { UploadBudget } from "../http/request-body.ts";
import { requestListener } from "../http/request-listener.ts";
import { LockOutLog, UnknownProxies } from "../../http/server/unknown-proxies.ts";
import { RepositoryLimits } from "../limits/repository-limits.ts";
import { UsageWatch } from "../limits/usage-watch.ts";
import { Probe } from "../../service/probe.ts";
import { Publications } from "../collections/publications.ts";
import type { ServerLog } from "../../service/log.ts";
import { serverMetrics } from "./server-metrics.ts";
import {
  defaultCacheAges,
  defaultKeepVersionsMs,
  type ChangeableOptions,
  type ServerLimits,
  type ServerOptions,
} from "./server-options.ts";
import { SignerKeyCheck } from "./signer-key-check.ts";
import type { SigningService } from "../signer/signing-service.ts";
import type { MetadataStore } from "../storage/metadata-store.ts";
import { Upkeep } from "./upkeep.ts";
import type { FileWatch } from "../../service/watching/file-watch.ts";
import { buildOf } from "./start-line.ts";

/** What a service needs. */
export interface ServiceParts {
  readonly store: MetadataStore;
  readonly signer: SigningService;
  readonly authorisation: Authorisation | undefined;
  readonly limits: ServerLimits;
  readonly now: () => Date;
  readonly log: ServerLog;
  readonly watch: FileWatch;
}

/** Answers requests, and does the recurring work. */
export interface Service {
  readonly listener: RequestListener;
  /** attach this to the server of the listener */
  readonly connections: ConnectionLimit;
  /**
   * Makes sure, before anything is served, that the signer is this server's.
   *
   * @throws TagsealError `SIGNING_KEY_MISSING`
   */
  checkKeys(): Promise<void>;
  /** Starts the recurring work. Without `upkeep` nothing is renewed, pruned or probed unless a request needs it. */
  begin(how: { readonly upkeep: boolean }): void;
  /** Applies changeable options to later requests; absent ones return to their defaults. */
  change(options: ChangeableOptions): void;
  /** Stops the recurring work, and resolves when nothing is under way: the store and the signer may then be closed. */
  stop(): Promise<void>;
}

/**
 * Makes a service; nothing happens before the first request, or before it begins.
 *
 * @throws TagsealError `SERVER_CONFIGURATION` for invalid settings
 */
export function makeService(options: ServerOptions, parts: ServiceParts): Service {
  const { store, signer, authorisation, limits, now, log, watch } = parts;
  const lifetimes = options.lifetimes ?? defaultLifetimes;
  const reader = new CollectionReader(store, { maxBytes: limits.maxCacheBytes, maxAgeMs: options.cacheMaxAgeMs, log });
  const timestampLifetimeMs = lifetimes.timestampMs;
  const newestSignedAt = (): number | undefined => keeper.status().newestSignedAt;
  const clock: ServerClock = new ServerClock({ store, now, log, timestampLifetimeMs, newestSignedAt });
  const signingTime = (): Date => clock.signingTime();
  const usageLimits = new RepositoryLimits(options.usageLimits);
  const publications = new Publications({
    store,
    signer,
    reader,
    log,
    now: signingTime,
    lifetimes,
    limits: usageLimits,
    clock,
  });
  const usage = new UsageWatch({ store, limits: usageLimits, log });
  const keeper: FreshnessKeeper = new FreshnessKeeper({
    store,
    publications,
    log,
    now: signingTime,
    lead: renewalLead(lifetimes),
    mayShorten: () => clock.mayShorten,
  });
  const keepVersionsMs = options.keepVersionsMs ?? defaultKeepVersionsMs;
  const upkeep = new Upkeep({ keeper, store, log, now: signingTime, keepVersionsMs, clock });
  const keyCheck = new SignerKeyCheck({ store, signer, log, everyMs: keyCheckEveryMs(lifetimes) });
  const storeProbe = new Probe(() => store.check());
  const signerProbe = new Probe(() => signer.check());
  const faults = watchedFaults({ log, watch, reader, storeProbe, signerProbe, keyCheck, upkeep, clock });
  let isReadOnly = options.readOnly === true;
  faults.watch("read-only", () => (isReadOnly ? readOnlyFault : undefined));
  const uploads = new UploadBudget(limits.maxUploadBytesInMemory);
  const cacheAges = options.cacheAges ?? defaultCacheAges;
  const refusals: RefusalCounts = { missing: 0, invalid: 0, throttled: 0, insufficient: 0 };
  const rateLimits = rateLimitsOf(limits);
  const trustedProxies = new TrustedProxies(options.trustedProxies ?? []);
  const unknownProxies = new UnknownProxies(trustedProxies, log);
  const lockOuts = new LockOutLog(log);
  const connections = new ConnectionLimit(limits, trustedProxies, (address) =>
    lockOuts.tell(address, "connections", unknownProxies.has(address)),
  );
  const listener = requestListener({
    handlers: new Handlers({
      store,
      signer,
      reader,
      publications,
      uploads,
      limits,
      cacheAges,
      now,
      log,
      isReadOnly: () => isReadOnly,
    }),
    monitoring: { storeProbe, signerProbe, reader, faults },
    metrics: serverMetrics({
      reader,
      publications,
      signer,
      uploads,
      refusals,
      keeper,
      upkeep,
      rateLimits,
      connections: connections.counts,
      faults,
      watch,
      unknownProxies,
      exposure: exposureOf(options),
      build: buildOf(options),
      clock,
      usage,
    }),
    protectMonitoring: options.auth?.protectMonitoring ?? false,
    log,
    authorise: options.authorise ?? authorisation?.authorise,
    tokenEndpoint: authorisation?.tokenEndpoint,
    refusals,
    gunPrefixes: options.gunPrefixes ?? [],
    rateLimits,
    trustedProxies,
    unknownProxies,
    lockOuts,
    slowness: limits,
  });
  return {
    listener,
    connections,
    checkKeys: () => keyCheck.start(),
    begin: (how) => {
      clock.begin();
      if (how.upkeep) upkeep.begin();
      if (how.upkeep) usage.begin();
      keyCheck.begin();
      watch.begin();
      faults.begin({ probing: how.upkeep });
    },
    change: (changed) => {
      isReadOnly = changed.readOnly === true;
      usageLimits.replace(changed.usageLimits ?? []);
      faults.current();
    },
    stop: async () => {
      watch.stop();
      reader.close();
      await Promise.all([upkeep.stop(), usage.stop(), keyCheck.stop(), clock.stop(), faults.stop()]);
    },
  };
}

/** Set on purpose, and easily forgotten. */
const readOnlyFault = { reason: "the server is read-only: it refuses publications", level: "warning" } as const;

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
