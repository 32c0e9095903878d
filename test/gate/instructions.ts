/** Instructions of one line, with an unsigned image in each place where one might be overlooked. */
import { Spelling, variables } from "./spelling.ts";

/** The instructions of one file. */
export class Instructions extends Spelling {
  protected argument(): string {
    const random = this.random;
    const one = (): string => {
      const name = random.pick(variables);
      return random.weighted([
        [2, () => name],
        [
          6,
          () =>
            `${name}=${random.weighted<string>([
              [5, () => this.good()],
              [2, () => this.evil()],
              [3, () => this.substituted()],
              [1, () => this.quoted(this.good())],
              [2, () => random.pick(this.names.stages)],
              [1, () => `1,from=${this.evil()}`],
              [1, () => "v1"],
              [1, () => ""],
            ])}`,
        ],
        [1, () => `${name} = ${this.good()}`],
        [1, () => this.quoted(`${name}=${this.good()}`)],
      ]);
    };
    const words = random.many(random.chance(80) ? 1 : 2, one).join(this.gap());
    return `${this.keyword("ARG")}${this.gap()}${words}${this.tail()}`;
  }

  protected environment(): string {
    const random = this.random;
    const name = random.pick(variables);
    const value = random.weighted([
      [3, () => this.evil()],
      [2, () => this.substituted()],
      [2, () => this.quoted(this.evil())],
      [1, () => `1,from=${this.evil()}`],
      [1, () => "1"],
    ]);
    return `${this.keyword("ENV")}${this.gap()}${name}${random.pick(["=", " "])}${value}${this.tail()}`;
  }

  protected copy(): string {
    const random = this.random;
    const flags: string[] = [];
    if (random.chance(70)) flags.push(`--from=${this.source()}`);
    if (random.chance(15))
      flags.push(
        random.pick([
          "--chown=0:0",
          "--chmod=644",
          "--link",
          "--from=",
          "--chown=$A",
          "--link=false",
          "--parents",
          "--",
          "--exclude=*.md",
          "--checksum=sha256:0",
          // what podman takes for --from
          `--chown=${this.names.host}/x--from/e${this.names.number}`,
          `--chmod=--from${this.names.number}`,
        ]),
      );
    if (random.chance(6)) flags.push(`--from=${this.source()}`);
    const written = flags.sort(() => random.next() - 0.5).map((flag) => this.flag(flag));
    const files = random.weighted([
      [6, () => "/x /y"],
      [3, () => "/file.txt /"],
      [2, () => '["/x", "/y"]'],
      [1, () => "/x $A"],
    ]);
    const word = random.chance(88) ? "COPY" : "ADD";
    return [this.keyword(word), ...written, files].join(this.gap()) + this.tail();
  }

  protected source(): string {
    const random = this.random;
    return random.weighted([
      [25, () => this.good()],
      [25, () => random.pick(this.names.stages)],
      [
        12,
        () => random.pick(["0", "1", "2", "00", "+0", "-1", "0x0", "scratch", "ctx", "context", "${A}", "$A", "0 "]),
      ],
      [4, () => this.evil()],
      [4, () => this.quoted(this.good())],
      [3, () => this.substituted()],
    ]);
  }

  protected flag(flag: string): string {
    if (!this.random.chance(this.meanness)) return flag;
    return this.random.pick([
      `"${flag}"`,
      flag.replace("=", '="'),
      flag.replace("=", `=${this.escape}`),
      flag.replace("--", "--\\"),
      `'${flag}'`,
      flag.toUpperCase(),
      flag.replace("--", "-"),
      flag.replace("=", " "),
    ]);
  }

  protected run(): string {
    const random = this.random;
    const flags = random.many(random.chance(55) ? random.between(1, 2) : 0, () => this.mount());
    if (random.chance(6))
      flags.push(random.pick(["--network=none", "--security=sandbox", "--network=$A", "--device=x"]));
    const command = random.weighted([
      [6, () => "true"],
      [3, () => '["/bin/true"]'],
      [2, () => `echo ${this.payload()}`],
      [1, () => `echo ${this.quoted(this.payload())}`],
      [1, () => `[ -f /x ] || true`],
      [1, () => `["true"`],
    ]);
    return [this.keyword("RUN"), ...flags, command].join(this.gap()) + this.tail();
  }

