/**
 * The values of variables in podman: of those before the first stage, which a `FROM` may use, and of those in a stage, which podman replaces in
 * `COPY --from` and `RUN --mount`, too. What has a value there changed between versions; each generation is read by its own rules.
 *
 * @see openshift/imagebuilder: builder.go, dispatchers.go; buildah: imagebuildah/build.go
 */
import { ExpansionRefused } from "./expansion-refused.ts";
import type { DockerfileFacts, StageSetting } from "./dockerfile-facts.ts";
import { unicodeSpace } from "./logical-lines.ts";
import { expandPodmanWord } from "./podman-words.ts";
import type { Variables } from "./substitution.ts";
import { argumentWords } from "./words.ts";

/** A value that is not known is an error only where it is used. */
export type PossibleValues = ReadonlyMap<string, string | ExpansionRefused>;

/**
 * How podman comes to its values: `declared` (before 4.2, and in Debian 12) knows what stands in an `ARG`, `predefined` (to 5.2) the machine's
 * platform everywhere, `inherited` (since) also the chosen platform, and in a stage the arguments of the stage it begins with.
 */
export type PodmanGeneration = "declared" | "predefined" | "inherited";

/** All of them. */
export const podmanGenerations: readonly PodmanGeneration[] = ["declared", "predefined", "inherited"];

/** The platform variables of one platform that is built. */
export interface PodmanPlatform {
  /** `TARGETARCH`, `BUILDARCH` and the others, for the machine that builds; `undefined` where they are not known */
  readonly machine: ReadonlyMap<string, string | undefined>;
  /** `TARGETARCH` and the others, for the platform that was asked for by both parts of its name */
  readonly chosen: ReadonlyMap<string, string | undefined>;
}

/** What a stage begins with. */
export type StageBase =
  | { readonly kind: "stage"; readonly index: number }
  | { readonly kind: "environment"; readonly values: PossibleValues }
  /** what comes with triggers that set variables */
  | { readonly kind: "unknown" };

/** Everything that the values depend on besides the file. */
export interface PodmanValueSettings {
  readonly generation: PodmanGeneration;
  readonly platform: PodmanPlatform;
  /** `--build-arg`, by name */
  readonly buildArguments: Variables;
  /** names given by `--env` */
  readonly environmentNames: ReadonlySet<string>;
  readonly baseOf: (stage: number) => StageBase;
}

/** Always allowed, without an `ARG`. */
const proxies = ["HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY"].flatMap((name) => [name, name.toLowerCase()]);

type Values = Map<string, string | ExpansionRefused>;

/** The variables at a place in a stage. */
interface Scope {
  readonly args: Values;
  readonly allowed: Set<string>;
  readonly environment: Values;
  /** whether the environment may have more variables */
  readonly isOpen: boolean;
}

/** Expands words of one reading of a file by the rules of one generation, for one platform. */
export class PodmanVariables {
  readonly #facts: DockerfileFacts;
  readonly #settings: PodmanValueSettings;
  /** what `--build-arg` gives, and in older versions `--platform` */
  readonly #given: Values;
  #headings: Values | undefined;

  constructor(facts: DockerfileFacts, settings: PodmanValueSettings) {
    this.#facts = facts;
    this.#settings = settings;
    this.#given = this.#givenValues();
  }

