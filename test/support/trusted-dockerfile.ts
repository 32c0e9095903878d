/** A Dockerfile under content trust, without an engine: what becomes of it where these names are signed. */
import assert from "node:assert/strict";
import { MetadataError, TagsealError } from "../../src/errors.ts";
import type { BaseImage, BuildContextSource } from "../../src/engine/image-build/base-image.ts";
import { trustDockerfile } from "../../src/engine/image-build/base-images.ts";
import type { DockerfileSettings } from "../../src/engine/image-build/dockerfile-settings.ts";
import { pinnedName } from "../../src/engine/image-build/pinned-name.ts";
import type { PodmanPlatform } from "../../src/engine/image-build/dockerfile/podman-variables.ts";
import { parseDigest } from "../../src/reference/digest.ts";
import { familiarReference, formatReference, type ImageReference } from "../../src/reference/image-reference.ts";

const digests = {
  "docker.io/library/base:latest": `sha256:${"a".repeat(64)}`,
  "docker.io/library/base:1": `sha256:${"1".repeat(64)}`,
  "docker.io/library/base:2": `sha256:${"2".repeat(64)}`,
  "docker.io/library/base-arm64:1": `sha256:${"3".repeat(64)}`,
  "host:5000/team/app:v1": `sha256:${"b".repeat(64)}`,
  "docker.io/docker/dockerfile:1": `sha256:${"d".repeat(64)}`,
} as const;
const signed: ReadonlyMap<string, string> = new Map(Object.entries(digests));
/** What the names are signed for. */
export const [latest, one, two, arm, app, syntax] = [...signed.values()];
/** A digest that nothing is signed for. */
export const other = `sha256:${"e".repeat(64)}`;

/** What the command line, the engine and the images say. */
export interface Asked {
  readonly engine?: "docker" | "podman";
  readonly isClassic?: boolean;
  readonly buildKitVersions?: readonly number[];
  readonly buildArguments?: Readonly<Record<string, string>>;
  /** names of build contexts; podman's are images unless they end in `/` */
  readonly contexts?: readonly string[];
  readonly platforms?: readonly string[];
  /** environment by pinned name */
  readonly environment?: Readonly<Record<string, readonly string[]>>;
  /** podman: names given by `--env` */
  readonly environmentNames?: readonly string[];
  /** podman: `--from` */
  readonly firstBase?: BaseImage | "scratch";
  /** triggers by pinned name */
  readonly triggers?: Readonly<Record<string, readonly string[]>>;
}

function variables(platform: string): ReadonlyMap<string, string> {
  const [os = "", architecture = "", variant = ""] = platform.split("/");
  return new Map([
    ["TARGETPLATFORM", platform],
    ["TARGETOS", os],
    ["TARGETARCH", architecture],
    ["TARGETVARIANT", variant],
    ["BUILDPLATFORM", "linux/amd64"],
    ["BUILDARCH", "amd64"],
  ]);
}

function podmanPlatform(platform: string): PodmanPlatform {
  const machine = new Map([...variables("linux/amd64"), ["BUILDPLATFORM", "linux/amd64"]] as const);
  const chosen = [...variables(platform)].filter(([name]) => name.startsWith("TARGET"));
  return { machine, chosen: new Map(platform === "linux/amd64" ? [] : chosen) };
}

function contextOf(name: string): readonly [string, BuildContextSource] {
  if (name.endsWith("/")) return [name.slice(0, -1), { kind: "files" }];
  return [name, { kind: "image", image: undefined }];
}

function resolve(reference: ImageReference, engine: "docker" | "podman"): BaseImage {
  const { tag, digest } = reference;
  if (tag === undefined && digest !== undefined)
    return { reference, digest, name: pinnedName(engine, reference, digest) };
  const found = signed.get(formatReference({ ...reference, digest: undefined }));
  if (found === undefined) throw new MetadataError("TAG_NOT_SIGNED", `No valid trust data for ${tag}`);
  if (digest !== undefined && digest !== found)
    throw new MetadataError("TAG_DIGEST_MISMATCH", "signed for another digest");
  const exact = parseDigest(found);
  return { reference: { ...reference, digest: exact }, digest: exact, name: pinnedName(engine, reference, exact) };
}

/** @returns the rewritten file, and which names were resolved */
export async function trusted(
  text: string | Uint8Array,
  asked: Asked = {},
): Promise<{ text: string; resolved: string[] }> {
  const { engine = "docker", buildArguments = {}, contexts = [], platforms = ["linux/amd64"], triggers = {} } = asked;
  const resolved: string[] = [];
  const settings: DockerfileSettings = {
    file: "Dockerfile",
    engine,
    buildArguments: new Map(Object.entries(buildArguments)),
    environmentNames: new Set(asked.environmentNames),
    contexts: new Map(contexts.map(contextOf)),
    firstBase: asked.firstBase,
    isClassic: () => Promise.resolve(asked.isClassic === true),
    buildKitVersions: () => Promise.resolve(asked.buildKitVersions),
    platformVariables: () => Promise.resolve(platforms.map(variables)),
    podmanPlatforms: () => Promise.resolve(platforms.map(podmanPlatform)),
    images: {
      resolve: async (reference) => {
        resolved.push(familiarReference(reference));
        return resolve(reference, engine);
      },
      configurations: async ({ name }) => [
        { triggers: triggers[name] ?? [], environment: asked.environment?.[name] ?? [] },
      ],
    },
  };
  const { bytes } = await trustDockerfile(typeof text === "string" ? Buffer.from(text) : text, settings);
  return { text: bytes.toString("latin1"), resolved };
}

/** Expects a file to become another text. */
export async function rewrites(from: string, to: string, asked?: Asked): Promise<void> {
  assert.equal((await trusted(from, asked)).text, to);
}

/** Expects a file to be refused with a message. */
export async function refuses(text: string, message: RegExp, asked?: Asked): Promise<void> {
  await assert.rejects(trusted(text, asked), (error: unknown) => {
    assert.ok(error instanceof TagsealError, String(error));
    assert.match(error.message, message);
    assert.ok(["DOCKERFILE_REFUSED", "TAG_NOT_SIGNED", "TAG_DIGEST_MISMATCH"].includes(error.code), error.code);
    return true;
  });
}

/** What becomes of a file: its new text, or why it is refused. */
export type Row = readonly [what: string, from: string, result: string | RegExp, asked?: Asked];
