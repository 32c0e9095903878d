/** Dockerfiles and what becomes of them under content trust: rewritten, or refused. One table: each row is a story. */
import { latest, one, two, arm, app, syntax, other, type Row } from "./trusted-dockerfile.ts";

const tick = "`";

/** Every case by what a reader of the file would call it. */
export const dockerfileRows: readonly Row[] = [
  // the forms of the reference, one by one
  ["scratch", "FROM scratch\n", "FROM scratch\n"],
  ["a named stage", "FROM base:1 AS x\n", `FROM base@${one} AS x\n`],
  ["no tag", "FROM base\n", `FROM base@${latest}\n`],
  ["a digest", `FROM other@${other}\n`, `FROM other@${other}\n`],
  ["a digest under a long name", `FROM docker.io/library/x@${other}\n`, `FROM docker.io/library/x@${other}\n`],
  ["a tag signed for this digest", `FROM base:1@${one}\n`, `FROM base@${one}\n`],
  [
    "a tag signed for another digest",
    `FROM base:1@${other}\n`,
    /^Dockerfile:1: base:1@sha256:e+: signed for another digest$/,
  ],
  ["an earlier stage", "FROM base:1 AS a\nFROM a\n", `FROM base@${one} AS a\nFROM a\n`],
  ["a platform", "FROM --platform=linux/arm64 base:1\n", `FROM --platform=linux/arm64 base@${one}\n`],
  ["a variable platform", "FROM --platform=$BUILDPLATFORM base:1\n", `FROM --platform=$BUILDPLATFORM base@${one}\n`],
  ["an argument", "ARG B=base:1\nFROM ${B}\n", `ARG B=base:1\nFROM base@${one}\n`],
  ["quotes", 'FROM "base:1"\n', `FROM base@${one}\n`],
  ["a continued line", "FROM \\\n base:1\n", `FROM \\\n base@${one}\n`],
  ["COPY --from", "FROM scratch\nCOPY --from=base:1 /a /b\n", `FROM scratch\nCOPY --from=base@${one} /a /b\n`],
  ["ONBUILD FROM", "FROM scratch\nONBUILD FROM base:1\n", /^Dockerfile:2: FROM is not allowed behind ONBUILD$/],
  [
    "a front-end",
    "# syntax=docker/dockerfile:1\nFROM scratch\n",
    `# syntax=docker/dockerfile@${syntax}\nFROM scratch\n`,
  ],
  ["CRLF, and no final newline", "FROM base:1\r\nRUN x", `FROM base@${one}\r\nRUN x`],
  [
    "an unsigned base",
    "FROM scratch\nFROM host:5000/team/app:v2\n",
    /^Dockerfile:2: host:5000\/team\/app:v2: No valid trust data for v2$/,
  ],

  // arguments
  [
    "a build argument",
    "ARG B=base:9\nFROM $B\n",
    `ARG B=base:9\nFROM base@${two}\n`,
    { buildArguments: { B: "base:2" } },
  ],
  ["an undeclared build argument", "FROM base:${V:-1}\n", `FROM base@${one}\n`, { buildArguments: { V: "9" } }],
  ["an argument of an argument", "ARG V=1\nARG B=base:$V\nFROM $B\n", `ARG V=1\nARG B=base:$V\nFROM base@${one}\n`],
  ["several in a line", "ARG A=x V='1'\nFROM base:$V\n", `ARG A=x V='1'\nFROM base@${one}\n`],
  ["a default", "FROM base:${V:-1}\n", `FROM base@${one}\n`],
  ["a default of an empty one", "ARG V=\nFROM base:${V:-2}\n", `ARG V=\nFROM base@${two}\n`],
  ["an empty one without colon", "ARG V=\nFROM base${V-:2}\n", `ARG V=\nFROM base@${latest}\n`],
  ["an alternative", "ARG V=x\nFROM base${V:+:1}\n", `ARG V=x\nFROM base@${one}\n`],
  ["a nested default", "FROM base:${V:-${W:-1}}\n", `FROM base@${one}\n`],
  ["declared again without default", "ARG V=1\nARG V\nFROM base:$V\n", `ARG V=1\nARG V\nFROM base@${one}\n`],
  [
    "an argument of a stage",
    "FROM base:1\nARG V=2\nFROM base:${V:-1}\n",
    `FROM base@${one}\nARG V=2\nFROM base@${one}\n`,
  ],
  ["a stage by argument", "ARG S=a\nFROM base:1 AS a\nFROM $S\n", `ARG S=a\nFROM base@${one} AS a\nFROM a\n`],
  ["nothing", "FROM $B\n", /^Dockerfile:1: \$B is not understood: it stands for nothing/],
  ["a missing one", "FROM base:${V:?which}\n", /V: which/],
  ["no name", "FROM base$\n", /^Dockerfile:1: base\$: invalid reference format/],
  ["escapes", "FROM base\\:1\n", `FROM base@${one}\n`],
  ["escapes for podman", "FROM base\\:1\n", /quotes, escapes/, { engine: "podman" }],

  // patterns, which only today's front-ends know: others refuse the file
  ["a prefix", "ARG V=v1\nFROM base:${V#v}\n", `ARG V=v1\nFROM base@${one}\n`],
  ["the longest prefix", "ARG V=a/b/1\nFROM base:${V##*/}\n", `ARG V=a/b/1\nFROM base@${one}\n`],
  ["a suffix", "ARG B=base:1\nFROM ${B%:*}:2\n", `ARG B=base:1\nFROM base@${two}\n`],
  ["the longest suffix", "ARG V=1.2.3\nFROM base:${V%%.*}\n", `ARG V=1.2.3\nFROM base@${one}\n`],
  [
    "a registry with a slash too many",
    "ARG REG=host:5000/\nARG V=v1\nFROM ${REG%/}/team/app:v${V#v}\n",
    `ARG REG=host:5000/\nARG V=v1\nFROM host:5000/team/app@${app}\n`,
  ],
  ["another text for the first", "ARG V=v1\nFROM base:${V/v/}\n", `ARG V=v1\nFROM base@${one}\n`],
  ["another text for all", "ARG V=x1x\nFROM base:${V//x/}\n", `ARG V=x1x\nFROM base@${one}\n`],
  ["a slash in a pattern", "ARG V=x/1\nFROM base:${V/x\\//}\n", `ARG V=x/1\nFROM base@${one}\n`],
  ["a pattern in an argument", "ARG V=v1\nARG W=${V#v}\nFROM base:$W\n", `ARG V=v1\nARG W=\${V#v}\nFROM base@${one}\n`],
  [
    "a pattern for the classic builder",
    "ARG V=v1\nFROM base:${V#v}\n",
    `ARG V=v1\nFROM base@${one}\n`,
    { isClassic: true },
  ],
  [
    "what older engines take for nothing and newer ones do not",
    "ARG V=v1\nARG W=${V#v}\nFROM base:${W:-2}\n",
    /^Dockerfile:3: engines read base:\$\{W:-2\} differently/,
  ],
  [
    "what is read by today's BuildKit",
    "ARG V=v1\nARG W=${V#v}\nFROM base:${W:-2}\n",
    `ARG V=v1\nARG W=\${V#v}\nFROM base@${one}\n`,
    { buildKitVersions: [20] },
  ],
  [
    "what is read by an older BuildKit",
    "ARG V=v1\nARG W=${V#v}\nFROM base:${W:-2}\n",
    `ARG V=v1\nARG W=\${V#v}\nFROM base@${two}\n`,
    { buildKitVersions: [8] },
  ],
  [
    "what may be read by either",
    "ARG V=v1\nARG W=${V#v}\nFROM base:${W:-2}\n",
    /engines read base:\$\{W:-2\} differently/,
    { buildKitVersions: [8, 20] },
  ],
  [
    "what is read by today's front-end, whatever the engine is",
    "# syntax=docker/dockerfile:1\nARG V=v1\nARG W=${V#v}\nFROM base:${W:-2}\n",
    `# syntax=docker/dockerfile@${syntax}\nARG V=v1\nARG W=\${V#v}\nFROM base@${one}\n`,
    { buildKitVersions: [8] },
  ],
  [
    "what the classic builder refuses it cannot take for nothing",
    "ARG V=v1\nARG W=${V#v}\nFROM base:${W:-2}\n",
    `ARG V=v1\nARG W=\${V#v}\nFROM base@${one}\n`,
    { isClassic: true },
  ],
  ["a pattern in the default of another", "FROM base:${V:-${W#x}1}\n", `FROM base@${one}\n`],
  ["a substitution nobody knows", "ARG V=v1\nFROM base:${V^}\n", /of an unknown kind/],
  [
    "an argument that no image depends on",
    "ARG VER=1.2\nARG SHORT=${VER//./}\nARG BAD=${VER^^}\nARG WORSE=${\nFROM base:1\n",
    `ARG VER=1.2\nARG SHORT=\${VER//./}\nARG BAD=\${VER^^}\nARG WORSE=\${\nFROM base@${one}\n`,
  ],
  [
    "an argument that one does depend on",
    "ARG V=1\nARG BAD=${V^^}\nFROM base:$BAD\n",
    /substitution of V is of an unknown kind/,
  ],
  [
    "one line of arguments for the classic builder",
    "ARG A=1 B=${A:-2}\nFROM base:$B\n",
    `ARG A=1 B=\${A:-2}\nFROM base@${two}\n`,
    { isClassic: true },
  ],
  ["no platform for the classic builder", "FROM base:${TARGETARCH:-1}\n", `FROM base@${one}\n`, { isClassic: true }],
  ["upper case", "FROM Base:1\n", /^Dockerfile:1: Base:1: invalid reference format/],

  // platforms
  [
    "the target's architecture",
    "FROM base-${TARGETARCH}:1\n",
    `FROM base-arm64@${arm}\n`,
    { platforms: ["linux/arm64"] },
  ],
  [
    "overridden",
    "FROM base-${TARGETARCH}:1\n",
    `FROM base-arm64@${arm}\n`,
    { buildArguments: { TARGETARCH: "arm64" } },
  ],
  [
    "another image for each",
    "FROM base-${TARGETARCH}:1\n",
    /another image for each platform/,
    { platforms: ["linux/arm64", "linux/amd64"] },
  ],
  [
    "another stage for each",
    "FROM base:1 AS s-arm64\nFROM base:2 AS s-amd64\nFROM s-${TARGETARCH}\n",
    `FROM base@${one} AS s-arm64\nFROM base@${two} AS s-amd64\nFROM s-\${TARGETARCH}\n`,
    { platforms: ["linux/arm64", "linux/amd64"] },
  ],
  [
    "a stage for one, an image for the other",
    "FROM base:1 AS s-arm64\nFROM s-${TARGETARCH}\n",
    /another image for each platform/,
    { platforms: ["linux/arm64", "linux/amd64"] },
  ],

  // COPY --from, ADD
  [
    "COPY from a stage",
    "FROM base:1 AS a\nFROM scratch\nCOPY --from=a /a /b\n",
    `FROM base@${one} AS a\nFROM scratch\nCOPY --from=a /a /b\n`,
  ],
  [
    "COPY from a stage in other letters",
    "FROM base:1 AS A\nFROM scratch\nCOPY --from=a /a /b\n",
    `FROM base@${one} AS A\nFROM scratch\nCOPY --from=a /a /b\n`,
  ],
  [
    "COPY from a stage's number",
    "FROM base:1\nFROM scratch\nCOPY --from=0 /a /b\n",
    `FROM base@${one}\nFROM scratch\nCOPY --from=0 /a /b\n`,
  ],
  [
    "COPY from this stage's number",
    "FROM base:1\nFROM scratch\nCOPY --from=1 /a /b\n",
    /^Dockerfile:3: there is no stage 1/,
  ],
  [
    "COPY from a later stage",
    "FROM scratch\nCOPY --from=base /a /b\nFROM base:1 AS base\n",
    /^Dockerfile:2: the stage base is not complete/,
  ],
  [
    "COPY from this stage",
    "FROM scratch AS base\nCOPY --from=base /a /b\n",
    /^Dockerfile:2: the stage base is not complete/,
  ],
  [
    "COPY with other flags",
    "FROM scratch\ncopy --chown=1:1 --from=base:1 --link /a /b\n",
    `FROM scratch\ncopy --chown=1:1 --from=base@${one} --link /a /b\n`,
  ],
  ["COPY with quotes", 'FROM scratch\nCOPY --from="base:1" /a /b\n', `FROM scratch\nCOPY --from="base@${one}" /a /b\n`],
  [
    "COPY with quotes around all is a file",
    'FROM scratch\nCOPY "--from=evil" /a /b\n',
    'FROM scratch\nCOPY "--from=evil" /a /b\n',
  ],
  [
    "COPY over two lines",
    "FROM scratch\nCOPY --from=base\\\n:1 /a /b\n",
    `FROM scratch\nCOPY --from=base@${one} /a /b\n`,
  ],
  [
    "COPY with a comment between",
    "FROM scratch\nCOPY \\\n# no\n --from=base:1 /a /b\n",
    `FROM scratch\nCOPY \\\n# no\n --from=base@${one} /a /b\n`,
  ],
  [
    "COPY from a variable",
    "ARG B=base:1\nFROM scratch\nCOPY --from=$B /a /b\n",
    /^Dockerfile:3: \$B is not understood: variables/,
  ],
  [
    "COPY from an unsigned image",
    "FROM scratch\nCOPY --from=evil /a /b\n",
    /^Dockerfile:2: evil:latest: No valid trust data/,
  ],
  ["a file called --from", "FROM scratch\nCOPY a --from=evil /b\n", "FROM scratch\nCOPY a --from=evil /b\n"],
  ["ADD --from", "FROM scratch\nADD --from=evil /a /b\n", /^Dockerfile:2: evil:latest/],
  [
    "an unknown flag",
    "FROM scratch\nCOPY --form=evil /a /b\n",
    /^Dockerfile:2: the flag --form of COPY is not understood/,
  ],
  ["a flag by variable", "FROM scratch\nCOPY --$F=evil /a /b\n", /^Dockerfile:2: the flag/],
  ["an escaped quote in a flag", 'FROM scratch\nCOPY --chown=\\" --from=evil /a "/b\n', /^Dockerfile:2: the flag/],

  // RUN --mount
  [
    "a mount",
    "FROM scratch\nRUN --mount=type=bind,from=base:1,target=/x y\n",
    `FROM scratch\nRUN --mount=type=bind,from=base@${one},target=/x y\n`,
  ],
  [
    "a mount without type, and another",
    "FROM scratch\nRUN --mount=from=base:1,dst=/x --mount=type=cache,target=/c y\n",
    `FROM scratch\nRUN --mount=from=base@${one},dst=/x --mount=type=cache,target=/c y\n`,
  ],
  ["a mount in other letters", "FROM scratch\nRUN --mount=FROM=evil y\n", /^Dockerfile:2: evil:latest/],
  [
    "a mount in quotes",
    "FROM scratch\nRUN --mount='type=bind,from=base:1' y\n",
    `FROM scratch\nRUN --mount='type=bind,from=base@${one}' y\n`,
  ],
  ["a mount from a stage", "FROM base:1 AS a\nRUN --mount=from=a y\n", /^Dockerfile:2: the stage a is not complete/],
  [
    "a mount from an earlier stage",
    "FROM base:1 AS a\nFROM scratch\nRUN --mount=from=a y\n",
    `FROM base@${one} AS a\nFROM scratch\nRUN --mount=from=a y\n`,
  ],
  [
    "a mount from a number, an image to docker",
    "FROM base:1\nFROM scratch\nRUN --mount=from=0 y\n",
    /^Dockerfile:3: 0:latest: No valid/,
  ],
  [
    "a mount from a number, a stage to podman",
    "FROM base:1\nFROM scratch\nRUN --mount=from=0 y\n",
    `FROM docker.io/library/base@${one}\nFROM scratch\nRUN --mount=from=0 y\n`,
    { engine: "podman" },
  ],
  [
    "a mount with a variable elsewhere",
    "FROM scratch\nRUN --mount=type=cache,target=$X y\n",
    "FROM scratch\nRUN --mount=type=cache,target=$X y\n",
  ],
  ["a mount from a variable", "FROM scratch\nRUN --mount=from=$X y\n", /^Dockerfile:2: \$X is not understood/],
  ["a mount behind the command", "FROM scratch\nRUN y --mount=from=evil\n", "FROM scratch\nRUN y --mount=from=evil\n"],

  // front-ends
  [
    "a front-end with arguments",
    "#syntax = docker/dockerfile:1 x\nFROM scratch\n",
    `#syntax = docker/dockerfile@${syntax} x\nFROM scratch\n`,
  ],
  [
    "a front-end behind a byte order mark",
    "\u{FEFF}# syntax=docker/dockerfile:1\nFROM base:1\n",
    Buffer.from(`\u{FEFF}# syntax=docker/dockerfile@${syntax}\nFROM base@${one}\n`).toString("latin1"),
  ],
  [
    "a front-end behind escape",
    "# escape=\\\n# SYNTAX=docker/dockerfile:1\nFROM scratch\n",
    `# escape=\\\n# SYNTAX=docker/dockerfile@${syntax}\nFROM scratch\n`,
  ],
  [
    "a front-end behind #!",
    "#!/usr/bin/x\n# syntax=docker/dockerfile:1\nFROM scratch\n",
    `#!/usr/bin/x\n# syntax=docker/dockerfile@${syntax}\nFROM scratch\n`,
  ],
  [
    "a front-end for old engines only",
    "# check=skip=all\n# foo=bar\n# syntax=evil\nFROM scratch\n",
    /^Dockerfile:3: evil:latest/,
  ],
  [
    "a front-end behind //",
    "// syntax=docker/dockerfile:1\nFROM base:1\n",
    `// syntax=docker/dockerfile@${syntax}\nFROM base@${one}\n`,
  ],
  ["an unsigned one behind //", "// syntax=evil\nFROM base:1\n", /^Dockerfile:1: evil:latest/],
  ["a comment", "# what\n# syntax=evil\nFROM base:1\n", `# what\n# syntax=evil\nFROM base@${one}\n`],
  ["a comment behind an empty line", "\n# syntax=evil\nFROM base:1\n", `\n# syntax=evil\nFROM base@${one}\n`],
  ["another language", '{ "syntax": "evil" }\n', /^Dockerfile:1: unknown instruction: \{/],
  [
    "podman has no front-ends",
    "# syntax=evil\nFROM base:1\n",
    `# syntax=evil\nFROM docker.io/library/base@${one}\n`,
    { engine: "podman" },
  ],

  // cutting into lines
  ["lower case and tabs", "\tfrom\tbase:1\tas\tx\n", `\tfrom\tbase@${one}\tas\tx\n`],
  [
    "the other escape character",
    `# escape=${tick}\nFROM ${tick}\nbase:1\nRUN dir C:\\\nFROM base:2\n`,
    `# escape=${tick}\nFROM ${tick}\nbase@${one}\nRUN dir C:\\\nFROM base@${two}\n`,
  ],
  [
    "an escape character that only some engines see",
    `# syntax=docker/dockerfile:1\n# escape=${tick}\nFROM base:1\nRUN dir C:\\\nFROM base:2\n`,
    /engines read this line differently/,
  ],
  [
    "one that makes no difference",
    `# syntax=docker/dockerfile:1\n# escape=${tick}\nFROM base:1\n`,
    `# syntax=docker/dockerfile@${syntax}\n# escape=${tick}\nFROM base@${one}\n`,
  ],
  [
    "a doubled escape character",
    "FROM base:1\nRUN echo \\\\\nFROM evil\n",
    /^Dockerfile:3: engines read this line differently$/,
  ],
  [
    "a doubled one that makes no difference",
    "FROM base:1\nRUN echo \\\\\nRUN x\n",
    `FROM base@${one}\nRUN echo \\\\\nRUN x\n`,
  ],
  ["a vertical tab before FROM", "FROM base:1\n\u000bFROM evil\n", /^Dockerfile:2: evil:latest/],
  ["a no-break space before FROM", "FROM base:1\n\u00a0FROM evil\n", /^Dockerfile:2: the line begins with white space/],
  ["a carriage return as line end", "FROM base:1\rFROM evil\n", /^Dockerfile:1: a carriage return that ends no line/],
  ["a zero byte", "FROM base:1\0\n", /^Dockerfile:1: a zero byte/],
  [
    "a comment is no instruction",
    "# FROM evil\nFROM base:1\n  # FROM evil\n",
    `# FROM evil\nFROM base@${one}\n  # FROM evil\n`,
  ],
  [
    "a comment that seems to go on",
    "FROM base:1\n# x \\\nFROM base:2\n",
    `FROM base@${one}\n# x \\\nFROM base@${two}\n`,
  ],
  [
    "an empty line in a continued one",
    "FROM base:1\nRUN a \\\n\n  b\nFROM base:2\n",
    `FROM base@${one}\nRUN a \\\n\n  b\nFROM base@${two}\n`,
  ],
  [
    "spaces behind the escape character",
    "FROM base:1\nRUN a \\  \nFROM evil\n",
    `FROM base@${one}\nRUN a \\  \nFROM evil\n`,
  ],
  ["a word that is no instruction", "FROM base:1\nINCLUDE evil\n", /^Dockerfile:2: unknown instruction: INCLUDE/],
  ["too many words", "FROM base:1 # x\n", /FROM requires either one or three arguments/],
  ["a bad stage name", "FROM base:1 AS $X\n", /name of the build stage/],
  ["no stage", "ARG X=1\n", /there is no FROM/],
  ["nothing at all", "", /there is no FROM/],
  ["RUN first", "RUN x\nFROM base:1\n", /^Dockerfile:1: RUN stands before the first FROM/],
  ["a name that is not ASCII", "FROM b\u00e4se:1\n", /not plain ASCII/],

  // here-documents
  [
    "a here-document",
    "FROM base:1\nRUN <<EOF\nFROM evil\nEOF\nFROM base:2\n",
    `FROM base@${one}\nRUN <<EOF\nFROM evil\nEOF\nFROM base@${two}\n`,
  ],
  [
    "with tabs",
    "FROM base:1\nRUN <<-EOF\n\tFROM evil\n\tEOF\nFROM base:2\n",
    `FROM base@${one}\nRUN <<-EOF\n\tFROM evil\n\tEOF\nFROM base@${two}\n`,
  ],
  [
    "two, and quotes",
    "FROM base:1\nCOPY <<A <<'B' /x/\nFROM evil\nA\nFROM evil\nB\nFROM base:2\n",
    `FROM base@${one}\nCOPY <<A <<'B' /x/\nFROM evil\nA\nFROM evil\nB\nFROM base@${two}\n`,
  ],
  [
    "on a continued line",
    "FROM base:1\nRUN cat <<EOF \\\n > /x\nFROM evil\nEOF\n",
    `FROM base@${one}\nRUN cat <<EOF \\\n > /x\nFROM evil\nEOF\n`,
  ],
  [
    "a file descriptor",
    "FROM base:1\nRUN cat 3<<EOF\nFROM evil\nEOF\n",
    `FROM base@${one}\nRUN cat 3<<EOF\nFROM evil\nEOF\n`,
  ],
  [
    "one that only some engines see",
    "FROM base:1\nRUN <<LABEL\nFROM evil\nLABEL\n",
    /engines read this line differently/,
  ],
  [
    "inside quotes it is none",
    'FROM base:1\nRUN echo "<<EOF"\nFROM base:2\n',
    `FROM base@${one}\nRUN echo "<<EOF"\nFROM base@${two}\n`,
  ],
  [
    "inside a word it is none",
    "FROM base:1\nRUN echo $((1<<3))\nFROM base:2\n",
    `FROM base@${one}\nRUN echo $((1<<3))\nFROM base@${two}\n`,
  ],
  [
    "a here-string is none",
    "FROM base:1\nRUN cat <<<x\nFROM base:2\n",
    `FROM base@${one}\nRUN cat <<<x\nFROM base@${two}\n`,
  ],
  [
    "JSON has none",
    'FROM base:1\nRUN ["cat", "<<EOF"]\nFROM base:2\n',
    `FROM base@${one}\nRUN ["cat", "<<EOF"]\nFROM base@${two}\n`,
  ],
  [
    "JSON with something behind it, which older engines do not look at",
    'FROM base:1\nRUN [ "x" ] && cat <<EOF\nFROM evil\nEOF\n',
    `FROM base@${one}\nRUN [ "x" ] && cat <<EOF\nFROM evil\nEOF\n`,
  ],
  [
    "JSON with something behind it, when older engines would find instructions there",
    'FROM base:1\nRUN ["cat"] <<LABEL\nFROM evil\nLABEL\n',
    /engines read this line differently/,
  ],
  ["never ending", "FROM base:1\nRUN <<EOF\nFROM evil\n", /here-document EOF has no end/],
  [
    "beside a pattern",
    "FROM base:1\nRUN cat <<EOF ${x%%.*}\nFROM evil\nEOF\nFROM base:2\n",
    `FROM base@${one}\nRUN cat <<EOF \${x%%.*}\nFROM evil\nEOF\nFROM base@${two}\n`,
  ],
  [
    "beside a pattern, when older engines would find instructions in it",
    "FROM base:1\nRUN cat <<LABEL ${x%%.*}\nFROM evil\nLABEL\n",
    /engines read this line differently/,
  ],
  [
    "beside a substitution that only shells know",
    "FROM base:1\nRUN echo ${x:0:3} <<EOF\nFROM evil\nEOF\n",
    `FROM base@${one}\nRUN echo \${x:0:3} <<EOF\nFROM evil\nEOF\n`,
  ],
  [
    "beside a substitution that hides it from engines",
    "FROM base:1\nRUN echo ${x[0]} <<EOF\nFROM evil\nLABEL x=y\n",
    /^Dockerfile:3: evil:latest/,
  ],
  [
    "behind a test that is no JSON",
    "FROM base:1\nRUN [ -f /x ] || cat > /x <<EOF\nFROM evil\nEOF\n",
    `FROM base@${one}\nRUN [ -f /x ] || cat > /x <<EOF\nFROM evil\nEOF\n`,
  ],
  [
    "behind other tests",
    'FROM base:1\nRUN [[ "$A" == "b" ]] && [ "x" = "y" ] && cat <<EOF\nFROM evil\nEOF\n',
    `FROM base@${one}\nRUN [[ "$A" == "b" ]] && [ "x" = "y" ] && cat <<EOF\nFROM evil\nEOF\n`,
  ],
  [
    "a list of numbers is no JSON that an engine takes",
    "FROM base:1\nRUN [ 1 ] && cat <<EOF\nFROM evil\nEOF\n",
    `FROM base@${one}\nRUN [ 1 ] && cat <<EOF\nFROM evil\nEOF\n`,
  ],
  ["a list of numbers and nothing else", 'FROM base:1\nRUN [ 1 , "<<EOF"]\n', /only strings are allowed in a list/],
  ["with an odd name", 'FROM base:1\nRUN cat <<"a b"\nFROM evil\na b\n', /here-document with the name/],
  [
    "in CRLF",
    "FROM base:1\r\nRUN <<EOF\r\nFROM evil\r\nEOF\r\nFROM base:2\r\n",
    `FROM base@${one}\r\nRUN <<EOF\r\nFROM evil\r\nEOF\r\nFROM base@${two}\r\n`,
  ],
  [
    "old podman reads the body",
    "FROM base:1\nRUN <<EOF\nFROM evil\nEOF\n",
    /engines read this line differently/,
    { engine: "podman" },
  ],

  // ONBUILD
  [
    "a trigger that copies",
    "FROM base:1\nONBUILD COPY --from=base:2 /a /b\n",
    `FROM base@${one}\nONBUILD COPY --from=base@${two} /a /b\n`,
  ],
  ["a trigger that mounts", "FROM base:1\nonbuild run --mount=from=evil x\n", /^Dockerfile:2: evil:latest/],
  ["a trigger in a trigger", "FROM base:1\nONBUILD ONBUILD RUN x\n", /ONBUILD is not allowed behind ONBUILD/],
  [
    "a trigger with a here-document",
    "FROM base:1\nONBUILD RUN <<EOF\nFROM evil\nEOF\n",
    `FROM base@${one}\nONBUILD RUN <<EOF\nFROM evil\nEOF\n`,
  ],

  // podman
  ["podman wants whole names", "FROM base:1\n", `FROM docker.io/library/base@${one}\n`, { engine: "podman" }],
  [
    "a stage in other letters is an image to podman",
    "FROM base:1 AS Build\nFROM build\n",
    /to podman it is an image/,
    { engine: "podman" },
  ],
  ["a transport", "FROM docker-archive:/x.tar\n", /invalid reference format/, { engine: "podman" }],

  // build contexts
  [
    "a named context",
    "FROM base:9\nCOPY --from=src /a /b\n",
    "FROM base:9\nCOPY --from=src /a /b\n",
    { contexts: ["base:9", "src"] },
  ],
  [
    "a named context for podman is meant literally",
    "FROM base:latest\n",
    `FROM docker.io/library/base@${latest}\n`,
    { engine: "podman", contexts: ["base"] },
  ],
];
