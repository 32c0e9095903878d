/** The page of figures: what stands between its markers is written from the file of figures, and nothing else of it. */
import { executableName, type Measured, type Row, type Unit } from "./measure.ts";
import { drawPlots, titleOf } from "./plots.ts";
import type { Recorded, Results, Run } from "./results.ts";

/** Writes what the markers ask for: `<!-- figures: PART -->`, `<!-- costs: PART -->`, `<!-- runs -->` and `<!-- plots -->`, each to the next `<!-- end -->`. */
export function rendered(page: string, results: Results): string {
  return page.replaceAll(
    /(?<begin><!-- (?<kind>figures|costs|runs|plots)(?:: (?<part>[\w-]+))? -->\n)[^]*?(?<end><!-- end -->)/gu,
    (...found) => {
      const {
        begin,
        kind,
        part = "",
        end,
      } = found.at(-1) as Record<"begin" | "kind" | "end", string> & { part?: string };
      return `${begin}\n${sectionOf(kind, part, results)}\n\n${end}`;
    },
  );
}

function sectionOf(kind: string, part: string, results: Results): string {
  const rows = results.rows.filter((row) => row.part === part);
  if (kind === "runs") return runsOf(results);
  if (kind === "plots") return plotsOf(results);
  return kind === "figures" ? figuresOf(rows.filter(({ point }) => point?.isDrawnOnly !== true)) : costsOf(rows);
}

/** A figure as the tables show it. */
function shown(value: number | undefined, unit: Unit): string {
  if (value === undefined) return "";
  if (unit === "bytes") return bytesText(value);
  const digits = value < 10 ? 2 : value < 100 ? 1 : 0;
  const amount = value.toFixed(digits);
  return unit === "per second" ? `${amount}/s` : `${amount} ${unit}`;
}

function bytesText(value: number): string {
  if (value < 1000) return `${value} B`;
  return value < 1e6 ? `${(value / 1e3).toPrecision(3)} KB` : `${(value / 1e6).toPrecision(3)} MB`;
}

function withSpread(measured: Measured | undefined, unit: Unit): string {
  if (measured === undefined) return "";
  const { median, low, high } = measured;
  if (low === undefined || high === undefined || low === high) return shown(median, unit);
  return `${shown(median, unit)} <sub>${bare(low)}–${bare(high)}</sub>`;
}

/** The number alone. */
function bare(value: number): string {
  return shown(value, "ms").split(" ")[0] ?? "";
}

function figuresOf(rows: readonly Recorded[]): string {
  if (rows.length === 0) return "Not measured yet.";
  const hasExecutable = rows.some(({ executable }) => executable !== undefined);
  const lines = rows.map(({ work, unit, ours, executable, peers }) => {
    const compared = peers.map(({ name, ...peer }) => {
      const own = [ours, executable].filter((measured) => measured !== undefined);
      const ratios = own.map((measured) => `×${(measured.median / peer.median).toFixed(2)}`);
      return `${name} ${withSpread(peer, unit)} (${ratios.join(", ")})`;
    });
    const second = hasExecutable ? [withSpread(executable, unit)] : [];
    return line([work, withSpread(ours, unit), ...second, compared.join("<br>")]);
  });
  const columns = hasExecutable ? ["On Node.js", "Executable"] : ["Tagseal"];
  return table(["Work", ...columns, "Peers (the ratio of each of ours to it)"], lines);
}

/** What the weighed turns showed, for rows that have it. */
function costsOf(rows: readonly Recorded[]): string {
  const weighed = rows.flatMap((row) => contenders(row).map((contender) => ({ work: row.work, ...contender })));
  const known = weighed.filter(({ peakMb, downBytes }) => peakMb !== undefined || downBytes !== undefined);
  if (known.length === 0) return "Not measured yet.";
  const counted = known.some(({ instructions }) => instructions !== undefined);
  const lines = known.map(({ work, name, connections, upBytes, downBytes, peakMb, instructions }) =>
    line([
      work,
      name,
      String(connections ?? ""),
      shown(upBytes, "bytes"),
      shown(downBytes, "bytes"),
      shown(peakMb, "MB"),
      ...(counted ? [instructions === undefined ? "" : `${(instructions / 1e6).toFixed(0)} M`] : []),
    ]),
  );
  const head = ["Work", "By", "Connections", "Sent", "Received", "Peak memory"];
  return table([...head, ...(counted ? ["Instructions"] : [])], lines);
}

function contenders({ ours, executable, peers }: Row): readonly ({ readonly name: string } & Measured)[] {
  const own = [{ name: "Node.js", ...ours }];
  return [...own, ...(executable === undefined ? [] : [{ name: executableName, ...executable }]), ...peers];
}

function runsOf({ runs, rows }: Results): string {
  const parts = ({ begun }: Run): string =>
    [...new Set(rows.filter(({ run }) => run === begun).map(({ part }) => part))].join(", ");
  const listed = (values: Readonly<Record<string, string>>): string =>
    Object.entries(values)
      .map(([name, value]) => `${name} ${value}`)
      .join("<br>");
  const lines = runs.map((run) =>
    line([
      parts(run),
      run.begun.slice(0, 16).replace("T", " "),
      `\`${run.commit}\``,
      `${run.load.toFixed(1)}${run.quick ? "; a first look: `--quick`" : ""}`,
      listed(run.machine),
      listed(run.versions),
    ]),
  );
  return table(["Part", "Begun (UTC)", "Tagseal", "Load of the machine when it began", "Machine", "Programs"], lines);
}

function plotsOf(results: Results): string {
  const files = [...drawPlots(results).keys()];
  return files.map((file) => `![${titleOf(file)}](benchmarks/${file})`).join("\n\n") || "Not measured yet.";
}

function table(head: readonly string[], lines: readonly string[]): string {
  return [line(head), `|${"---|".repeat(head.length)}`, ...lines].join("\n");
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}
