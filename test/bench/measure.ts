/** Measuring side by side: contenders take turns in one run, so that a busy moment hits them alike; medians are compared. */

/** What a contender cost: the median of its turns and the quartiles beside it, and what one more turn shows. */
export interface Measured extends Cost {
  readonly median: number;
  readonly low?: number;
  readonly high?: number;
  readonly turns?: number;
}

/** What a single turn costs beside time. Absent where it does not apply, or the machine does not count it. */
export interface Cost {
  readonly peakMb?: number;
  /** over all connections to the trust server, TLS included */
  readonly upBytes?: number;
  readonly downBytes?: number;
  readonly connections?: number;
  readonly instructions?: number;
}

/** Something to time. `prepare` runs before each turn and is not timed; `cost` is a turn that is weighed instead of timed. */
export interface Contender {
  readonly name: string;
  readonly prepare?: () => Promise<void> | void;
  readonly work: () => Promise<unknown>;
  readonly cost?: () => Promise<Cost>;
}

/** The unit of a row. */
export type Unit = "ms" | "per second" | "MB/s" | "MB" | "bytes";

/** One line of the report: what was measured, ours, and each peer's figures. */
export interface Row {
  readonly work: string;
  readonly unit: Unit;
  /** on Node.js */
  readonly ours: Measured;
  /** the same by the self-contained executable, where it was built */
  readonly executable?: Measured;
  readonly peers: readonly ({ readonly name: string } & Measured)[];
  /** where it is drawn; a row that is drawn only is not in the tables */
  readonly point?: Point;
}

/** The place of a row in a plot. */
export interface Point {
  readonly plot: string;
  readonly x: number;
  readonly isDrawnOnly?: boolean;
}

/** What the executable's contender is called. */
export const executableName = "executable";

/** The middle of several numbers (the lower one of two middles). NaN for none. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The value that this share of several numbers does not exceed. NaN for none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN;
}

/** The median of samples, between the quartiles. */
export function spreadOf(values: readonly number[]): Measured {
  const [low, high] = [quantile(values, 0.25), quantile(values, 0.75)];
  return { median: median(values), low, high, turns: values.length };
}

/** Milliseconds of each contender over `turns`, after one turn that is thrown away; then what a turn costs. */
export async function timeInTurns(
  contenders: readonly Contender[],
  turns: number,
): Promise<ReadonlyMap<string, Measured>> {
  const samples = new Map(contenders.map(({ name }) => [name, [] as number[]]));
  for (let turn = -1; turn < turns; turn += 1) {
    for (const { name, prepare, work } of contenders) {
      await prepare?.();
      const startedAt = performance.now();
      await work();
      if (turn >= 0) samples.get(name)?.push(performance.now() - startedAt);
    }
  }
  const measured = new Map<string, Measured>();
  for (const { name, prepare, cost } of contenders) {
    await prepare?.();
    measured.set(name, { ...spreadOf(samples.get(name) ?? []), ...(await cost?.()) });
  }
  return measured;
}

/** The median of a contender; NaN for an unknown one. */
export function medianOf(results: ReadonlyMap<string, Measured>, name: string): number {
  return results.get(name)?.median ?? Number.NaN;
}

/** Our figures and the peers', by name; the first is ours. */
export function rowOf(work: string, unit: Unit, results: ReadonlyMap<string, Measured | number>, point?: Point): Row {
  const [first, ...others] = [...results].map(([name, value]) => ({
    name,
    ...(typeof value === "number" ? { median: value } : value),
  }));
  const { name: _, ...ours } = first ?? { name: "", median: Number.NaN };
  const peers = others.filter(({ name }) => name !== executableName);
  const { name: __, ...executable } = others.find(({ name }) => name === executableName) ?? { name: "" };
  return {
    work,
    unit,
    ours,
    ...("median" in executable ? { executable } : {}),
    peers,
    ...(point === undefined ? {} : { point }),
  };
}
