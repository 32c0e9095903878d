/**
 * What a name in a Dockerfile stands for in podman. podman looks for names in the file before it replaces variables, and skips stages that then
 * seem unneeded: a variable or a number that names such a stage becomes an image. So every name is written out, and what still
 * depends on a platform or a version is refused.
 *
 * @see buildah: imagebuildah/executor.go, imagebuildah/stage_executor.go
 */
import type { BuildContexts } from "../base-image.ts";
import { ExpansionRefused } from "./expansion-refused.ts";
import type { DockerfileFacts, ImageUse, MountOptions } from "./dockerfile-facts.ts";
import { engineOutcome, imageNamed, type Meaning, type Names } from "./names-in-dockerfile.ts";
import {
  type PodmanGeneration,
  podmanGenerations,
  type PodmanPlatform,
  PodmanVariables,
  type PossibleValues,
  type StageBase,
} from "./podman-variables.ts";
import { LineRefused } from "./refusal.ts";
import type { Variables } from "./substitution.ts";

/** Everything else that names depend on. */
export interface PodmanNameSettings {
  /** `--build-arg`, by name */
  readonly buildArguments: Variables;
  /** names given by `--env` */
  readonly environmentNames: ReadonlySet<string>;
  /** what is built, once for each platform */
  readonly platforms: readonly PodmanPlatform[];
  /** given by `--build-context`, by name */
  readonly contexts: BuildContexts;
}

const noPlatform: PodmanPlatform = { machine: new Map(), chosen: new Map() };

/** Decides what the names in one file stand for, by every reading that a version of podman may have of it. */
export class PodmanNames implements Names {
  readonly #readings: readonly [DockerfileFacts, ...DockerfileFacts[]];
  readonly #settings: PodmanNameSettings;
  readonly #bases = new Map<number, StageBase>();
  readonly #variables = new Map<DockerfileFacts, readonly PodmanVariables[]>();

  /** @throws LineRefused for two stages of one name, which podman mixes up */
  constructor(readings: readonly [DockerfileFacts, ...DockerfileFacts[]], settings: PodmanNameSettings) {
    this.#readings = readings;
    this.#settings = settings;
    for (const facts of readings) refuseTwins(facts);
  }

