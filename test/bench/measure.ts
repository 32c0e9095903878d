/** Timing side by side: contenders take turns in one run, so that a busy moment hits them alike; medians are compared. */

/** Something to time. `prepare` runs before each turn and is not timed. */
export interface Contender {
  readonly name: string;
  readonly prepare?: () => Promise<void> | void;
  readonly work: () => Promise<unknown>;
}

/** The middle of several numbers (the lower one of two middles). NaN for none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN;
}

/** Milliseconds per turn for each contender, as the median over `turns`, after one turn that is thrown away. */
export async function timeInTurns(
  contenders: readonly Contender[],
  turns: number,
): Promise<ReadonlyMap<string, number>> {
  const samples = new Map(contenders.map(({ name }) => [name, [] as number[]]));
  for (let turn = -1; turn < turns; turn += 1) {
    for (const { name, prepare, work } of contenders) {
      await prepare?.();
      const startedAt = performance.now();
      await work();
      if (turn >= 0) samples.get(name)?.push(performance.now() - startedAt);
    }
  }
  return new Map([...samples].map(([name, values]) => [name, median(values)]));
}

/** One line of the report: what was measured, ours, and each peer's figure with our ratio to it. */
export interface Row {
  readonly work: string;
  readonly unit: "ms" | "per second";
  readonly ours: number;
  /** the same by the self-contained executable, where it was built */
  readonly executable?: number;
  readonly peers: readonly { readonly name: string; readonly value: number }[];
}

/** What the executable's contender is called. */
export const executableName = "executable";

function figure(value: number | undefined, unit: Row["unit"]): string {
  if (value === undefined) return "";
  const digits = value < 100 ? 1 : 0;
  return `${value.toFixed(digits)}${unit === "ms" ? " ms" : "/s"}`;
}

/** A Markdown table. A ratio below 1 is good for times, above 1 for rates. */
export function report(rows: readonly Row[]): string {
  const lines = rows.map(({ work, unit, ours, executable, peers }) => {
    const shown = peers.map(({ name, value }) => {
      const ratios = [ours, executable].filter((own) => own !== undefined).map((own) => `×${(own / value).toFixed(2)}`);
      return `${name} ${figure(value, unit)} (${ratios.join(", ")})`;
    });
    return `| ${work} | ${figure(ours, unit)} | ${figure(executable, unit)} | ${shown.join("<br>")} |`;
  });
  const head = ["| Work | On Node.js | Executable | Peers (the ratio of each of ours to it) |", "|---|---|---|---|"];
  return [...head, ...lines].join("\n");
}

/** Our figures and the peers', from {@link timeInTurns}'s result; the first contender is ours. */
export function rowOf(work: string, unit: Row["unit"], results: ReadonlyMap<string, number>): Row {
  const [ours, ...others] = [...results].map(([name, value]) => ({ name, value }));
  const executable = results.get(executableName);
  const peers = others.filter(({ name }) => name !== executableName);
  return { work, unit, ours: ours?.value ?? Number.NaN, ...(executable === undefined ? {} : { executable }), peers };
}