  protected mount(): string {
    const random = this.random;
    const fields = random.weighted<string[]>([
      [10, () => ["type=bind", `from=${this.source()}`, "target=/m"]],
      [3, () => [`from=${this.source()}`, "target=/m", "source=/x"]],
      [
        3,
        () => ["type=cache", "target=/c", `id=${random.pick(["a", "a-$TARGETARCH", "$A", "x-${B:-y}", this.evil()])}`],
      ],
      [2, () => ["type=cache", "target=/c", `from=${this.source()}`]],
      [1, () => ["type=tmpfs", "target=/t"]],
      [1, () => ["type=secret", "id=s", `target=${this.evil()}`]],
    ]);
    if (random.chance(15))
      fields.push(
        random.pick([
          `from=${this.source()}`,
          "ro",
          "readonly=true",
          '"from=scratch"',
          `"from=${this.evil()}"`,
          `FROM=${this.source()}`,
          " from = scratch",
          `$A`,
          `$A=${this.evil()}`,
          "${A:-from}=x",
          "rw=$B",
        ]),
      );
    return this.flag(`--mount=${fields.sort(() => random.next() - 0.5).join(random.chance(95) ? "," : ", ")}`);
  }

  /** A line that only a reading that goes wrong sees as an instruction. */
  protected payload(): string {
    const random = this.random;
    const evil = this.evil();
    return random.weighted([
      [5, () => `FROM ${evil}`],
      [2, () => `FROM ${evil} AS ${random.pick(this.names.stages)}`],
      [1, () => `FROM ${evil} AS 9`],
      [4, () => `COPY --from=${evil} /x /y`],
      [2, () => `RUN --mount=from=${evil},target=/m true`],
      [1, () => `ADD --from=${evil} /x /y`],
      [1, () => `ONBUILD COPY --from=${evil} /x /y`],
      [1, () => `ARG A=${evil}`],
      [1, () => `# escape=\``],
    ]);
  }

  protected plain(): string {
    const random = this.random;
    const text = this.payload();
    return random.weighted([
      [2, () => `LABEL a=${this.quoted(text)}`],
      [2, () => `WORKDIR /w`],
      [1, () => `CMD ${text}`],
      [1, () => `ENTRYPOINT ["echo", ${JSON.stringify(text)}]`],
      [1, () => "USER 0"],
      [1, () => "EXPOSE 80"],
      [1, () => "VOLUME /v"],
      [1, () => `HEALTHCHECK --interval=5m CMD ${text}`],
      [1, () => "HEALTHCHECK NONE"],
      [1, () => 'SHELL ["/bin/sh", "-c"]'],
      [1, () => "STOPSIGNAL 9"],
      [1, () => `MAINTAINER ${text}`],
    ]);
  }

  protected comment(): string {
    const indent = this.random.chance(85) ? "" : this.random.pick([" ", "\t", "  ", "\u00a0", "\u2003", "\v"]);
    return `${indent}# ${this.payload()}${this.tail()}`;
  }

  /** What stands in no file that was meant to be one. */
  protected odd(): string {
    const random = this.random;
    const line = this.payload();
    return random.weighted([
      [
        3,
        () =>
          `${random.pick(["\u00a0", "\u0085", "\v", "\f", "\u2028", "\u3000", "\ufeff", "\0", "\r", "\u200b"])}${line}`,
      ],
      [
        2,
        () =>
          `${random.pick(["FOO", "FR0M", "from_", "COPYX", "RUN\u00a0true", "FROM\u00a0x", "FROM\u3000x"])} ${line}`,
      ],
      [1, () => line.replace(" ", random.pick(["\v", "\f", "\u00a0", "\u2003", "\r", "\t"]))],
      [1, () => `${line}\r${line}`],
      [1, () => `RUN true\u2028${line}`],
      [1, () => `RUN true\u0085${line}`],
      [1, () => `RUN echo "${this.newline}${line}${this.newline}"`],
      [1, () => `INCLUDE ${this.evil()}`],
    ]);
  }
}
