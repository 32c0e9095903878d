/** Why commands are refused under content trust, in the words of the message. */
import type { HarmfulUse, Refusal } from "./command-table.ts";

const build = "Build each image with the build command";
const byDigest = "Name images by the digest that this prints: tagseal verify IMAGE:TAG";

/** Reasons by what the command does. */
export const refusals = {
  bake: { because: "it builds from files that are not checked", instead: build },
  build: { because: "it builds, and the images that enter the build are not checked", instead: build },
  compose: {
    because: "it fetches, builds or starts the images that its files name, and they are not checked",
    instead: "Pull, build and run each image with the commands of these names",
  },
  composeScale: {
    because: "it can start images that are not checked",
    instead: "Scale with the command that is checked: docker compose up --scale SERVICE=NUMBER",
  },
  composeWatch: {
    because: "it builds whenever files change, and what enters these builds is not checked",
    instead: "Build and start what changed with: docker compose up --build",
  },
  composePush: {
    because: "it pushes images and signs none of them",
    instead: "Push each image with the push command",
  },
  transformation: { because: "it fetches or starts images that transform the project, and they are not checked" },
  swarm: { because: "the nodes of the swarm fetch the image, and it is not checked", first: byDigest },
  stack: {
    because: "the nodes of the swarm fetch the images that its files name, and they are not checked",
    first: byDigest,
  },
  enginePlugin: { because: "it moves plugins of the engine, which are not checked and not signed" },
  api: { because: "it opens the interface of the engine, and what enters through it is not checked" },
  policy: { because: "it fetches its source, which is not checked" },
  runlabel: {
    because: "it runs the command in a label of an image, and the image is not checked",
    instead: "Start the image with the run command",
  },
  kube: { because: "it fetches, builds or starts the images that its file names, and they are not checked" },
  autoUpdate: {
    because: "it fetches newer images and starts them, and they are not checked",
    instead: "Pull the image with the pull command and start its container again",
  },
  clone: {
    because: "it can start another image, and that is not checked",
    instead: "Create the container with the create command",
  },
  restore: { because: "it fetches the image of the container if need be, and that is not checked" },
  scp: {
    because: "it copies images between machines, and they are not checked",
    instead: "Push the image, and pull it where it is needed",
  },
  machine: { because: "it fetches the image of a virtual machine, which is not checked" },
  quadlet: { because: "it installs units that fetch, build or start images, and they are not checked" },
  artifact: { because: "it fetches an artifact, and artifacts are not checked" },
  buildahBuild: {
    because: "it builds, and the images that enter the build are not checked",
    instead: "Build with podman, which has the same builder: tagseal --engine podman build",
  },
  buildahFetch: {
    because: "it fetches images, and they are not checked",
    instead: "Pull them with podman, which has the same storage: tagseal --engine podman pull",
  },
  buildahPush: {
    because: "it pushes and does not sign",
    instead: "Push with podman, which has the same storage: tagseal --engine podman push",
  },
} as const satisfies Readonly<Record<string, Refusal>>;

const url = {
  because: "it fetches from a URL what is not checked",
  instead: "Download the file, check it, and name the file",
} as const;

/** Uses of harmless commands that are refused. */
export const harmfulUses = {
  importUrl: { ...url, found: /^https?:/imu },
  loadUrl: { ...url, found: /(?:^|[=i])https?:/imu },
  builder: {
    because: "it starts a builder from an image that is not checked",
    found: /^--bootstrap(?!=(?:0|f|false)$)|^--driver-opt[=\n].*image/imu,
  },
  infraImage: {
    because: "it starts an image for the pod, and that is not checked",
    found: /^--infra-image(?:=|$)/mu,
  },
  imageVolume: {
    because: "it makes a volume of an image, and the image is not checked",
    instead: "Mount the image with --mount type=image",
    found: /^(?:--driver[=\n]|-\w*d[=\n]?)image$/mu,
  },
  buildahFrom: { ...refusals.buildahFetch, found: /^--from(?:=|$)/mu },
  buildahMount: { ...refusals.buildahFetch, found: /^--mount[=\n].*from=/imu },
  buildahSbom: { because: "it runs a scanner from an image that is not checked", found: /^--sbom/mu },
} as const satisfies Readonly<Record<string, HarmfulUse>>;
