/** What the gateway counts, and its page of metrics. No label names an image, a user or a client. */
import type { HeldReadings } from "../gates/held-readings.ts";
import type { RefusalCounts } from "../login/access-request.ts";
import type { Verdict } from "../policy/verdict.ts";
import { addBuildInfo, type Build } from "../service/build-info.ts";
import { addCertificates, addFaults } from "../service/fault-metrics.ts";
import type { Faults } from "../service/faults.ts";
import { increase, MetricsPage, Summary } from "../service/metrics.ts";
import { addProcessMetrics } from "../service/process-metrics.ts";
import type { FileWatch } from "../service/watching/file-watch.ts";
import type { BlobCache } from "./blob-cache/blob-cache.ts";
import type { PushCounts } from "./pushes/push-journal.ts";
import type { Upstreams } from "./upstreams.ts";

/** What is measured of one answered request. */
export interface AnsweredRequest {
  /** `manifest`, `blob`, `tags`, `referrers`, `base`, `token`, `upload` or `other` */
  readonly kind: string;
  readonly status: number;
  readonly durationMs: number;
}

/** What the page is made of. */
export interface GatewayMetricsSources {
  readonly readings: () => Iterable<Pick<HeldReadings, "counts" | "held" | "timestamps">>;
  readonly upstreams: () => Iterable<Pick<Upstreams, "counts">>;
  readonly blobCache: Pick<BlobCache, "counts" | "use"> | undefined;
  readonly pushes: PushCounts | undefined;
  readonly refusals: Readonly<RefusalCounts>;
  readonly faults: Faults;
  readonly watch: FileWatch;
  readonly build: Build;
  readonly now: () => Date;
}

const prefix = "tagseal_gateway";

/** Counts verdicts and requests. */
export class GatewayMetrics {
  readonly #verdicts = new Map<string, number>();
  readonly #requests = new Map<string, number>();
  readonly #durations = new Map<string, Summary>();

