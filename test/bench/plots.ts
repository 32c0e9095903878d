/** Which plots there are, and the figures that each shows. */
import type { Measured, Row } from "./measure.ts";
import { drawPlot, type PlotPoint } from "./plot.ts";
import type { Results } from "./results.ts";

interface PlotKind {
  /** of the file, without its ending */
  readonly name: string;
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  /** the plot that rows name in their point */
  readonly of: string;
  readonly value: (measured: Measured) => number | undefined;
}

const median = ({ median: value }: Measured): number => value;
const tags = "tags in the repository";
const milliseconds = "milliseconds";

const kinds: readonly PlotKind[] = [
  {
    name: "warm-verify",
    title: "Verify a tag that has not changed",
    xLabel: tags,
    yLabel: milliseconds,
    of: "warm",
    value: median,
  },
  {
    name: "cold-verify",
    title: "Verify a tag on a new machine",
    xLabel: tags,
    yLabel: milliseconds,
    of: "cold",
    value: median,
  },
  {
    name: "publish",
    title: "Sign and publish one more tag",
    xLabel: tags,
    yLabel: milliseconds,
    of: "publish",
    value: median,
  },
  {
    name: "cold-verify-bytes",
    title: "Received to verify a tag on a new machine",
    xLabel: tags,
    yLabel: "bytes",
    of: "cold",
    value: ({ downBytes }) => downBytes,
  },
  {
    name: "publish-bytes",
    title: "Sent to publish one more tag",
    xLabel: tags,
    yLabel: "bytes",
    of: "publish",
    value: ({ upBytes }) => upBytes,
  },
  {
    name: "verify-memory",
    title: "Memory to verify a tag on a new machine",
    xLabel: tags,
    yLabel: "MB",
    of: "cold",
    value: ({ peakMb }) => peakMb,
  },
  {
    name: "repositories-read",
    title: "Read timestamps of all repositories of a server",
    xLabel: "repositories on the server",
    yLabel: "answers per second",
    of: "repositories-read",
    value: median,
  },
  {
    name: "repositories-publish",
    title: "Publish to one of the repositories of a server",
    xLabel: "repositories on the server",
    yLabel: milliseconds,
    of: "repositories-publish",
    value: median,
  },
  {
    name: "versions",
    title: "Verify after so many publications, 10,000 tags",
    xLabel: "publications since the last verification",
    yLabel: milliseconds,
    of: "versions",
    value: median,
  },
  {
    name: "versions-bytes",
    title: "Received after so many publications, 10,000 tags",
    xLabel: "publications since the last verification",
    yLabel: "bytes",
    of: "versions",
    value: ({ downBytes }) => downBytes,
  },
];

/** The drawings by file name: those that have figures. */
export function drawPlots({ rows }: Results): ReadonlyMap<string, string> {
  return new Map(
    kinds.flatMap((kind) => {
      const lines = linesOf(kind, rows);
      return lines.length === 0 ? [] : [[`${kind.name}.svg`, drawPlot({ ...kind, lines })] as const];
    }),
  );
}

/** The title of a drawing, for the page. */
export function titleOf(file: string): string {
  return kinds.find(({ name }) => `${name}.svg` === file)?.title ?? file;
}

function linesOf({ of, value }: PlotKind, rows: readonly Row[]) {
  const lines = new Map<string, PlotPoint[]>();
  const drawn = rows.filter(({ point }) => point?.plot === of).sort((a, b) => (a.point?.x ?? 0) - (b.point?.x ?? 0));
  for (const { point, ours, executable, peers } of drawn) {
    const named = [
      { name: "Tagseal on Node.js", ...ours },
      ...(executable === undefined ? [] : [{ name: "Tagseal, executable", ...executable }]),
      ...peers,
    ];
    for (const { name, ...measured } of named) {
      const y = value(measured);
      if (y === undefined || !(y > 0) || point === undefined) continue;
      const spread = value === median ? { low: measured.low, high: measured.high } : {};
      lines.set(name, [...(lines.get(name) ?? []), { x: point.x, y, ...spread }]);
    }
  }
  return [...lines].map(([name, points]) => ({ name, points }));
}
