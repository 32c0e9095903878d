/** What a name in a Dockerfile stands for: a stage, a build context, nothing (`scratch`), or an image. */
import { hasCode, type TagsealError } from "../../../errors.ts";
import {
  familiarReference,
  type ImageReference,
  parseImageReference,
  withDefaultTag,
} from "../../../reference/image-reference.ts";
import type { BuildContexts } from "../base-image.ts";
import type { DockerfileFacts, ImageUse, MountOptions } from "./dockerfile-facts.ts";
import type { PossibleValues } from "./podman-variables.ts";
import { GlobalValues } from "./global-values.ts";
import { ExpansionRefused } from "./expansion-refused.ts";
import { LineRefused } from "./refusal.ts";
import type { ArgumentRules } from "./shell-grammar.ts";
import { holdsVariable, type Variables } from "./substitution.ts";

/** Everything else that names depend on. */
export interface NameSettings {
  /** the rules by which the engine may read variables, the likeliest first */
  readonly rules: readonly ArgumentRules[];
  /** `--build-arg`, by name */
  readonly buildArguments: Variables;
  /** what the engine predefines (`TARGETARCH`), once for each platform that is built */
  readonly platformVariables: readonly Variables[];
  /** given by `--build-context`, by {@link contextName} */
  readonly contexts: BuildContexts;
}

/** What a name stands for; `literal` says the same without variables and quotes. */
export type Meaning =
  | { readonly kind: "stage" | "context" | "scratch"; readonly literal: string }
  /** a different stage for each platform: the variables must stay */
  | { readonly kind: "stages" }
  | { readonly kind: "image"; readonly reference: ImageReference };

/** Decides what the names in one file stand for. */
export interface Names {
  /** @throws LineRefused for names that are not understood, or that versions of the engine understand differently */
  meaningOf(use: ImageUse): Meaning;
  /** The same for a name in a trigger of a base. @throws LineRefused */
  meaningOfTrigger(use: ImageUse): Meaning;
  /** Remembers the environment that a stage begins with; called before any other use in the stage. */
  setBase(use: ImageUse, environment: PossibleValues | "unknown"): void;
  /** Makes sure that variables in the options of a mount cannot name an image. @throws LineRefused */
  checkMount(mount: MountOptions): void;
}

/** docker's names. */
export class DockerNames implements Names {
  readonly #facts: DockerfileFacts;
  readonly #settings: NameSettings;
  #readings: readonly (readonly GlobalValues[])[] | undefined;

  constructor(facts: DockerfileFacts, settings: NameSettings) {
    this.#facts = facts;
    this.#settings = settings;
  }

  /**
   * What a name stands for, by the rules of every version of the engine.
   *
   * @throws LineRefused for names that are not understood, or that versions of the engine understand differently
   */
  meaningOf(use: ImageUse): Meaning {
    if (use.position !== "from") return this.#meaningOfName(checkedPlain(use), use);
    if (isPlain(use.written)) return this.#meaningOfName(use.written, use);
    const [meaning, ...others] = this.#meaningsOf(use);
    if (meaning !== undefined && others.every((other) => isSameMeaning(meaning, other))) return meaning;
    throw new LineRefused(use.line, `engines read ${use.written} differently`, {
      hint: "Write the substitution in another way, or give the value with --build-arg: versions of the engine read an empty value differently.",
    });
  }

