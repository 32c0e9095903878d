/** The server's own metrics on `/metrics`, beside those of Notary's server. docs/server.md lists them. */

import type { UploadChecks } from "../checking/upload-checks.ts";
import type { ServerClock } from "../clock/server-clock.ts";
import type { CollectionReader } from "../collections/collection-reader.ts";
import type { Exposure } from "./exposure.ts";
import type { Faults } from "../../service/faults.ts";
import type { FreshnessKeeper } from "../freshness/freshness-keeper.ts";
import type { RefusalCounts } from "../../login/access-request.ts";
import type { ConnectionCounts } from "../../http/server/connection-limit.ts";
import { addCertificates, addFaults } from "../../service/fault-metrics.ts";
import { Metrics } from "../../service/metrics.ts";
import type { RateLimits } from "../http/rate-limit.ts";
import type { CodedUploads } from "../http/coded-uploads.ts";
import type { DictionaryReplies } from "../http/dictionary-replies.ts";
import type { UploadBudget } from "../http/request-body.ts";
import type { UnknownProxies } from "../../http/server/unknown-proxies.ts";
import { addProcessMetrics } from "../../service/process-metrics.ts";
import type { Publications } from "../collections/publications.ts";
import type { SigningService } from "../signer/signing-service.ts";
import { addBuildInfo, type Build } from "../../service/build-info.ts";
import type { UsageWatch } from "../limits/usage-watch.ts";
import type { Upkeep } from "./upkeep.ts";
import type { FileWatch } from "../../service/watching/file-watch.ts";

/** The sources of the metrics. */
export interface MetricSources {
  readonly reader: CollectionReader;
  readonly publications: Publications;
  readonly signer: SigningService;
  readonly uploads: UploadBudget;
  readonly checks: UploadChecks;
  readonly dictionaries: DictionaryReplies;
  readonly codedUploads: CodedUploads;
  readonly refusals: RefusalCounts;
  readonly keeper: FreshnessKeeper;
  readonly upkeep: Upkeep;
  readonly rateLimits: RateLimits;
  readonly connections: Readonly<ConnectionCounts>;
  readonly faults: Faults;
  readonly clock: ServerClock;
  readonly watch: FileWatch;
  readonly unknownProxies: UnknownProxies;
  readonly exposure: Exposure;
  readonly build: Build;
  readonly usage: UsageWatch;
}

type Add = (name: string, help: string, value: () => number | undefined) => void;

/** Makes the page with all metrics. Names that end in `_total` are counters, all others gauges. */
export function serverMetrics(sources: MetricSources): Metrics {
  const metrics = new Metrics();
  const add: Add = (name, help, value) => {
    const type = name.endsWith("_total") ? "counter" : "gauge";
    metrics.addGauge({ name: `tagseal_server_${name}`, help, type, value });
  };
  addPublishing(add, sources);
  addAccess(add, sources);
  addFreshness(add, sources);
  addRetention(add, sources);
  addLimits(add, sources);
  sources.usage.addTo(metrics);
  addFaults(metrics, "tagseal_server", sources.faults);
  addCertificates(metrics, "tagseal_server", sources.watch);
  addProcessMetrics(metrics);
  addBuildInfo(metrics, "tagseal_server", sources.build);
  return metrics;
}

