/** Draws lines on two logarithmic axes as SVG: readable on a light and on a dark page, with a different dash for each line beside its colour. */

/** A value and the quartiles around it. */
export interface PlotPoint {
  readonly x: number;
  readonly y: number;
  readonly low?: number | undefined;
  readonly high?: number | undefined;
}

/** What is drawn. */
export interface Plot {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly lines: readonly { readonly name: string; readonly points: readonly PlotPoint[] }[];
}

const [width, left, top, right, plotHeight] = [720, 70, 44, 24, 300];
const bottom = top + plotHeight;
const legendRow = 20;
const light = ["#0072b2", "#d55e00", "#008a63", "#a8508a", "#7a6a00", "#555555"];
const dark = ["#56b4e9", "#ff9a4d", "#2fcf9f", "#e6a0c8", "#e5d44c", "#bbbbbb"];
const dashes = ["none", "7 3", "2 3", "9 3 2 3", "1 4", "12 4"];

const style = [
  `text{font:13px system-ui,sans-serif;fill:#1f2328}.title{font-size:15px;font-weight:600}.grid{stroke:#d1d9e0}.fine{stroke:#eef1f4}`,
  ...light.map((colour, at) => `.l${at}{stroke:${colour}}.d${at}{fill:${colour}}`),
  `@media (prefers-color-scheme: dark){text{fill:#e6edf3}.grid{stroke:#4a5058}.fine{stroke:#2b3036}`,
  ...dark.map((colour, at) => `.l${at}{stroke:${colour}}.d${at}{fill:${colour}}`),
  "}",
].join("");

/** Powers of ten around the values. */
function decadesOf(values: readonly number[]): readonly number[] {
  const first = Math.floor(Math.log10(Math.min(...values)) + 1e-9);
  const last = Math.max(first + 1, Math.ceil(Math.log10(Math.max(...values)) - 1e-9));
  return Array.from({ length: last - first + 1 }, (_, at) => first + at);
}

function scaleOf(decades: readonly number[], from: number, to: number): (value: number) => number {
  const [first = 0, last = 1] = [decades[0], decades.at(-1)];
  return (value) => Number((from + ((Math.log10(value) - first) / (last - first)) * (to - from)).toFixed(1));
}

/** 1,000 as in a text, 1 M from a million on. */
function tickText(decade: number): string {
  return decade < 6 ? (10 ** decade).toLocaleString("en") : `${(10 ** (decade - 6)).toLocaleString("en")} M`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}

function text(x: number, y: number, content: string, more = ""): string {
  return `<text x="${x}" y="${y}"${more}>${escaped(content)}</text>`;
}

function segment(kind: string, from: readonly [number, number], to: readonly [number, number]): string {
  return `<line class="${kind}" x1="${from[0]}" y1="${from[1]}" x2="${to[0]}" y2="${to[1]}"/>`;
}

function inWords({ xLabel, yLabel, lines }: Plot): string {
  const said = lines.map(({ name, points }) => {
    const values = points.map(
      ({ x, y }) => `${Number(y.toPrecision(3)).toLocaleString("en")} at ${x.toLocaleString("en")}`,
    );
    return `${name}: ${values.join(", ")}.`;
  });
  return `Lines of ${yLabel} against ${xLabel}, both axes logarithmic. ${said.join(" ")}`;
}

/** The drawing, the same bytes for the same values. */
export function drawPlot({ title, xLabel, yLabel, lines }: Plot): string {
  const points = lines.flatMap((line) => line.points);
  const [xDecades, yDecades] = [
    decadesOf(points.map(({ x }) => x)),
    decadesOf(points.flatMap(({ y, low = y, high = y }) => [low, high])),
  ];
  const [xOf, yOf] = [scaleOf(xDecades, left, width - right), scaleOf(yDecades, bottom, top)];
  const fine = yDecades.slice(0, -1).flatMap((decade) => [2, 5].map((times) => yOf(times * 10 ** decade)));
  const grid = [
    ...fine.map((y) => segment("fine", [left, y], [width - right, y])),
    ...yDecades.map((decade) => segment("grid", [left, yOf(10 ** decade)], [width - right, yOf(10 ** decade)])),
    ...xDecades.map((decade) => segment("grid", [xOf(10 ** decade), top], [xOf(10 ** decade), bottom])),
    ...yDecades.map((decade) => text(left - 8, yOf(10 ** decade) + 4, tickText(decade), ' text-anchor="end"')),
    ...xDecades.map((decade) => text(xOf(10 ** decade), bottom + 18, tickText(decade), ' text-anchor="middle"')),
  ];
  const drawn = lines.map((line, at) => {
    const whiskers = line.points.flatMap(({ x, low, high }) =>
      low === undefined || high === undefined ? [] : segment(`l${at}`, [xOf(x), yOf(low)], [xOf(x), yOf(high)]),
    );
    const dots = line.points.map(({ x, y }) => `<circle class="d${at}" cx="${xOf(x)}" cy="${yOf(y)}" r="3"/>`);
    const path = line.points.map(({ x, y }) => `${xOf(x)},${yOf(y)}`).join(" ");
    const dash = `fill="none" stroke-width="2" stroke-dasharray="${dashes[at] ?? "none"}"`;
    return [`<polyline class="l${at}" points="${path}" ${dash}/>`, ...whiskers, ...dots].join("");
  });
  const legend = lines.map(({ name }, at) => {
    const [x, y] = [left + (at % 2) * 320, bottom + 62 + Math.floor(at / 2) * legendRow];
    const sample = `<polyline class="l${at}" points="${x},${y} ${x + 34},${y}" fill="none" stroke-width="2" stroke-dasharray="${dashes[at] ?? "none"}"/>`;
    return `${sample}${text(x + 42, y + 4, name)}`;
  });
  const height = bottom + 62 + Math.ceil(lines.length / 2) * legendRow;
  const labels = [
    text(left, 24, title, ' class="title"'),
    text((left + width - right) / 2, bottom + 38, xLabel, ' text-anchor="middle"'),
    text(0, 0, yLabel, ` text-anchor="middle" transform="translate(16 ${(top + bottom) / 2}) rotate(-90)"`),
  ];
  const head = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="title desc">`,
    `<title id="title">${escaped(title)}</title>`,
    `<desc id="desc">${escaped(inWords({ title, xLabel, yLabel, lines }))}</desc>`,
  ];
  return `${[...head, `<style>${style}</style>`, ...grid, ...drawn, ...legend, ...labels, "</svg>"].join("\n")}\n`;
}
