/** Command lines of docker and podman that might bring an unsigned image in by another way than the one that is checked. */
import type { EngineKind } from "../../src/engine/command-line/invocation.ts";
import type { GateCase, Names } from "./gate-case.ts";
import { type Family, flagFor } from "./command-flags.ts";
import { Random } from "./random.ts";

/** The commands that are checked, and those that build from files, by what they take. */
const families: Readonly<Record<Exclude<Family, "other">, readonly string[]>> = {
  pull: ["pull", "image pull"],
  container: ["run", "create", "container run", "container create"],
  build: ["build", "image build", "builder build", "buildx build", "buildx b", "builder b"],
  bake: [
    "bake",
    "buildx bake",
    "buildx f",
    "builder bake",
    "builder f",
    "builder debug build",
    "buildx debug build",
    "buildx dap build",
  ],
};
/** Others. Those that never end, or change where the engine is, are left out. */
const others: Readonly<Record<EngineKind, readonly string[]>> = {
  docker: [
    "builder",
    "builder imagetools create",
    "buildx",
    "buildx history import",
    "buildx debug",
    "compose up",
    "compose build",
    "compose run",
    "compose pull",
    "compose create",
    "compose",
    "stack deploy",
    "stack up",
    "service create",
    "service update",
    "plugin install",
    "plugin upgrade",
    "plugin create",
    "image import",
    "import",
    "load",
    "image load",
    "image",
    "container",
    "container start",
    "start",
    "tag",
    "save",
    "commit",
    "cp",
    "manifest create",
    "manifest annotate",
    "checkpoint create",
    "volume create",
    "network create",
    "config create",
    "secret create",
    "search",
    "history",
    "inspect",
    "images",
    "trust sign",
    "trust inspect",
    "__complete",
    "help",
    "builds",
    "pul",
    "model pull",
    "sandbox run",
    "init",
    "scan",
    "dev",
  ],
  podman: [
    "auto-update",
    "play kube",
    "kube play",
    "kube apply",
    "container runlabel",
    "container clone",
    "container restore",
    "image scp",
    "manifest push",
    "import",
    "load",
    "image load",
    "image import",
    "image mount",
    "image tree",
    "image trust",
    "pod create",
    "pod clone",
    "volume create",
    "volume import",
    "network create",
    "artifact pull",
    "quadlet install",
    "farm build",
    "compose up",
    "compose",
    "generate kube",
    "commit",
    "tag",
    "save",
    "start",
    "init",
    "container init",
    "container start",
    "diff",
    "mount",
    "search",
    "history",
    "inspect",
    "images",
    "secret create",
    "healthcheck run",
    "generate systemd",
    "__complete",
    "help",
    "buildx b",
    "builder",
    "image",
    "container",
  ],
};

/** Commands that ask a registry about an image, or make a list of images, and fetch and start nothing. */
export const readsOnly =
  /^(?:-\S+\s)*(?:manifest|buildx imagetools|builder imagetools|trust|image sign|image trust|search)\b/u;

const globals: Readonly<Record<EngineKind, readonly (readonly string[])[]>> = {
  docker: [
    ["-D"],
    ["--debug"],
    ["-l", "info"],
    ["-linfo"],
    ["--log-level=info"],
    ["--log-level", "info"],
    ["--tls=false"],
    ["-Dl", "info"],
    ["-c", "default"],
    ["--context=default"],
    ["--debug=false"],
  ],
  podman: [
    ["--log-level", "error"],
    ["--log-level=error"],
    ["--cgroup-manager=cgroupfs"],
    ["--events-backend", "file"],
    ["--noout=false"],
    ["--syslog=false"],
  ],
};

/** The case of a seed: every group of words is one of its flags, the command included. */
export function commandLineOf(seed: string, names: Names, kind: EngineKind): GateCase {
  const random = new Random(seed);
  const image = (): string =>
    random.weighted([
      [6, () => random.pick(names.evil)],
      [2, () => names.good[0] ?? ""],
      [1, () => `docker://${random.pick(names.evil)}`],
    ]);
  const family = random.weighted<Family>([
    [2, () => "pull"],
    [5, () => "container"],
    [4, () => "build"],
    [kind === "docker" ? 2 : 0, () => "bake"],
    [5, () => "other"],
  ]);
  const before = random.many(random.pick([0, 0, 0, 1, 2]), () => random.pick(globals[kind]));
  const command = random.pick(family === "other" ? others[kind] : families[family]).split(" ");
  const flags = random.many(random.pick([0, 1, 1, 2, 3]), () => flagFor(family, random, image));
  const words = [...before, ...split(command, random), ...flags, ...operands[family](random, image)];
  if (random.chance(12)) words.splice(random.between(0, words.length), 0, random.pick(strays));
  const dockerfile = `FROM ${random.pick(names.evil)}\nLABEL x=1\n`;
  const { number } = names;
  return {
    number,
    dockerfile,
    triggers: [],
    environment: [],
    command: [],
    flags: words,
    flagsBefore: 0,
    fileFlag: [],
    delivery: "directory",
  };
}

const strays = [
  ["--"],
  ["--help"],
  ["--help=false"],
  ["--help=0"],
  ["-h"],
  [""],
  ["-D"],
  ["--version"],
  ["--disable-content-trust=false"],
  ["--pull=always"],
];

/** Now and then a flag stands between the two words of a command. */
function split(command: readonly string[], random: Random): readonly (readonly string[])[] {
  if (command.length === 1 || random.chance(85)) return [command];
  return [
    command.slice(0, 1),
    random.pick([["--help=false"], ["-D"], ["--builder=remote"], ["--"], ["--debug"]]),
    command.slice(1),
  ];
}

type Words = readonly string[];
type Operands = (random: Random, image: () => string) => readonly Words[];

const odd = (random: Random): Words => [
  random.pick(["new", "web", "x", "1", "oci:/tmp/x", "Dockerfile", "pod.yaml", "-", ".", "default"]),
];

const operands: Readonly<Record<Family, Operands>> = {
  pull: (random, image) => (random.chance(85) ? [[image()]] : [odd(random), [image()]]),
  container: (random, image) => [
    [image()],
    random.pick([["true"], ["echo", "--mount"], [], [image()], ["-f", "x", "--pull=always"]]),
  ],
  build: (random) => [random.pick([["."], ["."], ["-"], ["."], []])],
  bake: (random) => [random.pick([[], ["web"], ["default"], ["."]])],
  other: (random, image) =>
    random.weighted<readonly Words[]>([
      [4, () => [[image()]]],
      [2, () => [odd(random)]],
      [2, () => [odd(random), [image()]]],
      [1, () => [[image()], odd(random)]],
      [1, () => [[image(), image()]]],
      [2, () => [["-f", random.pick(["pod.yaml", "compose.yaml", "docker-bake.json"])], odd(random)]],
      [1, () => []],
    ]),
};

/** Files in the working directory, each of which names an unsigned image. */
export function filesNaming({ dockerfile, number }: GateCase): ReadonlyMap<string, string> {
  const image = `evil${number}`;
  const compose = `services:\n  web:\n    image: ${image}\n  made:\n    build: .\n`;
  return new Map([
    ["Dockerfile", dockerfile],
    ["Containerfile", dockerfile],
    [
      "docker-bake.json",
      JSON.stringify({ group: { default: { targets: ["web"] } }, target: { web: { context: "." } } }),
    ],
    ["compose.yaml", compose],
    ["docker-compose.yml", compose],
    [
      "pod.yaml",
      `apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\nspec:\n  containers:\n  - name: c\n    image: ${image}\n`,
    ],
    ["x.env", "A=b\n"],
  ]);
}