  /** The name after `FROM`. @throws ExpansionRefused */
  expandBase(word: string): string {
    const { generation, platform } = this.#settings;
    const values: Values = new Map(this.#headingValues());
    if (generation !== "declared") merge(values, possible(platform.machine));
    if (generation === "inherited") merge(values, possible(platform.chosen));
    const declared = generation === "inherited" ? this.#headingValues() : this.#declaredNames();
    if (generation !== "declared")
      for (const [name, value] of this.#given) if (declared.has(name)) values.set(name, value);
    return expandPodmanWord(word, valueIn(values));
  }

  /** The value of `COPY --from=`, at an offset in the file. @throws ExpansionRefused */
  expandSource(word: string, stage: number, at: number): string {
    const { args, allowed, isOpen } = this.#scopeAt(stage, at);
    return expandPodmanWord(word, (name) => {
      if (allowed.has(name)) return valueIn(args)(name);
      if (isOpen) throw new ExpansionRefused(`${name} may come from a trigger of the base`);
      return "";
    });
  }

  /** A part of the options of `RUN --mount=`. @throws ExpansionRefused */
  expandMount(word: string, stage: number, at: number): string {
    const scope = this.#scopeAt(stage, at);
    const seesAll = this.#settings.generation === "declared";
    return expandPodmanWord(word, this.#visible(seesAll ? { ...scope, allowed: new Set(scope.args.keys()) } : scope));
  }

  #givenValues(): Values {
    const { buildArguments, platform, generation } = this.#settings;
    const values: Values = new Map(generation === "inherited" ? [] : possible(platform.chosen));
    merge(values, buildArguments);
    // the platform cannot be renamed there
    if (generation === "inherited") values.delete("TARGETPLATFORM");
    return values;
  }

  /** Those of the `ARG`s before the first stage. */
  #headingValues(): Values {
    this.#headings ??= this.#readHeadings();
    return this.#headings;
  }

  #readHeadings(): Values {
    const { generation, platform } = this.#settings;
    const args: Values = new Map(this.#given);
    const allowed = new Set(proxies);
    if (generation === "inherited") {
      for (const [name, value] of possible(platform.machine)) {
        allowed.add(name);
        if (!args.has(name)) args.set(name, value);
      }
    }
    const scope: Scope = { args, allowed, environment: new Map(), isOpen: false };
    for (const words of byLine(this.#facts.arguments))
      this.#declare(words, { scope, headings: new Map(), predefined: possible(platform.machine) });
    return new Map([...args].filter(([name]) => allowed.has(name)));
  }

  /** The second generation lets `--build-arg` into a `FROM` when an `ARG` without default stands anywhere. */
  #declaredNames(): ReadonlySet<string> {
    const inStages = this.#facts.settings.flatMap(({ keyword, rest }) => (keyword === "arg" ? [rest] : []));
    return new Set([...inStages, ...this.#facts.arguments.map(({ name, value }) => (value === undefined ? name : ""))]);
  }

  #scopeAt(stage: number, at: number): Scope {
    const scope = this.#scopeOfBase(stage);
    const predefined = new Map(possible(this.#settings.platform.machine));
    if (this.#settings.generation === "inherited") merge(predefined, possible(this.#settings.platform.chosen));
    for (const setting of this.#facts.settings) {
      if (setting.stage !== stage || setting.at >= at || setting.isTrigger) continue;
      if (setting.keyword === "env") this.#set(setting, { scope });
      else this.#declare(wordsOf(setting, this.#escape()), { scope, headings: this.#headingValues(), predefined });
    }
    return scope;
  }

  #scopeOfBase(stage: number): Scope {
    const base = this.#settings.baseOf(stage);
    const scope = { args: new Map(this.#given), allowed: new Set(proxies), environment: new Map() };
    if (base.kind === "environment") merge(scope.environment, base.values);
    if (base.kind !== "stage" || base.index >= stage) return { ...scope, isOpen: base.kind !== "environment" };
    const parent = this.#scopeAt(base.index, Infinity);
    merge(scope.environment, parent.environment);
    if (this.#settings.generation === "inherited") this.#inherit(parent, scope);
    const runsTriggers = this.#facts.settings.some((setting) => setting.isTrigger && setting.stage === base.index);
    return { ...scope, isOpen: parent.isOpen || runsTriggers };
  }

  #inherit(parent: Scope, { args, allowed }: Pick<Scope, "args" | "allowed">): void {
    const unsure = new ExpansionRefused("its value may be that of the stage before, which depends on podman's version");
    for (const name of parent.allowed) {
      if (proxies.includes(name)) continue;
      allowed.add(name);
      if (!this.#given.has(name)) args.set(name, unsure);
    }
  }

  /** One `ARG`: its words do not see each other. */
  #declare(words: readonly string[], place: ArgumentPlace): void {
    const read = words.map((word) => this.#expanded(word, place.scope));
    for (const { text, failure } of read) {
      const [name, value] = splitAt(text);
      this.#declareOne(name, value === undefined ? undefined : (failure ?? value), place);
    }
  }

  #declareOne(name: string, value: string | ExpansionRefused | undefined, place: ArgumentPlace): void {
    const { args, allowed } = place.scope;
    allowed.add(name);
    if (name === "TARGETPLATFORM" && value !== undefined) {
      const unsure = new ExpansionRefused("podman's versions differ on ARG TARGETPLATFORM with a value");
      for (const other of place.predefined.keys()) {
        allowed.add(other);
        args.set(other, unsure);
      }
      return;
    }
    const isOwn = value !== undefined && this.#settings.generation !== "inherited";
    const predefined = isOwn ? undefined : place.predefined.get(name);
    const given = predefined ?? value ?? place.headings.get(name);
    if (given !== undefined && !this.#given.has(name)) args.set(name, given);
  }

  #set(setting: StageSetting, { scope }: { readonly scope: Scope }): void {
    for (const [key, value] of environmentPairs(setting, this.#escape())) {
      const name = this.#expanded(key, scope);
      const { text, failure } = this.#expanded(value, scope);
      if (name.failure !== undefined) throw name.failure;
      scope.environment.set(name.text, failure ?? text);
    }
  }

  /** A value that cannot be expanded matters only where it is used; a name that cannot could be any name. */
  #expanded(word: string, scope: Scope): { readonly text: string; readonly failure?: ExpansionRefused } {
    try {
      return { text: expandPodmanWord(word, this.#visible(scope)) };
    } catch (failure) {
      if (!(failure instanceof ExpansionRefused) || /[$"'\\`]/.test(splitAt(word)[0])) throw failure;
      return { text: word, failure };
    }
  }

  #visible({ args, allowed, environment, isOpen }: Scope): (name: string) => string {
    return (name) => {
      if (this.#settings.environmentNames.has(name))
        throw new ExpansionRefused(`--env gives ${name} another value in some versions`);
      if (environment.has(name)) return valueIn(environment)(name);
      if (isOpen) throw new ExpansionRefused(`${name} may come from the environment of the base`);
      return allowed.has(name) ? valueIn(args)(name) : "";
    };
  }

  #escape(): string {
    return this.#facts.escapes[0] ?? "\\";
  }
}

/** Where an `ARG` stands. */
interface ArgumentPlace {
  readonly scope: Scope;
  /** values of the `ARG`s before the first stage */
  readonly headings: PossibleValues;
  readonly predefined: PossibleValues;
}

/** podman removes flags from every instruction and splits words at any white space: the rest is then uncertain. */
function wordsOf({ rest }: Pick<StageSetting, "rest">, escape: string): readonly string[] {
  if (rest.startsWith("--") || unicodeSpace.test(rest))
    throw new ExpansionRefused("an ARG or ENV there is not understood");
  return argumentWords({ text: rest, places: [] }, escape);
}

function splitAt(word: string): readonly [name: string, value: string | undefined] {
  const equals = word.indexOf("=");
  return equals === -1 ? [word, undefined] : [word.slice(0, equals), word.slice(equals + 1)];
}

function byLine(given: DockerfileFacts["arguments"]): readonly (readonly string[])[] {
  const lines = new Map<number, string[]>();
  for (const { name, value, line } of given) {
    const word = value === undefined ? name : `${name}=${value}`;
    if (word.startsWith("--") || unicodeSpace.test(word)) throw new ExpansionRefused("an ARG is not understood");
    lines.set(line, [...(lines.get(line) ?? []), word]);
  }
  return [...lines.values()];
}

/** `ENV name value`, or `ENV name=value …`. */
function environmentPairs(setting: StageSetting, escape: string): readonly (readonly [string, string])[] {
  const words = wordsOf(setting, escape);
  if (words[0]?.includes("=") === true) return words.map(splitAt).map(([name, value = ""]) => [name, value]);
  const [, name = "", value = ""] = /^([^\t\v\f\r ]+)[\t\v\f\r ]+(.*)$/s.exec(setting.rest) ?? [];
  return name === "" ? [] : [[name, value]];
}

function valueIn(values: PossibleValues): (name: string) => string {
  return (name) => {
    const value = values.get(name) ?? "";
    if (value instanceof ExpansionRefused) throw value;
    return value;
  };
}

function possible(values: ReadonlyMap<string, string | undefined>): Values {
  return new Map(
    [...values].map(([name, value]) => [
      name,
      value ?? new ExpansionRefused(`the value of ${name} is not known; give it with --build-arg`),
    ]),
  );
}

function merge(values: Values, others: PossibleValues): void {
  for (const [name, value] of others) values.set(name, value);
}
