/** A whole case from a seed: a Dockerfile, a command line, and how the files get there. */
import type { EngineKind } from "../../src/engine/command-line/invocation.ts";
import { type Delivery, type GateCase, type Names } from "./gate-case.ts";
import { Grammar } from "./grammar.ts";
import { mutated, ordinaryFiles } from "./mutation.ts";
import { Random } from "./random.ts";
import { variables } from "./spelling.ts";

/** What an engine takes. */
export interface Abilities {
  readonly kind: EngineKind;
  /** `--build-context`, and several platforms at once */
  readonly isCurrent: boolean;
}

const deliveries: readonly Delivery[] = [
  "directory",
  "directory",
  "directory",
  "named file",
  "file from input",
  "input",
  "archive",
  "url",
  "archive url",
  "named file in archive url",
  "file from input, archive url",
  "named file in archive",
  "file from url",
];

/** Makes the case of a seed. The same seed and names always make the same case. */
export function caseOf(seed: string, names: Names, abilities: Abilities): GateCase {
  const random = new Random(seed);
  const grammar = new Grammar(random, names);
  const dockerfile = random.weighted([
    [6, () => grammar.dockerfile()],
    [3, () => mutated(random.pick(ordinaryFiles(names)), random, names)],
    [1, () => mutated(grammar.dockerfile(), random, names)],
  ]);
  const triggers = random.many(random.between(0, 2), () => grammar.trigger());
  const environment = random.many(random.pick([0, 0, 1, 2]), () => variable(random, names));
  const flags = random.many(random.pick([0, 0, 1, 1, 2, 3]), () => spelled(random, flag(random, names, abilities)));
  const flagsBefore = random.chance(70) ? flags.length + 1 : random.between(0, flags.length);
  const command = random.chance(80) ? ["build"] : random.pick(commands(abilities));
  const fileFlag = random.chance(60) ? ["-f", "VALUE"] : random.pick(fileFlags);
  const { number } = names;
  return {
    number,
    dockerfile,
    triggers,
    environment,
    command,
    flags,
    flagsBefore,
    fileFlag,
    delivery: random.pick(deliveries),
  };
}

/** A variable that an image sets. */
function variable(random: Random, { good, evil }: Names): string {
  return `${random.pick(variables)}=${random.pick([...good, ...evil, "", "v1", "0"])}`;
}

const fileFlags = [
  ["-fVALUE"],
  ["-f=VALUE"],
  ["--file=VALUE"],
  ["--file", "VALUE"],
  ["-f", "other.df", "-f", "VALUE"],
  ["--file=-", "-f", "VALUE"],
  ["-qf", "VALUE"],
];

function commands({ kind, isCurrent }: Abilities): readonly (readonly string[])[] {
  if (isCurrent) return [["build"]]; // buildx by itself
  const common = [
    ["image", "build"],
    ["builder", "build"],
  ];
  return kind === "podman" ? [...common, ["buildx", "build"]] : common;
}

/** `--name=value` as it stands, or as two words. */
function spelled(random: Random, word: string): readonly string[] {
  const equals = word.indexOf("=");
  if (equals === -1 || random.chance(60)) return [word];
  return [word.slice(0, equals), word.slice(equals + 1)];
}

function flag(random: Random, names: Names, { kind, isCurrent }: Abilities): string {
  const image = (): string => random.pick(random.chance(90) ? names.good : names.evil);
  const name = (): string => random.pick(["ctx", "context", "scratch", "good", ...names.stages, ...names.good]);
  const variable = (): string =>
    random.pick(["A", "B", "V", "IMG", "TARGETARCH", "BUILDPLATFORM", "TARGETPLATFORM", "HTTP_PROXY", "TARGETSTAGE"]);
  const ofBuildkit: (readonly [number, () => string])[] = isCurrent
    ? [
        [3, () => `--build-context=${name()}=${random.pick(["docker-image://", "docker-image://", "."])}${image()}`],
        [1, () => `--build-context=${name()}=.`],
        [1, () => "--platform=linux/amd64,linux/arm64"],
        [1, () => `--build-arg=BUILDKIT_CONTEXT_KEEP_GIT_DIR=1`],
      ]
    : [];
  const ofPodman: (readonly [number, () => string])[] =
    kind === "podman"
      ? [
          [2, () => `--from=${image()}`],
          [2, () => `--env=${variable()}=${image()}`],
          [1, () => `--unsetenv=${variable()}`],
          [
            1,
            () => random.pick(["--layers=false", "--squash-all", "--jobs=2", "--squash", "--skip-unused-stages=false"]),
          ],
          [
            1,
            () =>
              `--build-context=${name()}=${random.pick(["docker-image://", "container-image://", "docker://"])}${image()}`,
          ],
          [1, () => `--build-context=${name()}=.`],
          [1, () => `--env=${variable()}=${random.pick([image(), `1,from=${names.evil[0] ?? ""}`])}`],
          [1, () => `--build-arg=${variable()}=1,from=${names.evil[0] ?? ""}`],
          [1, () => random.pick(["--os=linux", "--arch=arm64", "--manifest=list", "--ignorefile=x", "--unsetenv=A"])],
        ]
      : [];
  return random.weighted<string>([
    [
      8,
      () => `--build-arg=${variable()}=${random.chance(80) ? image() : random.pick(["", "v1", "amd64", "'", "x y"])}`,
    ],
    [1, () => `--build-arg=${variable()}`],
    [3, () => `--target=${random.pick([...names.stages, "0", "1", "9", names.evil[0] ?? ""])}`],
    [2, () => `--platform=${random.pick(["linux/amd64", "linux/arm64", "linux/arm/v7", "linux"])}`],
    [1, () => "--no-cache"],
    [1, () => "--pull"],
    [kind === "docker" ? 1 : 0, () => `--build-arg=BUILDKIT_SYNTAX=${image()}`],
    [1, () => `--cache-from=${image()}`],
    [1, () => `--label=a=FROM ${image()}`],
    ...ofBuildkit,
    ...ofPodman,
  ]);
}
