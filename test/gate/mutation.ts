/** Files that people write, with a few things wrong: by word, by line, by byte. */
import type { Names } from "./gate-case.ts";
import type { Random } from "./random.ts";

const oddBytes = [
  "\\",
  "`",
  '"',
  "'",
  "$",
  "{",
  "}",
  "<",
  "-",
  "=",
  "#",
  " ",
  "\t",
  "\n",
  "\r",
  "\v",
  "\f",
  "\0",
  "/",
  ":",
  "@",
  ",",
  "[",
  "]",
  "\u00c2\u00a0",
  "\u00e2\u0080\u00a8",
  "\u00ef\u00bb\u00bf",
];

/** Returns `text` with one to four changes. */
export function mutated(text: string, random: Random, names: Names): string {
  let result = text;
  for (let count = random.between(1, 4); count > 0; count -= 1) result = changed(result, random, names);
  return result;
}

function changed(text: string, random: Random, names: Names): string {
  return random.weighted([
    [4, () => byWord(text, random, names)],
    [4, () => byLine(text, random, names)],
    [4, () => byByte(text, random)],
  ]);
}

/** The part at `at` is missing, follows a copy of another one, or has changed places with it. */
function rearranged(
  parts: readonly string[],
  at: number,
  other: number,
  gap: readonly string[],
): (readonly [number, () => string[]])[] {
  return [
    [2, () => parts.toSpliced(at, 1)],
    [2, () => parts.toSpliced(at, 0, parts[other] ?? "", ...gap)],
    [2, () => parts.with(at, parts[other] ?? "").with(other, parts[at] ?? "")],
  ];
}

function byWord(text: string, random: Random, names: Names): string {
  const words = text.split(/(\s+)/u);
  const at = random.between(0, words.length - 1);
  const other = random.between(0, words.length - 1);
  const evil = random.pick(names.evil);
  return random
    .weighted([
      ...rearranged(words, at, other, [" "]),
      [2, () => words.with(at, evil)],
      [
        2,
        () =>
          words.toSpliced(
            at,
            0,
            random.pick([
              "<<EOF",
              "<<-EOF",
              "EOF",
              "--",
              `--from=${evil}`,
              `--mount=from=${evil},target=/m`,
              "AS",
              "ONBUILD",
              "FROM",
              `\${A:-${evil}}`,
              "#",
            ]),
            " ",
          ),
      ],
    ])
    .join("");
}

function byLine(text: string, random: Random, names: Names): string {
  const lines = text.split("\n");
  const at = random.between(0, lines.length - 1);
  const other = random.between(0, lines.length - 1);
  const evil = random.pick(names.evil);
  return random
    .weighted([
      ...rearranged(lines, at, other, []),
      [
        3,
        () =>
          lines.with(
            at,
            (lines[at] ?? "") + random.pick(["\\", " \\", "\\\\", "`", "\\ ", "\r", " <<EOF", " <<-'E'", " # x"]),
          ),
      ],
      [
        3,
        () =>
          lines.toSpliced(
            at,
            0,
            random.pick([
              `FROM ${evil}`,
              `COPY --from=${evil} /x /y`,
              "EOF",
              "# escape=`",
              `# FROM ${evil}`,
              `ARG A=${evil}`,
              "",
            ]),
          ),
      ],
      [1, () => lines.with(at, ` ${lines[at] ?? ""}`)],
    ])
    .join("\n");
}

function byByte(text: string, random: Random): string {
  const at = random.between(0, text.length);
  const odd = random.pick(oddBytes);
  return random.weighted([
    [4, () => text.slice(0, at) + odd + text.slice(at)],
    [3, () => text.slice(0, at) + odd + text.slice(at + 1)],
    [3, () => text.slice(0, at) + text.slice(at + random.between(1, 3))],
    [1, () => text.slice(0, at) + text.slice(at, at + 1).toUpperCase() + text.slice(at + 1)],
    [1, () => text.slice(0, at) + text.slice(at).split("").reverse().slice(-2).join("") + text.slice(at + 2)],
  ]);
}

/** Files in the style of well-known projects, on signed images. */
export function ordinaryFiles({ good, trigger, evil, stages }: Names): readonly string[] {
  const [one = "", , two = ""] = good;
  const [bad = ""] = evil;
  const [stage = ""] = stages;
  return [
    `# syntax directive is not used here\nARG A=${one}\nFROM \${A} AS ${stage}\nWORKDIR /src\nCOPY file.txt ./\nRUN true && \\\n    # not FROM ${bad}\n    true\nFROM ${two}\nCOPY --from=${stage} /x /y\nCMD ["/bin/sh"]\n`,
    `FROM ${one}\nCOPY <<EOF /etc/conf\nFROM ${bad}\nEOF\nRUN <<-'SH'\n\tFROM=${bad}\n\ttrue\n\tSH\nLABEL a="FROM ${bad}"\n`,
    `# escape=\`\nFROM ${one}\nRUN true \`\n  FROM ${bad}\nCOPY file.txt /a\\\nENV B=${bad}\n`,
    `ARG V=v1\nARG A\nFROM --platform=$BUILDPLATFORM ${two} AS build\nARG TARGETARCH\nRUN --mount=type=cache,target=/c,id=c-$TARGETARCH true\nFROM ${one} AS ${stage}-amd64\nFROM ${two} AS ${stage}-arm64\nFROM ${stage}-\${TARGETARCH}\nCOPY --from=build /x /x\n`,
    `FROM ${trigger} AS base\nFROM base\nCOPY --from=0 /x /z\nRUN --mount=type=bind,from=base,target=/m,source=/x true\nONBUILD COPY --from=${one} /x /w\n`,
    `ARG A=\${B:-${one}}\nARG IMG=\${A}\nFROM \${IMG:-${bad}}\nARG IMG=${bad}\nENV A=\${IMG:+${bad}}\nLABEL x=\${A} \\\n      y=FROM\nHEALTHCHECK CMD true\n`,
    `FROM ${one} as a\nRUN cat > /dev/null <<A <<B\nFROM ${bad}\nA\nCOPY --from=${bad} /x /y\nB\nRUN ["/bin/true", "<<EOF"]\nFROM a as b\nADD file.txt /f\nFROM scratch\nCOPY --from=b / /\n`,
  ];
}
