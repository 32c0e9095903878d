/** What a name in a Dockerfile stands for: a stage, a build context, nothing (`scratch`), or an image. */
import { hasCode, type TagsealError } from "../../../errors.ts";
import {
  familiarReference,
  type ImageReference,
  parseImageReference,
  withDefaultTag,
} from "../../../reference/image-reference.ts";
import type { EngineKind } from "../../command-line/invocation.ts";
import type { DockerfileFacts, ImageUse } from "./facts.ts";
import { LineRefused } from "./refusal.ts";
import { expandWord, ExpansionRefused, holdsVariable, type Variables } from "./substitution.ts";

/** What else decides about names. */
export interface NameSettings {
  readonly engine: EngineKind;
  /** `--build-arg`, by name */
  readonly buildArguments: Variables;
  /** what the engine predefines (`TARGETARCH`), once for each platform that is built */
  readonly platformVariables: readonly Variables[];
  /** names given by `--build-context` */
  readonly contexts: ReadonlySet<string>;
}

/** What a name stands for; `literal` says the same without variables and quotes. */
export type Meaning =
  | { readonly kind: "stage" | "context" | "scratch"; readonly literal: string }
  /** another stage for each platform: the variables must stay */
  | { readonly kind: "stages" }
  | { readonly kind: "image"; readonly reference: ImageReference };

/**
 * Decides what a name stands for.
 *
 * @throws LineRefused for names that are not understood
 */
export function meaningOf(use: ImageUse, facts: DockerfileFacts, settings: NameSettings): Meaning {
  if (use.position !== "from") return meaningOfName(checkedPlain(use), use, facts, settings);
  const names = [
    ...new Set(settings.platformVariables.map((predefined) => expandedBase(use, facts, settings, predefined))),
  ];
  const meanings = names.map((name) => meaningOfName(name, use, facts, settings));
  const [meaning] = meanings;
  if (meaning !== undefined && meanings.length === 1) return meaning;
  if (meaning !== undefined && meanings.every(({ kind }) => kind === "stage")) return { kind: "stages" };
  throw new LineRefused(use.line, `${use.written} is another image for each platform`, {
    hint: "give each of them a stage of its own and choose the stage by variable, or build one platform at a time",
  });
}

/** The name under which BuildKit looks for a build context. */
export function contextName(name: string): string {
  try {
    return familiarReference(parseImageReference(name)).replace(/:latest$/, "");
  } catch (error) {
    if (hasCode(error, "REFERENCE_INVALID")) return name;
    throw error;
  }
}

/** Answers whether any name depends on the platform. */
export function usesPlatform({ images, arguments: given }: DockerfileFacts): boolean {
  const words = images.filter(({ position }) => position === "from").map(({ written }) => written);
  return [...words, ...given.map(({ value }) => value ?? "")].some((word) => /\$\{?(?:TARGET|BUILD)/.test(word));
}

function checkedPlain({ written, line }: ImageUse): string {
  if (!/[$\\`"']/.test(written)) return written;
  throw new LineRefused(line, `${written} is not understood: variables and escapes have no meaning there`, {
    hint: "define a stage with FROM … AS name, where variables are allowed, and name the stage",
  });
}

function expandedBase(
  { written, line }: ImageUse,
  facts: DockerfileFacts,
  settings: NameSettings,
  predefined: Variables,
): string {
  if (/[\\`]/.test(written)) throw new LineRefused(line, `${written} is not understood: it holds an escape character`);
  if (!holdsVariable(written) && !/["']/.test(written)) return written;
  return expanded(written, line, globalVariables(facts, settings, predefined), facts.escape);
}

function expanded(word: string, line: number, variables: Variables, escape: string): string {
  try {
    const value = expandWord(word, variables, escape);
    if (value !== "") return value;
    throw new ExpansionRefused("it stands for nothing; give its variables a default, or a value with --build-arg");
  } catch (error) {
    if (error instanceof ExpansionRefused) throw new LineRefused(line, `${word} is not understood: ${error.message}`);
    throw error;
  }
}

/** Values of the variables a `FROM` may use. */
function globalVariables(facts: DockerfileFacts, settings: NameSettings, predefined: Variables): Variables {
  const { buildArguments } = settings;
  const variables = new Map([...predefined].map(([name, value]) => [name, buildArguments.get(name) ?? value]));
  for (const { name, value, line } of facts.arguments) {
    const given =
      buildArguments.get(name) ?? (value === undefined ? undefined : defaultOf(value, line, variables, facts));
    if (given !== undefined) variables.set(name, given);
  }
  return variables;
}

function defaultOf(value: string, line: number, variables: Variables, { escape }: DockerfileFacts): string {
  try {
    return expandWord(value, variables, escape);
  } catch (error) {
    if (error instanceof ExpansionRefused)
      throw new LineRefused(line, `the default of an ARG is not understood: ${error.message}`);
    throw error;
  }
}

function meaningOfName(name: string, use: ImageUse, facts: DockerfileFacts, settings: NameSettings): Meaning {
  if (name === "scratch") return { kind: "scratch", literal: name };
  const stage = findStage(name, use, facts, settings.engine);
  if (stage) return { kind: "stage", literal: name };
  const isContext = settings.contexts.has(settings.engine === "podman" ? name : contextName(name));
  if (isContext) return { kind: "context", literal: name };
  return { kind: "image", reference: imageNamed(name, use) };
}

function imageNamed(name: string, { line, written }: ImageUse): ImageReference {
  try {
    return withDefaultTag(parseImageReference(name));
  } catch (error) {
    if (!hasCode(error, "REFERENCE_INVALID")) throw error;
    throw invalidName(error, line, name === written ? name : `${name} (${written})`);
  }
}

function invalidName(error: TagsealError, line: number, name: string): LineRefused {
  return new LineRefused(line, `${name}: ${error.message}`, error.hint === undefined ? {} : { hint: error.hint });
}

/** @throws LineRefused where engines would not agree that it is a stage */
function findStage(name: string, use: ImageUse, facts: DockerfileFacts, engine: EngineKind): boolean {
  if (isStageNumber(name, use, engine)) return true;
  const matches = facts.stages.flatMap((stage, index) =>
    stage?.toLowerCase() === name.toLowerCase() ? [{ stage, index }] : [],
  );
  const earlier = matches.filter(({ index }) => index < use.stage);
  if (earlier.length === 0) {
    // to some engines the name of a later stage, or of this one, is an image
    if (matches.length > 0 && use.position !== "from")
      throw new LineRefused(use.line, `the stage ${name} is not complete at this line`);
    return false;
  }
  if (engine === "docker" || earlier.some(({ stage }) => stage === name)) return true;
  throw new LineRefused(use.line, `${name} is a stage in other letters: to podman it is an image`);
}

/** `COPY --from=0`; in a mount only to podman. */
function isStageNumber(name: string, use: ImageUse, engine: EngineKind): boolean {
  if (!/^[+-]?\d+$/.test(name) || use.position === "from" || (use.position === "mount" && engine === "docker"))
    return false;
  if (Number(name) >= 0 && (use.isTrigger || Number(name) < use.stage)) return true;
  throw new LineRefused(use.line, `there is no stage ${name} before this line`);
}
