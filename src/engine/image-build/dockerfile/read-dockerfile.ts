/** Reads a Dockerfile in every way an engine may, and requires that all readings agree about its images. */
import { type Dialect, dialectsOf } from "./dialect.ts";
import type { DockerfileFacts, ImageUse } from "./dockerfile-facts.ts";
import { readFacts, readTriggerFacts } from "./read-facts.ts";
import { refuseLongLines, refuseUnreadable } from "./logical-lines.ts";
import { LineRefused } from "./refusal.ts";
import type { EngineKind } from "../../command-line/invocation.ts";

/**
 * Reads a Dockerfile.
 *
 * @param source one character per byte
 * @returns one reading for docker; for podman all that name the same images in the same places
 * @throws LineRefused for everything that is not understood, or that engines understand differently
 */
export function readDockerfile(source: string, engine: EngineKind): readonly [DockerfileFacts, ...DockerfileFacts[]] {
  refuseUnreadable(source);
  return engine === "docker" ? [readForDocker(source)] : readForPodman(source);
}

/** podman executes what comes before a line that it does not understand, so every reading matters. */
function readForPodman(source: string): readonly [DockerfileFacts, ...DockerfileFacts[]] {
  refuseLongLines(source);
  const [current, ...others] = dialectsOf(source, "podman");
  const facts = readFacts(source, current);
  const readings = new Map([[JSON.stringify(facts), facts]]);
  for (const dialect of others) {
    const other = readFacts(source, dialect);
    refuseOtherImages(facts, other, (one) => JSON.stringify([one.arguments, one.images.map(placeOf)]));
    readings.set(JSON.stringify(other), other);
  }
  return [facts, ...[...readings.values()].slice(1)];
}

/** In another reading there may be more stages before it, which have no image. */
function placeOf({ position, isTrigger, written, start, end }: ImageUse): readonly unknown[] {
  return [position, isTrigger, written, start, end];
}

function readForDocker(source: string): DockerfileFacts {
  const [current, ...others] = dialectsOf(source, "docker");
  const facts = readFacts(source, current);
  const escapes = new Set(facts.escapes);
  for (const dialect of others) {
    const other = readIfAccepted(source, dialect);
    if (other !== undefined) refuseOtherImages(facts, other, comparable);
    for (const escape of other?.escapes ?? []) escapes.add(escape);
  }
  return { ...facts, escapes: [...escapes] };
}

/**
 * Reads the triggers of a base image in every way an engine would. podman puts them into one file.
 *
 * @param triggers what followed `ONBUILD`, one character per byte
 * @throws LineRefused as {@link readDockerfile}
 */
export function readTriggers(triggers: readonly string[], engine: EngineKind): readonly DockerfileFacts[] {
  if (triggers.length === 0) return [];
  const texts = engine === "podman" ? [triggers.join("\n")] : triggers;
  return texts.flatMap((text) => {
    refuseUnreadable(text);
    if (engine === "podman") refuseLongLines(text);
    return dialectsOf(text, engine).flatMap((dialect, index) => readTrigger(text, dialect, index === 0));
  });
}

function readTrigger(text: string, dialect: Dialect, isCurrent: boolean): readonly DockerfileFacts[] {
  try {
    return [readTriggerFacts(text, dialect)];
  } catch (error) {
    const mayBeElsewhere = !isCurrent && dialect.engine === "docker";
    if (mayBeElsewhere && error instanceof LineRefused && error.refusedByEngine) return [];
    throw error;
  }
}

/** @returns undefined when an engine with this dialect refuses the file itself */
function readIfAccepted(source: string, dialect: Dialect): DockerfileFacts | undefined {
  try {
    return readFacts(source, dialect);
  } catch (error) {
    if (error instanceof LineRefused && error.refusedByEngine) return undefined;
    throw error;
  }
}

function refuseOtherImages(
  facts: DockerfileFacts,
  other: DockerfileFacts,
  imagesOf: (reading: DockerfileFacts) => string,
): void {
  if (imagesOf(facts) === imagesOf(other)) return;
  const count = Math.max(facts.images.length, other.images.length);
  const differing = Array.from({ length: count }, (_, index): [ImageUse | undefined, ImageUse | undefined] => [
    facts.images[index],
    other.images[index],
  ]).find(([one, another]) => JSON.stringify(one) !== JSON.stringify(another));
  const lines = (differing ?? []).flatMap((use) => use?.line ?? []);
  throw new LineRefused(
    Math.min(...lines, Infinity) === Infinity ? 1 : Math.min(...lines),
    "engines read this line differently",
    {
      hint: "Write it in another way: versions of the engine read a here-document, a doubled escape character or # escape= differently here.",
    },
  );
}

/** Everything but the escape character, which matters only through its effects. */
function comparable({ arguments: given, stages, images }: DockerfileFacts): string {
  return JSON.stringify([given, stages.map((name) => name ?? null), images]);
}
