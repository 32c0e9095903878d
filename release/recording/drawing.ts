/**
 * Draws scenes as a terminal in an SVG. Style sheets animate it, in the reader's colour scheme; where animation is not supported,
 * or the reader has turned it off, the last scene is shown.
 */
import type { Line, LineKind, Scene } from "./transcript.ts";

const columns = 104;
const [characterWidth, rowHeight, padding, barHeight] = [8.43, 20, 18, 34];

/** How long each kind waits before it appears, and how long a scene and the last one stay, in seconds. */
const pauses: Readonly<Record<LineKind, number>> = {
  title: 0.4,
  heading: 0,
  text: 0.6,
  command: 0.7,
  output: 0.15,
  good: 0.5,
  bad: 0.5,
};
const [sceneStays, lastStays] = [2.2, 8];

const indentation: Readonly<Record<LineKind, number>> = {
  title: 0,
  heading: 0,
  text: 2,
  command: 2,
  output: 4,
  good: 2,
  bad: 2,
};

const marks: Partial<Readonly<Record<LineKind, string>>> = { command: "$ ", good: "✔ ", bad: "✘ " };

const styles = `
    text { font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #1f2328; white-space: pre; }
    .frame { fill: #ffffff; stroke: #d1d9e0; }
    .bar { fill: #f6f8fa; }
    .knob { fill: #d1d9e0; }
    .title, .command { font-weight: 600; }
    .heading { fill: #0969da; font-weight: 600; }
    .output, .name { fill: #59636e; }
    .good { fill: #1a7f37; }
    .bad { fill: #cf222e; font-weight: 600; }
    .step { visibility: hidden; }
    .still { visibility: visible; }
    @media (prefers-color-scheme: dark) {
      text { fill: #f0f6fc; }
      .frame { fill: #0d1117; stroke: #3d444d; }
      .bar { fill: #151b23; }
      .knob { fill: #3d444d; }
      .heading { fill: #4493f8; }
      .output, .name { fill: #9198a1; }
      .good { fill: #3fb950; }
      .bad { fill: #f85149; }
    }`;

/** Lines that appear together, and when, in seconds from the start. */
interface Step {
  readonly rows: readonly Row[];
  readonly from: number;
  readonly to: number;
  readonly isLast: boolean;
}

interface Row {
  readonly kind: LineKind;
  readonly text: string;
  readonly row: number;
  readonly column: number;
}

/**
 * @param title a sentence for readers who do not see it, and a tooltip
 * @returns the file's text, with a line end
 */
export function draw(scenes: readonly Scene[], title: string): string {
  const steps = stepsOf(scenes);
  const rows = Math.max(...steps.flatMap((step) => step.rows.map(({ row }) => row))) + 1;
  const [width, height] = [
    Math.ceil(columns * characterWidth) + 2 * padding,
    rows * rowHeight + barHeight + 2 * padding,
  ];
  const endsAt = steps.at(-1)?.to ?? 0;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="title desc">
  <title id="title">${escaped(title)}</title>
  <desc id="desc">${escaped(described(scenes))}</desc>
  <style>${styles}
    @media (prefers-reduced-motion: no-preference) {
      .step { animation: ${seconds(endsAt)}s step-end infinite; }
${steps.map((step, index) => keyframes(step, index, endsAt)).join("\n")}
    }
  </style>
  <rect class="frame" x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="10"/>
  <path class="bar" d="M1 ${barHeight}V11a10 10 0 0 1 10-10H${width - 11}a10 10 0 0 1 10 10V${barHeight}z"/>
  <circle class="knob" cx="22" cy="17" r="6"/><circle class="knob" cx="42" cy="17" r="6"/><circle class="knob" cx="62" cy="17" r="6"/>
  <text class="name" x="${width / 2}" y="22" text-anchor="middle">tagseal sandbox --demo</text>
${steps.map(drawn).join("\n")}
</svg>
`;
}

/** A command appears first, its output a moment later, and each other line separately. */
function stepsOf(scenes: readonly Scene[]): readonly Step[] {
  const steps: Step[] = [];
  let now = 0;
  for (const [index, scene] of scenes.entries()) {
    const isLast = index === scenes.length - 1;
    const shown: { from: number; rows: Row[] }[] = [];
    let [row, before]: [number, LineKind | undefined] = [0, undefined];
    for (const line of scene) {
      if (now > 0 || before !== undefined) now += pauses[line.kind] * (isLast ? 0.5 : 1);
      if (line.kind === "title" && before !== undefined) row += 1;
      const rows = wrapped(line, row);
      row += rows.length + (line.kind === "heading" || line.kind === "title" ? 1 : 0);
      if (line.kind === "output" && before === "output") shown.at(-1)?.rows.push(...rows);
      else shown.push({ from: now, rows });
      before = line.kind;
    }
    now += isLast ? lastStays : sceneStays;
    steps.push(...shown.map(({ from, rows }) => ({ from, rows, to: now, isLast })));
  }
  return steps;
}

/** A line in as many rows as it needs, broken at spaces; longer words are broken where the row ends. */
function wrapped({ kind, text }: Line, first: number): Row[] {
  const column = indentation[kind];
  const mark = marks[kind] ?? "";
  const room = columns - column - mark.length;
  const parts: string[] = [];
  let rest = text;
  while (rest.length > room) {
    const space = rest.lastIndexOf(" ", room);
    const end = space > 0 ? space : room;
    parts.push(rest.slice(0, end));
    rest = rest.slice(end).trimStart();
  }
  return [...parts, rest].map((part, index) => ({
    kind,
    text: index === 0 ? mark + part : part,
    row: first + index,
    column: index === 0 ? column : column + mark.length,
  }));
}

function keyframes({ from, to }: Step, index: number, endsAt: number): string {
  const percent = (at: number): string => ((100 * at) / endsAt).toFixed(2);
  const begin = from > 0 ? "0% { visibility: hidden; } " : "";
  const end = to < endsAt ? ` ${percent(to)}% { visibility: hidden; }` : " 100% { visibility: visible; }";
  const name = `s${index}`;
  return `      .${name} { animation-name: ${name}; }
      @keyframes ${name} { ${begin}${percent(from)}% { visibility: visible; }${end} }`;
}

function drawn({ rows, isLast }: Step, index: number): string {
  const texts = rows.map(({ kind, text, row, column }) => {
    const [x, y] = [padding + column * characterWidth, barHeight + padding + row * rowHeight + 14];
    return `<text class="${kind}" x="${x.toFixed(1)}" y="${y}">${escaped(text)}</text>`;
  });
  return `  <g class="step s${index}${isLast ? " still" : ""}">${texts.join("")}</g>`;
}

/** For screen readers: what is shown, one sentence for each heading and each result. */
function described(scenes: readonly Scene[]): string {
  const sentences = scenes.slice(0, -1).flatMap((scene) => {
    const results = scene.filter(({ kind }) => kind === "good" || kind === "bad").map(({ text }) => text);
    return scene.filter(({ kind }) => kind === "heading").map(({ text }) => `${text}: ${results.join(", ")}.`);
  });
  return ["A terminal in which the demonstration runs.", ...sentences, scenes.at(-1)?.at(-1)?.text ?? ""].join(" ");
}

function seconds(value: number): string {
  return value.toFixed(1);
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
