/** Assembles the parts of a server behind the sockets. */

import type { RequestListener } from "node:http";
import type { Authorisation } from "../auth/open-authorisation.ts";
import { exposureOf } from "./exposure.ts";
import type { RefusalCounts } from "../../login/access-request.ts";
import { TrustedProxies } from "../../http/server/client-address.ts";
import { ConnectionLimit } from "../../http/server/connection-limit.ts";
import { Handlers } from "../http/collection-requests.ts";
import { rateLimitsOf } from "../http/rate-limit.ts";
import { CodedUploads } from "../http/coded-uploads.ts";
import { DictionaryReplies } from "../http/dictionary-replies.ts";
import { UploadBudget } from "../http/request-body.ts";
import { ProposalHandlers } from "../http/proposal-requests.ts";
import { requestListener } from "../http/request-listener.ts";
import { LockOutLog, UnknownProxies } from "../../http/server/unknown-proxies.ts";
import type { ServerLog } from "../../service/log.ts";
import { serverMetrics } from "./server-metrics.ts";
import { defaultCacheAges, type ChangeableOptions, type ServerLimits, type ServerOptions } from "./server-options.ts";
import type { SigningService } from "../signer/signing-service.ts";
import type { MetadataStore } from "../storage/metadata-store.ts";
import type { FileWatch } from "../../service/watching/file-watch.ts";
import { makeWork, type ServerWork } from "./server-work.ts";
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
  const { watch } = parts;
  const work = makeWork(options, parts);
  const { reader, clock, usageLimits, usage, upkeep, keyCheck, faults, checks } = work;
  let isReadOnly = options.readOnly === true;
  faults.watch("read-only", () => (isReadOnly ? readOnlyFault : undefined));
  const { listener, connections } = makeListener(options, parts, work, () => isReadOnly);
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
      const recurring = [upkeep, usage, keyCheck, clock, faults];
      await Promise.all([...recurring.map((part) => part.stop()), checks.close()]);
    },
  };
}

/** Set on purpose, and easily forgotten. */
const readOnlyFault = { reason: "the server is read-only: it refuses publications", level: "warning" } as const;

/** What answers requests: the bounds on clients, the handlers and the metrics, in front of the work. */
function makeListener(
  options: ServerOptions,
  parts: ServiceParts,
  work: ServerWork,
  isReadOnly: () => boolean,
): Pick<Service, "listener" | "connections"> {
  const { store, signer, authorisation, limits, now, log, watch } = parts;
  const { storeProbe, signerProbe, reader, faults, publications } = work;
  const { connections, uploads, ...bounds } = clientBounds(options, parts);
  const refusals: RefusalCounts = { missing: 0, invalid: 0, throttled: 0, insufficient: 0 };
  const cacheAges = options.cacheAges ?? defaultCacheAges;
  const dictionaries = new DictionaryReplies(reader);
  const codedUploads = new CodedUploads({ reader, uploads, maxBytes: limits.maxBytes });
  const handlers = {
    store,
    signer,
    reader,
    publications,
    uploads,
    dictionaries,
    codedUploads,
    limits,
    cacheAges,
    now,
    log,
    isReadOnly,
  };
  const clients = { ...bounds, uploads, refusals, connections: connections.counts };
  const listener = requestListener({
    handlers: new Handlers(handlers),
    proposals: new ProposalHandlers({ proposals: work.proposals, uploads, isReadOnly }),
    monitoring: { storeProbe, signerProbe, reader, faults },
    metrics: serverMetrics({
      ...work,
      ...clients,
      dictionaries,
      codedUploads,
      signer,
      watch,
      exposure: exposureOf(options),
      build: buildOf(options),
    }),
    protectMonitoring: options.auth?.protectMonitoring ?? false,
    log,
    authorise: options.authorise ?? authorisation?.authorise,
    tokenEndpoint: authorisation?.tokenEndpoint,
    refusals,
    gunPrefixes: options.gunPrefixes ?? [],
    ...bounds,
    slowness: limits,
  });
  return { listener, connections };
}

/** The bounds on clients, and the proxies behind which clients are told apart. */
function clientBounds(options: ServerOptions, { limits, log }: ServiceParts) {
  const trustedProxies = new TrustedProxies(options.trustedProxies ?? []);
  const unknownProxies = new UnknownProxies(trustedProxies, log);
  const lockOuts = new LockOutLog(log);
  const connections = new ConnectionLimit(limits, trustedProxies, (address) =>
    lockOuts.tell(address, "connections", unknownProxies.has(address)),
  );
  const uploads = new UploadBudget(limits.maxUploadBytesInMemory);
  return { trustedProxies, unknownProxies, lockOuts, connections, uploads, rateLimits: rateLimitsOf(limits) };
}
