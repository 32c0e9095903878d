/** Flags of docker and podman, by the kind of command: those that name images, and those that change how the rest is read. */
import type { Random } from "./random.ts";

/** What commands take: an image; an image and a command; a context; targets of a bake file; anything. */
export type Family = "pull" | "container" | "build" | "bake" | "other";

type Words = readonly string[];

/** One flag for a command of a family. */
export function flagFor(family: Family, random: Random, image: () => string): Words {
  return flags[family](random, image);
}

const pull = (random: Random): Words =>
  random.pick([["--pull"], ["--pull=always"], ["--pull", "always"], ["--pull=never"], ["--pull=missing"]]);

const platform = (random: Random): Words => random.pick([["--platform", "linux/amd64"], ["--platform=linux/amd64"]]);

/** The words of a text, each text a flag. */
const split = (texts: readonly string[]): readonly Words[] => texts.map((text) => text.split(" "));

const ofContainers = [
  ...split(["--rm", "-t", "-i", "-it", "-d", "--name n", "-e A=b", "--network=host", "-v /tmp:/m", "--env-file x.env"]),
  ...split(["-q", "-te A=b", "--privileged", "--mount=type=bind,source=/tmp,target=/m", "--rootfs", "--pod new:p"]),
  ...split(["--init", "--preserve-fds=0"]),
  ["--entrypoint", ""],
];

const ofBuilds = split([
  ..."-q|-t x|--no-cache|--rm|--load|-qt x|--label=a=b|--network=none|--progress=plain|--check|--call=outline".split(
    "|",
  ),
  ..."--provenance=false|-f Dockerfile|-f Containerfile|--file -|-f compose.yaml|--builder remote".split("|"),
]);

const ofBakes = split([
  ..."-f docker-bake.json|--file=docker-bake.json|-f compose.yaml|--load|--print|--builder remote".split("|"),
  "--progress=plain",
]);

const flags: Readonly<Record<Family, (random: Random, image: () => string) => Words>> = {
  pull: (random) =>
    random.pick([["-q"], ["--quiet"], ["-a"], ["--all-tags"], ["--disable-content-trust=false"], platform(random)]),
  container: (random, image) =>
    random.weighted<Words>([
      [8, () => random.pick(ofContainers)],
      [3, () => ["--mount", imageMount(random, image())]],
      [1, () => ["--volume", `${image()}:/m`]],
      [1, () => [`--volumes-from=${image()}`]],
      [2, () => pull(random)],
      [1, () => platform(random)],
    ]),
  build: (random, image) =>
    random.weighted<Words>([
      [7, () => random.pick(ofBuilds)],
      [2, () => ["--build-context", `x=docker-image://${image()}`]],
      [2, () => [`--cache-from=${random.pick(["", "type=registry,ref="])}${image()}`]],
      [1, () => [`--sbom=generator=${image()}`]],
      [1, () => [`--attest=type=sbom,generator=${image()}`]],
      [1, () => ["--build-arg", `BUILDKIT_SYNTAX=${image()}`]],
      [1, () => [`--from=${image()}`]],
      [1, () => pull(random)],
      [1, () => platform(random)],
    ]),
  bake: (random, image) =>
    random.chance(20) ? ["--set", `*.contexts.x=docker-image://${image()}`] : random.pick(ofBakes),
  other: (random, image) =>
    random.weighted<Words>([
      [3, () => random.pick(split(["-q", "-d", "--name n", "-f pod.yaml", "--file=compose.yaml", "--quiet", "-a"]))],
      [1, () => [`--infra-image=${image()}`]],
      [1, () => [`--image=${image()}`]],
      [1, () => ["--driver=image", "--opt", `image=${image()}`]],
      [1, () => ["--from", image()]],
      [1, () => pull(random)],
    ]),
};

function imageMount(random: Random, image: string): string {
  const type = random.pick(["type=image", '"type=image"', "TYPE=image"]);
  const source = `${random.pick(["source", "src"])}=${image}`;
  return [type, source, "target=/m"].sort(() => random.next() - 0.5).join(",");
}
