/** Names, variables, quotes and gaps: plain ones mostly, and strange ones as often as the file is mean. */
import type { Names } from "./gate-case.ts";
import type { Random } from "./random.ts";

/** Variables that files declare, that engines predefine, and that are both. */
export const variables = [
  "A",
  "B",
  "V",
  "IMG",
  "TARGETARCH",
  "BUILDPLATFORM",
  "TARGETSTAGE",
  "HTTP_PROXY",
  "PATH",
] as const;

/** The words of one file. */
export class Spelling {
  protected readonly random: Random;
  protected readonly names: Names;
  protected escape = "\\";
  protected newline = "\n";
  /** how often, of 100, a place that is usually plain is not */
  protected meanness = 0;

  constructor(random: Random, names: Names) {
    this.random = random;
    this.names = names;
  }

  protected good(): string {
    return this.random.pick(this.names.good);
  }

  protected evil(): string {
    return this.random.pick(this.names.evil);
  }

  protected stageName(): string {
    return this.random.weighted([
      [20, () => this.random.pick(this.names.stages)],
      [1, () => this.random.pick(["0", "1", "scratch", "ctx", "a.b-c_d", "-x", "good", "context", "as", "from"])],
    ]);
  }

  protected quoted(text: string): string {
    const [open, close] = this.random.pick([
      ['"', '"'],
      ["'", "'"],
      ['"', ""],
      [`${this.escape}"`, '"'],
      ["", '"'],
    ] as const);
    if (this.random.chance(70)) return open + text + close;
    const at = this.random.between(0, text.length);
    return text.slice(0, at) + open + text.slice(at) + close;
  }

  /** A name with variables in it. */
  protected substituted(depth = 0): string {
    const random = this.random;
    const name = random.pick(variables);
    const word = (): string =>
      random.weighted([
        [5, () => this.good()],
        [4, () => this.evil()],
        [2, () => ""],
        [depth > 2 ? 0 : 3, () => this.substituted(depth + 1)],
        [1, () => this.quoted(this.evil())],
      ]);
    const pattern = (): string =>
      random.pick(["*", "*/", "?", "v", "/", "evil*", "[a-z]", "\\*", "*:", ":*", "", "**", "$A", "\\/"]);
    return random.weighted([
      [3, () => `$${name}`],
      [3, () => `\${${name}}`],
      [5, () => `\${${name}${random.pick([":-", "-", ":+", "+", ":?", "?"])}${word()}}`],
      [3, () => `\${${name}${random.pick(["#", "##", "%", "%%"])}${pattern()}}`],
      [2, () => `\${${name}${random.pick(["/", "//"])}${pattern()}/${random.pick(["", "x", "good", word()])}}`],
      [1, () => `${this.good()}\${${name}:+${word()}}`],
      [1, () => `\${${name}:-${this.names.host}}/good/a:\${V:-v1}`],
      [
        1,
        () =>
          random.pick([
            "$",
            "${}",
            "${A",
            "${1}",
            "$1",
            "${A:}",
            "${A:=x}",
            "${ A }",
            "\\$A",
            "${A:-${B}",
            "${A:-}}",
            "$$A",
          ]),
      ],
    ]);
  }

  #oddly(usual: string, odd: readonly string[]): string {
    return this.random.chance(this.meanness) ? this.random.pick(odd) : usual;
  }

  protected keyword(word: string): string {
    return this.#oddly(word, [
      word.toLowerCase(),
      `${word.charAt(0)}${word.slice(1).toLowerCase()}`,
      word.replace("K", "\u212a").replace("S", "\u017f"),
      `\t${word}`,
      ` ${word}`,
    ]);
  }

  protected gap(): string {
    return this.#oddly(" ", [
      "  ",
      "\t",
      " \t",
      `${this.escape}${this.newline} `,
      ` ${this.escape}${this.newline}`,
      ` ${this.escape}${this.newline}# c${this.newline} `,
      "\v",
      "\f",
      "\u00a0",
      "\u0085",
      "\u2003",
      "\r",
    ]);
  }

  protected tail(): string {
    return this.#oddly("", [
      " ",
      "\t",
      ` ${this.escape}`,
      this.escape + this.escape,
      "\r",
      "\v",
      " # x",
      `${this.escape} `,
      "\u00a0",
      `${this.escape}${this.newline}`,
    ]);
  }
}
