/** Here-documents, and lines that continue or only seem to: where engines differ in what is an instruction. */
import { Instructions } from "./instructions.ts";

/** Instructions over several lines. */
export class LineBreaks extends Instructions {
  protected heredoc(): string[] {
    const random = this.random;
    const count = random.chance(85) ? 1 : 2;
    const documents = random.many(count, () => this.document());
    const openers = documents.map(({ opener }) => opener).join(this.gap());
    const line = random.weighted([
      [6, () => `${this.keyword("RUN")} ${openers}`],
      [6, () => `${this.keyword("COPY")} ${openers} /h/`],
      [1, () => `ADD ${openers} /h/`],
      [2, () => `RUN cat ${openers} > /dev/null`],
      [1, () => `RUN --mount=type=tmpfs,target=/t ${openers}`],
      [1, () => `COPY --from=${this.source()} ${openers} /h/`],
      [1, () => `ONBUILD RUN ${openers}`],
      [1, () => `ONBUILD COPY ${openers} /h/`],
      [
        1,
        () =>
          `${random.pick(["ENV A=", "LABEL a=", "CMD ", "ENTRYPOINT ", "SHELL ", "WORKDIR /", "FOO ", "HEALTHCHECK CMD "])}${openers}`,
      ],
      [1, () => `RUN [ -f /x ] || cat ${openers}`],
      [1, () => `RUN echo ${this.quoted(openers)}`],
      [1, () => `RUN echo ${this.substituted()} ${openers}`],
      [1, () => `RUN ["cat", ${openers}]`],
      [1, () => `# RUN ${openers}`],
      [1, () => `RUN true # ${openers}`],
      [1, () => `RUN true ${this.escape}${this.newline} ${openers}`],
    ]);
    return [line + this.tail(), ...documents.flatMap(({ body }) => body)];
  }

  protected document(): { readonly opener: string; readonly body: string[] } {
    const random = this.random;
    const name = random.pick([
      "EOF",
      "EOF",
      "EOT",
      "E_F",
      "E.F-1",
      "eof",
      "1",
      "EOF",
      random.chance(this.meanness * 4)
        ? random.pick(["E$A", "E\\F", "É", "E F", "FROM", "-EOF", "<EOF", "${A}"])
        : "EOF",
    ]);
    const dash = random.chance(30) ? "-" : "";
    const opener = random.weighted([
      [12, () => `<<${dash}${name}`],
      [3, () => `<<${dash}"${name}"`],
      [3, () => `<<${dash}'${name}'`],
      [2, () => `<<${dash}${random.pick([" ", "\t", "  "])}${name}`],
      [1, () => `${random.pick(["0", "3", "10"])}<<${dash}${name}`],
      [1, () => `<<${dash}\\${name}`],
      [1, () => `<<<${name}`],
      [1, () => `<<<<${name}`],
      [1, () => `<<${dash}${name}"`],
      [1, () => `<<${dash}"E"${name.slice(1)}`],
      [1, () => `a<<${name}`],
      [1, () => `<<${name}${random.pick([";", "|", "&", ")", ">", "#"])}`],
    ]);
    const inside = random.many(random.between(0, 2), () =>
      random.weighted([
        [6, () => this.payload()],
        [2, () => "true"],
        [1, () => `true ${this.escape}`],
        [1, () => `<<${name}`],
        [1, () => `COPY <<${name} /n/`],
        [1, () => ""],
      ]),
    );
    return { opener, body: [...inside, ...this.terminator(name)] };
  }

  protected terminator(name: string): string[] {
    const random = this.random;
    const almost = (): string =>
      random.pick([
        `${name} `,
        ` ${name}`,
        `\t${name}`,
        `${name}\r`,
        `${name}${this.escape}`,
        `"${name}"`,
        name.toLowerCase(),
        `${name}#`,
        `\v${name}`,
        `${name}\t`,
      ]);
    return random.weighted<string[]>([
      [16, () => [name]],
      [4, () => [almost(), this.payload(), name]],
      [2, () => [`\t${name}`]],
      [1, () => [almost()]],
      [1, () => [name, name]],
      [1, () => []],
    ]);
  }

  /** Instructions that continue over several lines, or seem to. */
  protected broken(): string {
    const random = this.random;
    const escape = random.chance(80) ? this.escape : random.pick(["\\", "`"]);
    const lineBreak = (): string =>
      random.weighted([
        [8, () => `${escape}${this.newline}`],
        [3, () => `${escape}${escape}${this.newline}`],
        [2, () => `${escape} ${this.newline}`],
        [1, () => `${escape}\t ${this.newline}`],
        [1, () => `${escape}${escape}${escape}${this.newline}`],
        [2, () => `${escape}${this.newline}# ${this.payload()}${this.newline}`],
        [2, () => `${escape}${this.newline}${this.newline}`],
        [1, () => `${escape}${this.newline}  # ${this.payload()} ${escape}${this.newline}`],
        [1, () => `${escape}\r\n`],
        [1, () => `${escape}\r`],
        [1, () => `${escape}\v${this.newline}`],
        [1, () => `${escape}${this.newline} \t${this.newline}`],
      ]);
    return random.weighted([
      [5, () => `RUN echo a ${lineBreak()}${this.payload()}`],
      [3, () => `LABEL a=b ${lineBreak()}${this.payload()}`],
      [2, () => `# comment ${lineBreak()}${this.payload()}`],
      [2, () => `ENV A=b ${lineBreak()}C=${this.quoted(this.payload())}`],
      [2, () => `CMD ["a"] ${lineBreak()}${this.payload()}`],
      [2, () => `FR${lineBreak()}OM ${this.good()}`],
      [2, () => `COPY ${lineBreak()}--from=${this.source()} ${lineBreak()}/x /y`],
      [1, () => `COPY --fr${lineBreak()}om=${this.source()} /x /y`],
      [1, () => `FROM ${this.good().slice(0, 3)}${lineBreak()}${this.good().slice(3)}`],
      [1, () => `ARG A=${lineBreak()}${this.good()}`],
      [1, () => `ONBUILD ${lineBreak()}${this.payload()}`],
      [1, () => `RUN --mount=${lineBreak()}from=${this.source()},target=/m true`],
    ]);
  }
}