function addPublishing(add: Add, { publications, signer, reader, uploads, checks, ...coded }: MetricSources): void {
  add("published_total", "Publications committed.", () => publications.counts.published);
  add("conflicts_total", "Publications refused because another one came first.", () => publications.counts.conflicts);
  add("refused_total", "Publications readers would not accept.", () => publications.counts.refused);
  add("limit_refused_total", "Publications refused because of a limit.", () => publications.counts.limited);
  add("cache_hits_total", "Reads answered from memory.", () => reader.counts.hits);
  add("cache_misses_total", "Reads that went to the store.", () => reader.counts.misses);
  add("cache_bytes", "Estimated size of the cache.", () => reader.counts.bytes);
  add("revision_checks_total", "Checks with the store whether something has changed.", () => reader.counts.checks);
  add("store_lost", "1 while the store cannot be asked what is current.", () => Number(reader.counts.isLost));
  add("signer_up", "1 while the signer's keys can be reached.", () => Number(signer.isAvailable));
  add("upload_bytes", "Size of the uploads under way.", () => uploads.usedBytes);
  add("large_uploads_total", "Uploads checked in a separate thread.", () => checks.counts.done);
  add("checks_cut_off_total", "Checks of large uploads that ended without an answer.", () => checks.counts.ended);
  add("dcz_sent_total", "Files sent as the difference from an older version.", () => coded.dictionaries.counts.sent);
  add("dcz_saved_bytes_total", "Bytes that the differences are shorter.", () => coded.dictionaries.counts.savedBytes);
  add(
    "dcz_received_total",
    "Uploads that came as the difference from a current file.",
    () => coded.codedUploads.received,
  );
}

function addAccess(add: Add, { refusals, exposure }: MetricSources): void {
  add("open", "1 if every client may do everything without logging in.", () => Number(exposure.isOpen));
  add("plain_http", "1 where plain HTTP is spoken with other machines.", () => Number(exposure.isPlain));
  add("access_missing_total", "Requests refused because they came without credentials.", () => refusals.missing);
  add("access_invalid_total", "Requests refused because of invalid credentials.", () => refusals.invalid);
  add("access_throttled_total", "Requests refused after too many wrong passwords.", () => refusals.throttled);
  add("access_insufficient_total", "Requests refused to users without the permission.", () => refusals.insufficient);
}

function addFreshness(add: Add, { publications, keeper, clock }: MetricSources): void {
  add(
    "clock_skew_seconds",
    "Seconds that the clock is ahead of the database's, or (negative) behind it or what was signed.",
    () => clock.skewSeconds,
  );
  add("renewed_total", "Expired timestamps signed again for a reader.", () => publications.counts.renewed);
  add("renewed_ahead_total", "Timestamps signed again before they expired.", () => keeper.counts.renewed);
  add("renewals_failed_total", "Attempts to sign again that failed.", () => keeper.counts.failed);
  add("next_expiry_seconds", "Seconds until the first collection expires; absent while none is known.", () => {
    const { nextExpiryMs } = keeper.status();
    return nextExpiryMs === undefined ? undefined : nextExpiryMs / 1000;
  });
  add("renewals_late", "Collections past three quarters of their life.", () => keeper.status().late);
  add("expiries_watched", "Collections whose expiry is remembered.", () => keeper.status().watched);
  add("expiries_of_owners", "Collections only their owners can renew.", () => keeper.status().owners);
}

function addRetention(add: Add, { upkeep }: MetricSources): void {
  add("prunes_total", "Times that old versions were looked for.", () => upkeep.counts.prunes);
  add("pruned_versions_total", "Old versions forgotten.", () => upkeep.counts.forgottenVersions);
  add("pruned_deletions_total", "Deleted collections removed permanently.", () => upkeep.counts.forgottenDeletions);
  add(
    "deletions_kept",
    "Deleted collections that can be brought back, at the last look.",
    () => upkeep.counts.keptDeletions,
  );
  add("pruned_bytes_total", "Bytes of the old versions forgotten.", () => upkeep.counts.forgottenBytes);
}

function addLimits(add: Add, { rateLimits, connections, unknownProxies }: MetricSources): void {
  const help = "Requests through a proxy that is not trusted to name clients, which all count as one.";
  add("untrusted_forwards_total", help, () => unknownProxies.requests);
  for (const pace of ["reads", "uploads", "keys"] as const) {
    add(`limited_${pace}_total`, `Requests too many (${pace}).`, () => rateLimits[pace]?.refused ?? 0);
    add(`limited_${pace}_clients`, `Clients remembered (${pace}).`, () => rateLimits[pace]?.clients ?? 0);
  }
  add("connections", "Connections open.", () => connections.open);
  add("connections_refused_total", "Connections too many.", () => connections.refused);
}