  /** Whether the meaning of the names of bases depends on the engine's version. */
  dependsOnVersion(): boolean {
    return this.#facts.images.some((use) => {
      if (use.position !== "from" || isPlain(use.written)) return false;
      const [meaning, ...others] = this.#meaningsOf(use);
      return meaning !== undefined && !others.every((other) => isSameMeaning(meaning, other));
    });
  }

  /** The meanings in all versions that do not refuse it; there is always one. @throws LineRefused of the first version when all refuse it */
  #meaningsOf(use: ImageUse): readonly Meaning[] {
    const outcomes = this.#allReadings().map((platforms) => engineOutcome(() => this.#meaningBy(platforms, use)));
    const meanings = outcomes.filter((outcome): outcome is Meaning => !(outcome instanceof LineRefused));
    if (meanings.length === 0) throw outcomes[0] ?? new TypeError("there is always a reading");
    return meanings;
  }

  meaningOfTrigger(use: ImageUse): Meaning {
    return this.meaningOf(use);
  }

  setBase(): void {
    // docker's names know no variables of a stage
  }

  checkMount({ line }: MountOptions): void {
    throw new LineRefused(line, "variables in --mount are not understood");
  }

  /** For each set of rules, the values for each platform. */
  #allReadings(): readonly (readonly GlobalValues[])[] {
    const { rules: all, buildArguments, platformVariables } = this.#settings;
    this.#readings ??= all.flatMap((rules) =>
      this.#facts.escapes.map((escape) =>
        platformVariables.map(
          (predefined) => new GlobalValues(this.#facts, { rules, escape, buildArguments, predefined }),
        ),
      ),
    );
    return this.#readings;
  }

  #meaningBy(platforms: readonly GlobalValues[], use: ImageUse): Meaning {
    const names = [...new Set(platforms.map((values) => expandedBase(use, values)))];
    const meanings = names.map((name) => this.#meaningOfName(name, use));
    const [meaning] = meanings;
    if (meaning !== undefined && meanings.length === 1) return meaning;
    if (meaning !== undefined && meanings.every(({ kind }) => kind === "stage")) return { kind: "stages" };
    throw new LineRefused(use.line, `${use.written} is another image for each platform`, {
      hint: "Give each of them its own stage and choose the stage by variable, or build one platform at a time.",
    });
  }

  #meaningOfName(name: string, use: ImageUse): Meaning {
    if (name === "scratch") return { kind: "scratch", literal: name };
    if (findStage(name, use, this.#facts)) return { kind: "stage", literal: name };
    if (this.#settings.contexts.has(contextName(name))) return { kind: "context", literal: name };
    return { kind: "image", reference: imageNamed(name, use) };
  }
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

/** Whether any name depends on variables. */
export function usesVariables({ images }: DockerfileFacts): boolean {
  return images.some(({ position, written }) => position === "from" && holdsVariable(written));
}

/** Whether any name depends on the platform. */
export function usesPlatform({ images, arguments: given }: DockerfileFacts): boolean {
  const words = images.filter(({ position }) => position === "from").map(({ written }) => written);
  return [...words, ...given.map(({ value }) => value ?? "")].some((word) => /\$\{?(?:TARGET|BUILD)/.test(word));
}

function checkedPlain({ written, line }: ImageUse): string {
  if (!/[$\\`"']/.test(written)) return written;
  throw new LineRefused(line, `${written} is not understood: variables and escapes have no meaning there`, {
    hint: "Define a stage with FROM … AS name, where variables are allowed, and name the stage.",
  });
}

/** Contains nothing that an engine would replace or remove. */
function isPlain(written: string): boolean {
  return !holdsVariable(written) && !/["'\\`]/.test(written);
}

function expandedBase({ written, line }: ImageUse, values: GlobalValues): string {
  try {
    const name = values.expand(written);
    if (name !== "") return name;
    throw new ExpansionRefused("it stands for nothing; give its variables a default, or a value with --build-arg", {
      byEngine: true,
    });
  } catch (error) {
    if (!(error instanceof ExpansionRefused)) throw error;
    throw new LineRefused(line, `${written} is not understood: ${error.message}`, { refusedByEngine: error.byEngine });
  }
}

/** What a name means to one version of the engine, or why this version refuses it. */
export function engineOutcome(read: () => Meaning): Meaning | LineRefused {
  try {
    return read();
  } catch (error) {
    if (error instanceof LineRefused && error.refusedByEngine) return error;
    throw error;
  }
}

function isSameMeaning(one: Meaning, other: Meaning): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** The image of a name. @throws LineRefused when it is not the name of an image */
export function imageNamed(name: string, { line, written }: Pick<ImageUse, "line" | "written">): ImageReference {
  try {
    return withDefaultTag(parseImageReference(name));
  } catch (error) {
    if (!hasCode(error, "REFERENCE_INVALID")) throw error;
    throw invalidName(error, line, name === written ? name : `${name} (${written})`);
  }
}

function invalidName(error: TagsealError, line: number, name: string): LineRefused {
  const hint = error.hint === undefined ? {} : { hint: error.hint };
  return new LineRefused(line, `${name}: ${error.message}`, { ...hint, refusedByEngine: true });
}

/** @throws LineRefused where engines would not agree that it is a stage */
function findStage(name: string, use: ImageUse, facts: DockerfileFacts): boolean {
  if (isStageNumber(name, use)) return true;
  const matches = facts.stages.flatMap((stage, index) =>
    stage?.toLowerCase() === name.toLowerCase() ? [{ stage, index }] : [],
  );
  const earlier = matches.filter(({ index }) => index < use.stage);
  if (earlier.length === 0) {
    // some engines take the name of a later stage, or of this one, for an image
    if (matches.length > 0 && use.position !== "from")
      throw new LineRefused(use.line, `the stage ${name} is not complete at this line`);
    return false;
  }
  return true;
}

/** `COPY --from=0`; not in a mount. */
function isStageNumber(name: string, use: ImageUse): boolean {
  if (!/^[+-]?\d+$/.test(name) || use.position !== "copy") return false;
  if (Number(name) >= 0 && (use.isTrigger || Number(name) < use.stage)) return true;
  throw new LineRefused(use.line, `there is no stage ${name} before this line`);
}
