/** What podman makes of names, read by the rules of its versions; each row was seen with podman 4.3 and buildah of today. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MetadataError } from "../../errors.ts";
import { parseDigest } from "../../reference/digest.ts";
import { formatReference, type ImageReference, parseImageReference } from "../../reference/image-reference.ts";
import type { BaseImage, BuildContextSource } from "./base-image.ts";
import { trustDockerfile } from "./base-images.ts";
import { pinnedName } from "./pinned-name.ts";
import type { PodmanPlatform } from "./dockerfile/podman-variables.ts";

const digest = parseDigest(`sha256:${"a".repeat(64)}`);
const base = `docker.io/library/base@${digest}`;

interface Asked {
  readonly buildArguments?: Readonly<Record<string, string>>;
  readonly platforms?: readonly string[];
  readonly contexts?: Readonly<Record<string, BuildContextSource>>;
  readonly environment?: readonly string[];
  readonly environmentNames?: readonly string[];
  readonly triggers?: readonly string[];
  readonly firstBase?: BaseImage | "scratch";
}

function platform(text: string): PodmanPlatform {
  const variables = (prefix: string, name: string): [string, string][] => [
    [`${prefix}PLATFORM`, name],
    [`${prefix}OS`, name.split("/")[0] ?? ""],
    [`${prefix}ARCH`, name.split("/")[1] ?? ""],
    [`${prefix}VARIANT`, ""],
  ];
  const machine = new Map([...variables("BUILD", "linux/amd64"), ...variables("TARGET", "linux/amd64")]);
  return { machine, chosen: new Map(text === "" ? [] : variables("TARGET", text)) };
}

function resolve(reference: ImageReference): BaseImage {
  const name = formatReference(reference);
  if (name.includes("evil")) throw new MetadataError("TAG_NOT_SIGNED", `No valid trust data for ${name}`);
  return { reference: { ...reference, digest }, digest, name: pinnedName("podman", reference, digest) };
}

async function trusted(text: string, asked: Asked = {}): Promise<string> {
  const { bytes } = await trustDockerfile(Buffer.from(text), {
    file: "Dockerfile",
    engine: "podman",
    buildArguments: new Map(Object.entries(asked.buildArguments ?? {})),
    environmentNames: new Set(asked.environmentNames),
    contexts: new Map(Object.entries(asked.contexts ?? {})),
    firstBase: asked.firstBase,
    isClassic: async () => false,
    buildKitVersions: async () => undefined,
    platformVariables: async () => [],
    podmanPlatforms: async () => (asked.platforms ?? [""]).map(platform),
    images: {
      resolve: async (reference) => resolve(reference),
      configurations: async () => [{ triggers: asked.triggers ?? [], environment: asked.environment ?? [] }],
    },
  });
  return bytes.toString();
}

type Row = readonly [title: string, from: string, to: string | RegExp, asked?: Asked];

/** A stage in whose place stands what the row is about. */
const stage = (lines: string): string => `FROM base AS a\nFROM base\n${lines}`;
const written = (lines: string): string => `FROM ${base} AS a\nFROM ${base}\n${lines}`;
const files: BuildContextSource = { kind: "files" };
const scratch: BuildContextSource = { kind: "image", image: undefined };

