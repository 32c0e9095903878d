/** Reading a Dockerfile in every way an engine may, and insisting that all of them agree about its images. */
import { type Dialect, dialectsOf } from "./dialect.ts";
import { type DockerfileFacts, type ImageUse, readFacts, readTriggerUses } from "./facts.ts";
import { refuseUnreadable } from "./logical-lines.ts";
import { LineRefused } from "./refusal.ts";
import type { EngineKind } from "../../command-line/invocation.ts";

/**
 * Reads a Dockerfile.
 *
 * @param source one character per byte
 * @throws LineRefused for everything that is not understood, or that engines understand differently
 */
export function readDockerfile(source: string, engine: EngineKind): DockerfileFacts {
  refuseUnreadable(source);
  const [current, ...others] = dialectsOf(source, engine);
  if (current === undefined) throw new TypeError("there is always a dialect");
  const facts = readFacts(source, current);
  const escapes = new Set(facts.escapes);
  for (const dialect of others) {
    const other = readIfAccepted(source, dialect);
    refuseDifference(facts, other);
    for (const escape of other?.escapes ?? []) escapes.add(escape);
  }
  return { ...facts, escapes: [...escapes] };
}

/**
 * Reads the trigger of a base image: every image that any engine would find in it.
 *
 * @param text what followed `ONBUILD`, one character per byte
 * @throws LineRefused as {@link readDockerfile}
 */
export function readTrigger(text: string, engine: EngineKind): readonly ImageUse[] {
  refuseUnreadable(text);
  return dialectsOf(text, engine).flatMap((dialect, index) => {
    try {
      return readTriggerUses(text, dialect);
    } catch (error) {
      const isElsewhere = index > 0 && engine === "docker" && error instanceof LineRefused && error.refusedByEngine;
      if (isElsewhere) return [];
      throw error;
    }
  });
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

function refuseDifference(facts: DockerfileFacts, other: DockerfileFacts | undefined): void {
  if (other === undefined || comparable(facts) === comparable(other)) return;
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
      hint: "it depends on the engine's version whether a here-document, a doubled escape character or # escape= counts here; write it in another way",
    },
  );
}

/** Everything but the escape character itself, which matters only through what is read. */
function comparable({ arguments: given, stages, images }: DockerfileFacts): string {
  return JSON.stringify([given, stages.map((name) => name ?? null), images]);
}
