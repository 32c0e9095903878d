/**
 * Counters in Prometheus' text format. The request metrics keep the names of Notary's server, so that existing dashboards and alerts keep working;
 * our own begin with `tagseal_`. Notary v1: health and metrics.
 */

/** Notary's name for each kind of request. */
export const operations = [
  "UpdateTUF",
  "GetRoleByHash",
  "GetRoleByVersion",
  "GetRole",
  "GetKey",
  "RotateKey",
  "DeleteTUF",
  "Changefeed",
  "ListProposals",
  "GetProposal",
  "SubmitProposal",
  "WithdrawProposal",
] as const;

/** One of {@link operations}. */
export type Operation = (typeof operations)[number];

/** What is measured of one answered request. */
export interface Observation {
  readonly operation: Operation;
  readonly method: string;
  readonly status: number;
  readonly durationMs: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
}

const quantiles = [0.5, 0.9, 0.99] as const;
/** quantiles cover this many of the latest values; Notary covers ten minutes, which costs too much to track */
const windowSize = 1024;

/** A Prometheus summary over a sliding window. */
export class Summary {
  #sum = 0;
  #count = 0;
  readonly #window: number[] = [];

  add(value: number): void {
    this.#window[this.#count % windowSize] = value;
    this.#sum += value;
    this.#count += 1;
  }

  /** @param labels what distinguishes this summary from others with its name: `operation="GetRole"` */
  lines(name: string, labels: string): string[] {
    const sorted = this.#window.toSorted((a, b) => a - b);
    const at = (q: number): number => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
    return [
      ...quantiles.map((q) => `${name}{${labels},quantile="${q}"} ${at(q)}`),
      `${name}_sum{${labels}} ${this.#sum}`,
      `${name}_count{${labels}} ${this.#count}`,
    ];
  }
}

const summaries = {
  request_duration_microseconds: "The HTTP request latencies in microseconds.",
  request_size_bytes: "The HTTP request sizes in bytes.",
  response_size_bytes: "The HTTP response sizes in bytes.",
} as const;

type SummaryName = keyof typeof summaries;
const summaryNames = Object.keys(summaries) as SummaryName[];

class OperationMetrics {
  readonly summaries = Object.fromEntries(summaryNames.map((name) => [name, new Summary()])) as Record<
    SummaryName,
    Summary
  >;
  /** by `method="get",code="200"` */
  readonly totals = new Map<string, number>();
}

/** Counts under a name; the names must be few. */
export function increase(counts: Map<string, number>, name: string, by = 1): void {
  counts.set(name, (counts.get(name) ?? 0) + by);
}

/** A metric of Tagseal: help text, kind, and the function that reads its value at each scrape. */
export interface Gauge {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge";
  /** undefined while unknown: there is then no sample, which alerts can distinguish from a number */
  readonly value: () => number | undefined;
}

/** Numbers of one name with labels: help text, kind, and the lines to write at each scrape. */
export interface Series {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "summary";
  readonly lines: () => Iterable<string>;
}

/** A page of numbers. */
export class MetricsPage {
  readonly #series: Series[] = [];

  /** Adds a number; its value is asked for at each scrape. */
  addGauge({ name, help, type, value }: Gauge): void {
    const lines = (): string[] => {
      const now = value();
      return now === undefined ? [] : [`${name} ${now}`];
    };
    this.addSeries({ name, help, type, lines });
  }

  /** Adds numbers with labels; they are asked for at each scrape. */
  addSeries(series: Series): void {
    this.#series.push(series);
  }

  /** The whole page, format 0.0.4. */
  toText(): string {
    return `${this.#series.flatMap(seriesLines).join("\n")}\n`;
  }
}

/** Collects observations of requests and writes them out, together with the other metrics that were added. */
export class Metrics extends MetricsPage {
  readonly #byOperation = new Map(operations.map((operation) => [operation, new OperationMetrics()]));

  constructor() {
    super();
    for (const name of summaryNames) this.addSeries(this.#summary(name));
    this.addSeries(this.#totals());
  }

  observe(seen: Observation): void {
    const metrics = this.#byOperation.get(seen.operation);
    if (metrics === undefined) return;
    metrics.summaries.request_duration_microseconds.add(seen.durationMs * 1000);
    metrics.summaries.request_size_bytes.add(seen.requestBytes);
    metrics.summaries.response_size_bytes.add(seen.responseBytes);
    const labels = `method="${seen.method.toLowerCase()}",code="${seen.status}"`;
    increase(metrics.totals, labels);
  }

  #summary(what: SummaryName): Series {
    const name = `notary_server_http_${what}`;
    const lines = (): string[] =>
      [...this.#byOperation].flatMap(([operation, metrics]) =>
        metrics.summaries[what].lines(name, `operation="${operation}"`),
      );
    return { name, help: summaries[what], type: "summary", lines };
  }

  #totals(): Series {
    const name = "notary_server_http_requests_total";
    const lines = (): string[] =>
      [...this.#byOperation].flatMap(([operation, { totals }]) =>
        [...totals].map(([labels, count]) => `${name}{operation="${operation}",${labels}} ${count}`),
      );
    return { name, help: "Total number of HTTP requests made.", type: "counter", lines };
  }
}

function seriesLines({ name, help, type, lines }: Series): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines()];
}
