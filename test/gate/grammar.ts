/**
 * Dockerfiles made to be misread: the unsigned image is where a reader may see text and an engine an instruction, or the other
 * way round. Names that decide are usually signed ones, so that the gate lets many of the files through.
 */
import { LineBreaks } from "./line-breaks.ts";

/** Makes one Dockerfile after the other from random choices. */
export class Grammar extends LineBreaks {
  /** A Dockerfile. */
  dockerfile(): string {
    const random = this.random;
    this.newline = random.chance(90) ? "\n" : "\r\n";
    this.meanness = random.pick([0, 0, 0, 2, 2, 6, 15]);
    const head = this.head();
    const before = random.many(random.between(0, 3), () => this.globalLine());
    const stages = random.many(random.pick([1, 1, 2, 2, 3]), () => this.stage()).flat();
    const end = random.chance(97) ? this.newline : this.escape;
    return utf8([...head, ...before, ...stages].join(this.newline) + end);
  }

  /** Instructions that a base image may bring along. */
  trigger(): string {
    const text = this.random.weighted([
      [6, () => this.copy()],
      [4, () => this.run()],
      [2, () => this.environment()],
      [2, () => this.heredoc().join("\n")],
      [1, () => this.payload()],
    ]);
    return text.replace(/^ONBUILD\s+/u, "");
  }

  protected head(): string[] {
    const random = this.random;
    const lines = random.many(random.chance(35) ? random.pick([1, 1, 2, 3]) : 0, () => this.directive());
    if (random.chance(3)) lines.unshift("#!/usr/bin/env docker");
    const mark = random.chance(4) ? "\ufeff" : "";
    return lines.length === 0 ? [mark].filter((text) => text !== "") : lines.with(0, mark + (lines[0] ?? ""));
  }

  protected directive(): string {
    const random = this.random;
    const value = random.weighted([
      [
        8,
        () => {
          this.escape = random.chance(85) ? "`" : "\\";
          return `escape${random.pick(["=", " = ", "=\t", " ="])}${random.chance(92) ? this.escape : random.pick(["\\", "`", "``", "x", ""])}`;
        },
      ],
      [1, () => `syntax=${random.pick([...this.names.good, ...this.names.evil])}`],
      [2, () => random.pick(["check=skip=all", "check=error=true", "check=skip=JSONArgsRecommended;error=false"])],
      [
        3,
        () =>
          random.pick([
            "foo=bar",
            "directive",
            "",
            `FROM ${this.evil()}`,
            "Escape=`",
            "ESCAPE=`",
            "escape =`",
            "escape=` ",
          ]),
      ],
    ]);
    const marker = random.weighted([
      [8, () => "#"],
      [1, () => "//"],
      [1, () => "##"],
    ]);
    const indent = random.chance(94) ? "" : random.pick([" ", "\t", "\u00a0", "\v"]);
    return `${indent}${marker}${random.chance(80) ? " " : random.pick(["", "  ", "\t"])}${value}`;
  }

  protected globalLine(): string {
    const random = this.random;
    return random.weighted([
      [8, () => this.argument()],
      [2, () => this.comment()],
      [1, () => ""],
      [random.chance(this.meanness * 3) ? 2 : 0, () => this.odd()],
    ]);
  }

  protected stage(): string[] {
    const random = this.random;
    const lines = [this.from()];
    for (let count = random.pick([0, 1, 1, 2, 2, 3, 5]); count > 0; count -= 1) lines.push(...this.lines());
    return lines;
  }

  protected lines(): string[] {
    const random = this.random;
    return random.weighted<string[]>([
      [4, () => [this.copy()]],
      [3, () => [this.run()]],
      [5, () => this.heredoc()],
      [3, () => [this.argument()]],
      [3, () => [this.environment()]],
      [4, () => [this.broken()]],
      [2, () => [this.comment()]],
      [2, () => [`ONBUILD${this.gap()}${this.trigger()}`]],
      [2, () => [this.plain()]],
      [random.chance(this.meanness * 3) ? 3 : 0, () => [this.odd()]],
    ]);
  }

  protected from(): string {
    const random = this.random;
    const platform = random.chance(12)
      ? `${this.gap()}--platform=${random.pick(["linux/amd64", "$BUILDPLATFORM", "${TARGETPLATFORM}", "linux/$TARGETARCH", "$A", '"linux/amd64"'])}`
      : "";
    const name = random.chance(45) ? `${this.gap()}${this.keyword("AS")}${this.gap()}${this.stageName()}` : "";
    return `${this.keyword("FROM")}${platform}${this.gap()}${this.base()}${name}${this.tail()}`;
  }

  protected base(): string {
    const random = this.random;
    return random.weighted([
      [50, () => this.good()],
      [8, () => "scratch"],
      [7, () => random.pick(this.names.stages)],
      [6, () => this.names.trigger],
      [18, () => this.substituted()],
      [4, () => this.quoted(this.good())],
      [2, () => this.evil()],
      [1, () => random.pick(["0", "1", "Scratch", "SCRATCH", "ctx", "context", '"scratch"', "scratch:latest"])],
    ]);
  }
}

/** As bytes, one character each. */
function utf8(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}
