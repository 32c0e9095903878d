/** The values of the variables that a `FROM` may use: those of the `ARG`s before the first stage, and what the engine predefines. */
import { ExpansionRefused } from "./expansion-refused.ts";
import type { DockerfileFacts, GlobalArgument } from "./dockerfile-facts.ts";
import type { ArgumentRules } from "./shell-grammar.ts";
import { expandWord, type Variables } from "./substitution.ts";

/** Everything that the values depend on besides the file. */
export interface ValueSettings {
  readonly rules: ArgumentRules;
  readonly escape: string;
  /** `--build-arg`, by name */
  readonly buildArguments: Variables;
  /** `TARGETARCH` and the others, for one platform */
  readonly predefined: Variables;
}

/** Expands words by one engine's rules. */
export class GlobalValues {
  readonly #settings: ValueSettings;
  /** a default that cannot be expanded is an error only where it is used */
  readonly #values = new Map<string, string | ExpansionRefused>();

  constructor({ arguments: given }: Pick<DockerfileFacts, "arguments">, settings: ValueSettings) {
    this.#settings = settings;
    const { rules, predefined, buildArguments } = settings;
    if (rules.hasPlatforms) {
      for (const [name, value] of predefined) this.#values.set(name, buildArguments.get(name) ?? value);
    }
    let visible: ReadonlyMap<string, string | ExpansionRefused> = this.#values;
    let line = 0;
    for (const argument of given) {
      if (!rules.seesOwnLine && argument.line !== line) visible = new Map(this.#values);
      line = argument.line;
      this.#define(argument, visible);
    }
  }

  /** @throws ExpansionRefused */
  expand(word: string): string {
    return this.#expand(word, this.#values);
  }

  #define({ name, value }: GlobalArgument, visible: ReadonlyMap<string, string | ExpansionRefused>): void {
    const { rules, buildArguments } = this.#settings;
    const given = buildArguments.get(name);
    if (given !== undefined) this.#values.set(name, given);
    else if (value !== undefined) this.#values.set(name, this.#default(value, visible));
    else if (rules.withoutDefault === "empties") this.#values.set(name, "");
    else if (rules.withoutDefault === "unsets") this.#values.delete(name);
  }

  #default(value: string, visible: ReadonlyMap<string, string | ExpansionRefused>): string | ExpansionRefused {
    try {
      return this.#expand(value, visible);
    } catch (error) {
      if (!(error instanceof ExpansionRefused)) throw error;
      return error.byEngine && this.#settings.rules.brokenDefault === "empty" ? "" : error;
    }
  }

  #expand(word: string, values: ReadonlyMap<string, string | ExpansionRefused>): string {
    const { rules, escape } = this.#settings;
    const valueOf = (name: string): string | undefined => {
      const value = values.get(name);
      if (value instanceof ExpansionRefused) throw value;
      return value;
    };
    return expandWord(Buffer.from(word, "latin1").toString("utf8"), { grammar: rules.grammar, escape, valueOf });
  }
}