const rows: readonly Row[] = [
  // names that are written out, because podman skips a stage that it finds by neither
  ["a stage by variable", "ARG X=a\nFROM base AS a\nFROM $X\n", `ARG X=a\nFROM ${base} AS a\nFROM a\n`],
  ["a stage by number", stage("COPY --from=0 /a /b\n"), written("COPY --from=a /a /b\n")],
  [
    "a stage by number in a mount",
    stage("RUN --mount=from=0,target=/m x\n"),
    written("RUN --mount=from=a,target=/m x\n"),
  ],
  [
    "a stage without a name",
    "FROM base\nFROM base\nCOPY --from=0 /a /b\n",
    `FROM ${base}\nFROM ${base}\nCOPY --from=0 /a /b\n`,
  ],
  ["COPY --from by variable", stage("ARG X=a\nCOPY --from=$X /a /b\n"), written("ARG X=a\nCOPY --from=a /a /b\n")],
  [
    "a mount's from by variable",
    stage("ARG X=a\nRUN --mount=from=${X},target=/m x\n"),
    written("ARG X=a\nRUN --mount=from=a,target=/m x\n"),
  ],
  [
    "an image by variable",
    stage("ARG X=base:1\nCOPY --from=${X} /a /b\n"),
    written(`ARG X=base:1\nCOPY --from=${base} /a /b\n`),
  ],
  ["an unsigned image by variable", stage("ARG X=evil\nCOPY --from=${X} /a /b\n"), /:4: evil:latest: No valid/],
  [
    "an unsigned image by build argument",
    stage("ARG X=a\nCOPY --from=${X} /a /b\n"),
    /:4: evil:latest: No valid/,
    { buildArguments: { X: "evil" } },
  ],
  [
    "an argument that only the file's head has",
    `ARG X=a\n${stage("COPY --from=${X:-evil} /a /b\n")}`,
    /:4: evil:latest: No valid/,
  ],
  [
    "one that the stage declares again",
    `ARG X=a\n${stage("ARG X\nCOPY --from=${X:-evil} /a /b\n")}`,
    `ARG X=a\n${written("ARG X\nCOPY --from=a /a /b\n")}`,
  ],
  [
    "a variable of the environment, which COPY does not know",
    stage("ENV X=a\nCOPY --from=${X:-evil} /a /b\n"),
    /:4: evil:latest: No valid/,
  ],
  [
    "a default from the environment",
    stage("ENV E=a\nARG X=$E\nCOPY --from=$X /a /b\n"),
    written("ENV E=a\nARG X=$E\nCOPY --from=a /a /b\n"),
  ],
  [
    "a default from the base's environment",
    stage("ARG X=$E\nCOPY --from=$X /a /b\n"),
    written("ARG X=$E\nCOPY --from=a /a /b\n"),
    { environment: ["E=a"] },
  ],
  [
    "a variable that only --env knows, in some versions",
    stage("ARG X=$E\nCOPY --from=$X /a /b\n"),
    /--env gives E another value/,
    { environmentNames: ["E"] },
  ],
  [
    "an argument that a trigger of the base may declare",
    stage("COPY --from=${X:-a} /a /b\n"),
    /may come from a trigger/,
    { triggers: ["ARG X=evil"] },
  ],
  ["two stages of one name", "FROM base AS a\nFROM base AS a\n", /:2: two stages are called a/],
  ["an image behind a stage in other letters", stage("COPY --from=A /a /b\n"), /to podman it is an image/],
  [
    "a flag that podman takes for --from",
    stage("COPY --chown=evil--from/x /a /b\n"),
    /podman takes its value for an image/,
  ],
  ["a stage that a trigger of this file names", stage("ONBUILD COPY --from=a /a /b\n"), /a stage that a trigger names/],

  // variables that one version knows and another does not
  ["an undeclared platform", "FROM base:${TARGETARCH:-1}\n", /depends on the platform, or on podman's version/],
  ["an unknown variable of BuildKit's", "FROM base:${TARGETSTAGE:-1}\n", `FROM ${base}\n`],
  ["a declared platform", "ARG TARGETARCH\nFROM base:$TARGETARCH\n", `ARG TARGETARCH\nFROM ${base}\n`],
  [
    "several platforms",
    "ARG TARGETARCH\nFROM base:$TARGETARCH\n",
    /depends on the platform/,
    { platforms: ["linux/amd64", "linux/arm64"] },
  ],
  [
    "a stage for each platform",
    "ARG TARGETARCH\nFROM base AS amd64\nFROM base AS arm64\nFROM $TARGETARCH\n",
    /depends on the platform/,
    { platforms: ["linux/amd64", "linux/arm64"] },
  ],
  [
    "the platform that builds",
    "ARG BUILDARCH\nFROM base:$BUILDARCH\n",
    `ARG BUILDARCH\nFROM ${base}\n`,
    { platforms: ["linux/amd64", "linux/arm64"] },
  ],
  [
    "another default for the platform",
    "ARG TARGETARCH=evil\nFROM base:$TARGETARCH\n",
    /depends on the platform, or|No valid/,
  ],
  ["a platform as default", "ARG TARGETPLATFORM=linux/evil\nFROM base:$TARGETARCH\n", /differ on ARG TARGETPLATFORM/],
  [
    "an argument of a stage, which one version lets into FROM",
    "FROM base\nARG X\nFROM base:${X:-1}\n",
    /depends on/,
    { buildArguments: { X: "evil" } },
  ],
  [
    "an argument of the stage before, which one version hands on",
    "FROM base AS a\nARG X=evil\nFROM a\nRUN --mount=id=$X,target=/c,type=cache x\n",
    /that of the stage before/,
  ],

  // words as podman reads them
  ["a quoted name of an argument", `ARG B=base\nARG "B"=evil\nFROM $B\n`, /:3: evil:latest: No valid/],
  ["a name from a variable", "ARG N=B\nARG B=base\nARG $N=evil\nFROM $B\n", /:4: evil:latest: No valid/],
  [
    "words of one ARG do not see each other",
    "ARG A=evil B=base\nARG B=base C=${A:+base}\nFROM ${C}\n",
    `ARG A=evil B=base\nARG B=base C=\${A:+base}\nFROM ${base}\n`,
  ],
  ["flags of ARG", 'ARG B=base\nARG --x=\\" B=evil C=\\"\nFROM $B\n', /an ARG is not understood/],
  [
    "a backslash is an escape whatever the directive says",
    '# escape=`\nARG B="evil\\"\nFROM ${B:-base}\n',
    /is not understood|evil/,
  ],
  ["a substitution without colon", "ARG V=1\nFROM base:${V-2}\n", /of an unknown kind/],
  ["an error that is a default to podman", "FROM ${V:?base}\n", `FROM ${base}\n`],
  ["a suffix", "ARG V=1.2\nFROM base:${V%.*}\n", `ARG V=1.2\nFROM ${base}\n`],
  ["a prefix of a short value, which podman leaves", "ARG V=:evil\nFROM base${V#:}\n", /:2: baseevil:latest/],
  ["a replacement", "ARG V=e-v-i-l\nFROM ${V//-}\n", /:2: evil:latest: No valid/],
  [
    "what no name depends on",
    "ARG SHORT=${VER//./}\nFROM base\nARG X=${Y^^}\nRUN x\n",
    `ARG SHORT=\${VER//./}\nFROM ${base}\nARG X=\${Y^^}\nRUN x\n`,
  ],

  // mounts
  [
    "a variable in a mount",
    stage("ARG TARGETARCH\nRUN --mount=type=cache,target=/c,id=x-$TARGETARCH y\n"),
    written("ARG TARGETARCH\nRUN --mount=type=cache,target=/c,id=x-$TARGETARCH y\n"),
    { platforms: ["linux/amd64", "linux/arm64"] },
  ],
  [
    "a variable that brings a from in",
    stage("ARG X=1,from=evil\nRUN --mount=type=bind,target=/c,id=$X y\n"),
    /could bring another option in/,
  ],
  [
    "one from the command line",
    stage("ARG X=1\nRUN --mount=type=bind,target=/c,id=$X y\n"),
    /could bring another option in/,
    { buildArguments: { X: "1,from=evil" } },
  ],
  [
    "one that nobody declared, which old versions know",
    stage("RUN --mount=type=bind,target=/c,id=$X y\n"),
    /could bring another option in/,
    { buildArguments: { X: "1,from=evil" } },
  ],
  [
    "one from the environment",
    stage("ENV X=1,from=evil\nRUN --mount=type=bind,target=/c,id=$X y\n"),
    /could bring another option in/,
  ],
  [
    "one from the base's environment",
    stage("ARG X=1\nRUN --mount=type=bind,target=/c,id=$X y\n"),
    /could bring another option in/,
    { environment: ["X=1,from=evil"] },
  ],
  [
    "one from a stage's environment",
    "FROM base AS a\nENV X=1,from=evil\nFROM a\nRUN --mount=type=bind,target=/c,id=$X y\n",
    /could bring another option in/,
  ],
  [
    "one from a trigger of a stage",
    "FROM base AS a\nONBUILD ENV X=1,from=evil\nFROM a\nRUN --mount=type=bind,target=/c,id=$X y\n",
    /may come from the environment/,
  ],
  [
    "a default that holds a from",
    stage("RUN --mount=type=bind,target=/c,id=${X:-1,from=evil} y\n"),
    /evil|could bring/,
  ],
  ["a key by variable", stage("RUN --mount=type=bind,target=/c,$X y\n"), /variables in --mount/],

  // here-documents, which podman before 4.9 does not know: nothing is beside the point
  [
    "a body that hides a stage",
    "FROM base\nRUN <<EOF\nFROM evil AS 9\nEOF\n",
    /name of the build stage is not valid|differently/,
  ],
  [
    "a body that hides an image",
    "FROM base\nRUN <<EOF\nCOPY --from=evil /a /b\nEOF\n",
    /engines read this line differently/,
  ],
  [
    "a body that imports",
    "FROM base\nRUN python <<EOF\nimport os\nfrom os import path\nEOF\nCOPY --from=base /a /b\n",
    `FROM ${base}\nRUN python <<EOF\nimport os\nfrom os import path\nEOF\nCOPY --from=${base} /a /b\n`,
  ],
  [
    "a body like any script",
    "FROM base\nRUN <<EOF\nset -e\nenv A=b make\nadd x\nEOF\n",
    `FROM ${base}\nRUN <<EOF\nset -e\nenv A=b make\nadd x\nEOF\n`,
  ],
  ["a line so long that podman stops there", `FROM base\nRUN x${" ".repeat(70_000)}\n`, /65535 bytes or more/],
  ["escape behind a comment", "# x\n# escape=`\nFROM base\nRUN x `\nCOPY --from=evil /a /b\n", /:5: evil:latest/],
  [
    "escape with more behind it",
    "# escape=` x\nFROM base\nRUN x `\nCOPY --from=evil /a /b\n",
    `# escape=\` x\nFROM ${base}\nRUN x \`\nCOPY --from=evil /a /b\n`,
  ],
  ["a directive that only front-ends know", "// syntax=x\nFROM base\n", /unknown instruction/],

  [
    "a registry that podman takes for a directory",
    `FROM dir:5000/x@${digest}\n`,
    /:1: dir:5000\/x.*is not a registry for podman/,
  ],

  // what replaces names
  [
    "a directory instead of a base, which it cannot be",
    "FROM evil\n",
    /:1: evil:latest: No valid/,
    { contexts: { evil: files } },
  ],
  [
    "a directory to copy from",
    stage("COPY --from=evil /a /b\n"),
    written("COPY --from=evil /a /b\n"),
    { contexts: { evil: files } },
  ],
  ["an image instead of a base", "FROM evil\n", "FROM evil\n", { contexts: { evil: scratch } }],
  [
    "a stage and a context",
    stage("COPY --from=a /a /b\n"),
    /is a stage and a build context/,
    { contexts: { a: files } },
  ],
  ["a context by variable", "ARG X=evil\nFROM $X\n", "ARG X=evil\nFROM evil\n", { contexts: { evil: scratch } }],
  [
    "another first base",
    "ARG X=evil\nFROM ${X^^} AS a\nFROM a\nFROM base\n",
    `ARG X=evil\nFROM ${base} AS a\nFROM a\nFROM ${base}\n`,
    { firstBase: resolve(parseImageReference("base:2")) },
  ],
  ["nothing as first base", "FROM evil\n", "FROM scratch\n", { firstBase: "scratch" }],

  // triggers
  [
    "a trigger that names a digest",
    "FROM base\n",
    `FROM ${base}\n`,
    { triggers: ["RUN x", `COPY --from=base@${digest} /a /b`] },
  ],
  [
    "a trigger with a variable behind a digest",
    "FROM base\n",
    /has the trigger ONBUILD/,
    { triggers: ["COPY --from=evil${NOPE:+@} /a /b"] },
  ],
  [
    "the same under --from",
    "FROM evil\n",
    /has the trigger ONBUILD/,
    { triggers: ["COPY --from=evil${NOPE:+@} /a /b"], firstBase: resolve(parseImageReference("base:2")) },
  ],
  [
    "the same under --build-context",
    "FROM ctx\n",
    /has the trigger ONBUILD/,
    {
      triggers: ["COPY --from=evil /a /b"],
      contexts: { ctx: { kind: "image", image: resolve(parseImageReference("base:2")) } },
    },
  ],
  [
    "a trigger that names a stage",
    stage("RUN x\n"),
    /a stage that a trigger names/,
    { triggers: ["COPY --from=a /a /b"] },
  ],
  [
    "triggers that are one file to podman",
    "FROM base\n",
    /has the trigger ONBUILD/,
    { triggers: ["# escape=`\nRUN x", "COPY --from=base /a \\\nCOPY --from=evil /a /b"] },
  ],
];

describe("names in podman's builds", () => {
  for (const [title, from, to, asked] of rows) {
    it(typeof to === "string" ? title : `I9: refuses ${title}`, async () => {
      if (typeof to === "string") assert.equal(await trusted(from, asked), to);
      else await assert.rejects(trusted(from, asked), to);
    });
  }
});
