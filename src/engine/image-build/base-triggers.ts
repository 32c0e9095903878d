/** The `ONBUILD` triggers of a base, wherever it is named: they take effect in this build although they are not in its file. */
import { familiarReference, type ImageReference } from "../../reference/image-reference.ts";
import type { EngineKind } from "../command-line/invocation.ts";
import type { DockerfileFacts, ImageUse } from "./dockerfile/dockerfile-facts.ts";
import type { Meaning, Names } from "./dockerfile/names-in-dockerfile.ts";
import { readTriggers } from "./dockerfile/read-dockerfile.ts";
import { LineRefused } from "./dockerfile/refusal.ts";

/** The base that has the triggers, and the stage that executes them. */
export interface TriggerPlace {
  readonly engine: EngineKind;
  readonly names: Names;
  /** where the base is named; its stage executes the triggers */
  readonly use: ImageUse;
  /** for messages */
  readonly base: string;
}

/**
 * The images that the triggers of one base name, each by a digest.
 *
 * @throws LineRefused for what is not understood, and for images without a digest
 */
export function triggerImages(triggers: readonly string[], place: TriggerPlace): readonly ImageReference[] {
  return parts(triggers, place.engine).flatMap((part) => imagesOf(part, place));
}

/** Whether triggers set variables, which then are not known from the file. */
export function setsVariables(triggers: readonly string[]): boolean {
  return triggers.some((trigger) => /^\s*(?:#.*\n\s*)*(?:arg|env)\s/i.test(trigger));
}

/** podman reads all of them as one file; docker reads each separately. */
function parts(triggers: readonly string[], engine: EngineKind): readonly (readonly string[])[] {
  if (engine === "docker") return triggers.map((trigger) => [trigger]);
  return triggers.length === 0 ? [] : [triggers];
}

function imagesOf(triggers: readonly string[], place: TriggerPlace): readonly ImageReference[] {
  const { use, base } = place;
  const refuse = (reason: string): LineRefused =>
    new LineRefused(
      use.line,
      `${base} has the trigger ONBUILD ${printable(triggers.join(" ONBUILD "))}, refused: ${reason}`,
      {
        hint: "Use a base image whose triggers name images by digest, or build stages of this file.",
      },
    );
  const references = readings(triggers, place, refuse).flatMap((meaning) =>
    meaning.kind === "image" ? [meaning.reference] : [],
  );
  const loose = references.find(({ digest }) => digest === undefined);
  if (loose !== undefined) throw refuse(`${familiarReference(loose)} is not a digest`);
  return references;
}

function readings(
  triggers: readonly string[],
  { engine, names, use }: TriggerPlace,
  refuse: (reason: string) => LineRefused,
): readonly Meaning[] {
  try {
    const texts = triggers.map((trigger) => Buffer.from(trigger, "utf8").toString("latin1"));
    return readTriggers(texts, engine).flatMap((facts: DockerfileFacts) =>
      facts.images.map((found) => names.meaningOfTrigger({ ...found, stage: use.stage, line: use.line })),
    );
  } catch (error) {
    throw error instanceof LineRefused ? refuse(error.message) : error;
  }
}

function printable(text: string): string {
  const clean = text.replaceAll(/[\p{Cc}\p{Cf}]/gu, "?");
  return clean.length > 120 ? `${clean.slice(0, 120)}…` : clean;
}