  /** Counts a decision about a tag, or a refusal. */
  noteVerdict(verdict: Verdict): void {
    increase(this.#verdicts, `outcome="${verdict.outcome}",reason="${reasonOf(verdict)}"`);
  }

  /** Counts a request whose answer was sent. */
  noteRequest({ kind, status, durationMs }: AnsweredRequest): void {
    increase(this.#requests, `kind="${kind}",code="${status}"`);
    const durations = this.#durations.get(kind) ?? new Summary();
    this.#durations.set(kind, durations);
    durations.add(durationMs / 1000);
  }

  /** The page; what it shows is asked for at each scrape. */
  page(sources: GatewayMetricsSources): MetricsPage {
    const page = new MetricsPage();
    addCounts(page, "verdicts_total", "Decisions about tags, and refusals.", () => this.#verdicts);
    addCounts(page, "requests_total", "Requests answered.", () => this.#requests);
    const name = `${prefix}_request_duration_seconds`;
    const lines = (): string[] =>
      [...this.#durations].flatMap(([kind, durations]) => durations.lines(name, `kind="${kind}"`));
    page.addSeries({ name, help: "Time until an answer was sent whole.", type: "summary", lines });
    const refused = (): ReadonlyMap<string, number> =>
      new Map(Object.entries(sources.refusals).map(([refusal, count]) => [`reason="${refusal}"`, count]));
    addCounts(page, "logins_refused_total", "Requests without a login that counts.", refused);
    addReadings(page, sources);
    addUpstreams(page, sources);
    if (sources.blobCache !== undefined) addBlobCache(page, sources.blobCache);
    if (sources.pushes !== undefined) addPushes(page, sources.pushes);
    addFaults(page, prefix, sources.faults);
    addCertificates(page, prefix, sources.watch);
    addProcessMetrics(page, prefix);
    addBuildInfo(page, prefix, sources.build);
    return page;
  }
}

function reasonOf(verdict: Verdict): string {
  if (verdict.outcome === "refused") return verdict.error.code;
  if (verdict.warnings.length > 0) return "audit";
  return verdict.digest === undefined ? "unverified" : "signed";
}

function addReadings(page: MetricsPage, { readings, now }: GatewayMetricsSources): void {
  const add = (name: string, help: string, value: () => number | undefined): void =>
    page.addGauge({ name: `${prefix}_${name}`, help, type: name.endsWith("_total") ? "counter" : "gauge", value });
  const sum = (of: (each: Pick<HeldReadings, "counts" | "held">) => number): number =>
    [...readings()].reduce((total, each) => total + of(each), 0);
  add("readings_held", "Repositories whose trust data is in memory.", () => sum(({ held }) => held));
  add("refreshes_total", "Updates of trust data.", () => sum(({ counts }) => counts.refreshes));
  const ages = (): number[] =>
    [...readings()].flatMap(({ timestamps }) => timestamps.map((at) => (now().getTime() - at.getTime()) / 1000));
  const least = (): number | undefined => most(ages().map((age) => -age));
  add("timestamp_age_newest_seconds", "Age of the newest timestamp in use; absent without one.", () => {
    const age = least();
    return age === undefined ? undefined : Math.max(0, -age);
  });
  // asked for after the newest one: the page never shows it as younger
  add("timestamp_age_oldest_seconds", "Age of the oldest timestamp in use; absent without one.", () => most(ages()));
  const failures = (): ReadonlyMap<string, number> => labelled([...readings()].map(({ counts }) => counts.failures));
  addCounts(page, "refresh_failures_total", "Updates of trust data that were refused or failed.", failures);
}

function addUpstreams(page: MetricsPage, { upstreams }: GatewayMetricsSources): void {
  const value = (): number => [...upstreams()].reduce((total, { counts }) => total + counts.requests, 0);
  const name = `${prefix}_upstream_requests_total`;
  page.addGauge({ name, help: "Manifests, blobs and lists asked of registries.", type: "counter", value });
  const failures = (): ReadonlyMap<string, number> => labelled([...upstreams()].map(({ counts }) => counts.failures));
  addCounts(page, "upstream_failures_total", "Those that a registry did not give.", failures);
}

function addBlobCache(page: MetricsPage, cache: Pick<BlobCache, "counts" | "use">): void {
  const counts = (): ReadonlyMap<string, number> =>
    new Map(Object.entries(cache.counts).map(([result, count]) => [`result="${result}"`, count]));
  addCounts(page, "blob_cache_requests_total", "Blobs asked of the cache on disk, by what became of it.", counts);
  const bytes = { name: `${prefix}_blob_cache_bytes`, help: "Bytes of the cache on disk." };
  page.addGauge({ ...bytes, type: "gauge", value: () => cache.use.bytes });
  const evictions = { name: `${prefix}_blob_cache_evictions_total`, help: "Blobs that had to go for others." };
  page.addGauge({ ...evictions, type: "counter", value: () => cache.use.evictions });
}

function addPushes(page: MetricsPage, counts: PushCounts): void {
  addCounts(page, "pushes_total", "Manifests and blobs pushed, by what became of them.", () => counts.pushes);
  const bytes = { name: `${prefix}_pushed_bytes_total`, help: "Bytes that publishers sent." };
  page.addGauge({ ...bytes, type: "counter", value: () => counts.bytes });
  const open = { name: `${prefix}_pushes_open`, help: "Requests that push, under way." };
  page.addGauge({ ...open, type: "gauge", value: () => counts.open });
}

/** Sums by code, as labels. */
function labelled(all: readonly ReadonlyMap<string, number>[]): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  for (const counts of all) for (const [code, count] of counts) increase(sums, `reason="${code}"`, count);
  return sums;
}

function addCounts(page: MetricsPage, what: string, help: string, counts: () => ReadonlyMap<string, number>): void {
  const name = `${prefix}_${what}`;
  const lines = (): string[] => [...counts()].map(([labels, count]) => `${name}{${labels}} ${count}`);
  page.addSeries({ name, help, type: "counter", lines });
}

function most(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : Math.max(...values);
}