  /**
   * What a name stands for, by the rules of every version of podman.
   *
   * @throws LineRefused for names that are not understood, or that versions or platforms understand differently
   */
  meaningOf(use: ImageUse): Meaning {
    const found = this.#readings.flatMap((facts) => {
      const there = facts.images.find(({ start, position }) => start === use.start && position === use.position);
      if (there === undefined) throw new LineRefused(use.line, `podman may read ${use.written} as no image`);
      return this.#namesOf(there, facts).map((name) => ({ name, there, facts }));
    });
    const outcomes = found.map(({ name, there, facts }) =>
      engineOutcome(() => this.#meaningOfName(name, there, facts)),
    );
    // a name that one version would refuse is written out for it as well: it never reads the variable
    const meanings = outcomes.filter((outcome): outcome is Meaning => !(outcome instanceof LineRefused));
    const [meaning] = meanings;
    if (meaning === undefined) throw outcomes[0] ?? new TypeError("there is always a reading");
    if (meanings.every((other) => JSON.stringify(other) === JSON.stringify(meaning))) return meaning;
    throw new LineRefused(use.line, `${use.written} depends on the platform, or on podman's version`, {
      hint: "Declare the variable with ARG, build one platform at a time, or give its value with --build-arg.",
    });
  }

  /**
   * What a name in a trigger of a base stands for.
   *
   * @throws LineRefused as {@link meaningOf}, and for stages and variables
   */
  meaningOfTrigger(use: ImageUse): Meaning {
    const [facts] = this.#readings;
    const [name = ""] = this.#namesOf(use, facts);
    return this.#meaningOfName(name, use, facts);
  }

  /** Remembers what a stage begins with; called before any use in the stage. */
  setBase(use: ImageUse, base: PossibleValues | "unknown"): void {
    this.#bases.set(use.start, base === "unknown" ? { kind: "unknown" } : { kind: "environment", values: base });
  }

  /**
   * Makes sure that variables in the options of a mount cannot name an image.
   *
   * @throws LineRefused
   */
  checkMount({ text, stage, at, line }: MountOptions): void {
    for (const facts of this.#readings) {
      for (const variables of this.#allVariables(facts)) {
        const expanded = outcomeOf(() => variables.expandMount(text, stage, at));
        if (expanded instanceof ExpansionRefused) {
          if (expanded.byEngine) continue;
          throw new LineRefused(line, `the options of --mount are not understood: ${expanded.message}`, {
            hint: "Write the value itself, or declare the variable with ARG in this stage.",
          });
        }
        const fields = text.split(",").map((field) => outcomeOf(() => variables.expandMount(field, stage, at)));
        const isCertain = fields.every((field) => typeof field === "string" && !/[,"'\\$]/.test(field));
        if (isCertain && fields.join(",") === expanded) continue;
        throw new LineRefused(line, "a variable in --mount could bring another option in", {
          hint: "Write the value itself.",
        });
      }
    }
  }

  /** All names that the word may become. */
  #namesOf(use: ImageUse, facts: DockerfileFacts): readonly string[] {
    const { written, line, isTrigger } = use;
    if (!/[$"'\\`]/.test(written)) return [written];
    if (isTrigger || /[\\`]/.test(written) || (use.position !== "from" && /["']/.test(written))) throw unreadable(use);
    const outcomes = this.#allVariables(facts).map((variables) => outcomeOf(() => nameBy(variables, use)));
    const names = outcomes.filter((outcome) => typeof outcome === "string");
    const failure = outcomes.find((outcome) => typeof outcome !== "string" && !outcome.byEngine) ?? outcomes[0];
    if (failure instanceof ExpansionRefused && (!failure.byEngine || names.length === 0)) {
      throw new LineRefused(line, `${written} is not understood: ${failure.message}`);
    }
    return [...new Set(names)];
  }

  #allVariables(facts: DockerfileFacts): readonly PodmanVariables[] {
    const known = this.#variables.get(facts);
    if (known !== undefined) return known;
    const platforms = this.#settings.platforms.length === 0 ? [noPlatform] : this.#settings.platforms;
    const all = podmanGenerations.flatMap((generation) =>
      platforms.map((platform) => this.#variablesOf(facts, generation, platform)),
    );
    this.#variables.set(facts, all);
    return all;
  }

  #variablesOf(facts: DockerfileFacts, generation: PodmanGeneration, platform: PodmanPlatform): PodmanVariables {
    const { buildArguments, environmentNames } = this.#settings;
    const baseOf = (stage: number): StageBase => this.#baseOf(stage, facts);
    return new PodmanVariables(facts, { generation, platform, buildArguments, environmentNames, baseOf });
  }

  #baseOf(stage: number, facts: DockerfileFacts): StageBase {
    const use = facts.images.find((one) => one.position === "from" && one.stage === stage);
    if (use === undefined) return { kind: "unknown" };
    const known = this.#bases.get(use.start);
    if (known !== undefined) return known;
    const meaning = this.meaningOf(use);
    if (meaning.kind === "scratch") return { kind: "environment", values: new Map() };
    const index = meaning.kind === "stage" ? facts.stages.indexOf(meaning.literal) : -1;
    return index === -1 ? { kind: "unknown" } : { kind: "stage", index };
  }

  #meaningOfName(name: string, use: ImageUse, facts: DockerfileFacts): Meaning {
    if (name === "") {
      throw new LineRefused(use.line, `${use.written} is not understood: it stands for nothing`, {
        hint: "Give its variables a default, or a value with --build-arg.",
        refusedByEngine: true,
      });
    }
    if (name === "scratch") return { kind: "scratch", literal: name };
    const stage = findStage(name, use, facts);
    const context = this.#settings.contexts.get(name);
    if (stage !== undefined && context !== undefined) {
      throw new LineRefused(use.line, `${name} is a stage and a build context: podman mixes them up`);
    }
    if (stage !== undefined) return { kind: "stage", literal: stage };
    // a directory cannot be the base: podman then looks for an image
    if (context !== undefined && (use.position !== "from" || context.kind === "image"))
      return { kind: "context", literal: name };
    return { kind: "image", reference: imageNamed(name, use) };
  }
}

function nameBy(variables: PodmanVariables, { position, written, stage, start }: ImageUse): string {
  if (position === "from") return variables.expandBase(written);
  if (position === "copy") return variables.expandSource(written, stage, start);
  // a second time, because the first pass may leave variables
  return variables.expandSource(variables.expandMount(written, stage, start), stage, start);
}

function outcomeOf(expand: () => string): string | ExpansionRefused {
  try {
    return expand();
  } catch (error) {
    if (error instanceof ExpansionRefused) return error;
    throw error;
  }
}

function unreadable({ written, line }: ImageUse): LineRefused {
  return new LineRefused(
    line,
    `${written} is not understood: it holds quotes, escapes, or variables of a later build`,
    {
      hint: "Write the name itself.",
    },
  );
}

function refuseTwins(facts: DockerfileFacts): void {
  const names = facts.stages.filter((name) => name !== undefined);
  const twin = facts.stages.findIndex((name, index) => name !== undefined && facts.stages.indexOf(name) < index);
  if (new Set(names).size === names.length) return;
  const line = facts.images.find(({ position, stage }) => position === "from" && stage === twin)?.line ?? 1;
  throw new LineRefused(line, `two stages are called ${facts.stages[twin]}: podman mixes them up`, {
    hint: "Give each stage a name that no other has.",
  });
}

/**
 * The stage's own name, or its number when it has none.
 *
 * @throws LineRefused where podman would take the name for an image after all
 */
function findStage(name: string, use: ImageUse, facts: DockerfileFacts): string | undefined {
  const index = /^[+-]?\d+$/.test(name) && use.position !== "from" ? numbered(name, use) : facts.stages.indexOf(name);
  if (index === -1) {
    const other = facts.stages.find((stage) => stage?.toLowerCase() === name.toLowerCase());
    if (other === undefined || (use.position === "from" && !earlier(other, use, facts))) return undefined;
    throw new LineRefused(use.line, `${name} is a stage in other letters: to podman it is an image`);
  }
  if (use.isTrigger) {
    throw new LineRefused(
      use.line,
      `${name} is a stage that a trigger names: podman may skip it and take the name for an image`,
    );
  }
  if (index < use.stage) return facts.stages[index] ?? String(index);
  if (use.position === "from") return undefined;
  throw new LineRefused(use.line, `the stage ${name} is not complete at this line`);
}

function numbered(name: string, use: ImageUse): number {
  const index = Number(name);
  if (index >= 0 && (use.isTrigger || index < use.stage)) return index;
  throw new LineRefused(use.line, `there is no stage ${name} before this line`);
}

function earlier(name: string, use: ImageUse, facts: DockerfileFacts): boolean {
  return facts.stages.indexOf(name) < use.stage;
}
