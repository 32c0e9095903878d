/**
 * How content trust treats each command of an engine. A list of refused commands would have holes, so these tables list what may
 * pass: a command that is in no table is refused.
 */
import { flagTable, type FlagTable } from "./flag-table.ts";

/** The commands that content trust covers; `compose` stands for some of its commands. */
export type TrustedWord = "push" | "pull" | "build" | "create" | "run" | "compose";

/** Those whose images are on their command line. */
export type ImageWord = Exclude<TrustedWord, "compose">;

/** Why content trust refuses a command. */
export interface Refusal {
  /** completes `content trust does not cover "docker x": it …` */
  readonly because: string;
  /** what to do instead, as an imperative without a full stop; undefined where there is no other way */
  readonly instead?: string | undefined;
  /** what makes the command safe to run without content trust, in the same form */
  readonly first?: string | undefined;
}

/** A use of a harmless command that is not harmless. */
export interface HarmfulUse extends Refusal {
  /** finds it in the words after the command, joined by newlines; errs on the side of finding too much */
  readonly found: RegExp;
}

/**
 * How content trust treats a command. `covered`: runs under it. `harmless`: cannot fetch or build an image, and starts only
 * containers that exist already. `refused`: can do one of these unchecked.
 */
export type Standing =
  | { readonly kind: "covered"; readonly word: TrustedWord }
  | { readonly kind: "harmless"; readonly unless?: HarmfulUse }
  | { readonly kind: "refused"; readonly refusal: Refusal };

/** A word that is followed by further commands: `image`, `compose`, or the engine itself. */
export interface CommandGroup {
  readonly kind: "group";
  /** flags that may stand before its command */
  readonly flags: FlagTable;
  /** these flags mean the same after its command */
  readonly flagsMove: boolean;
  /** the group without a command; by default it prints its help */
  readonly alone: Standing;
  /** by name; a command with several names is there several times */
  readonly commands: ReadonlyMap<string, CommandEntry>;
}

/** What a name refers to. */
export type CommandEntry = Standing | CommandGroup;

/** Commands as words separated by white space. */
export interface CommandWords {
  readonly harmless?: string;
  readonly covered?: Readonly<Partial<Record<TrustedWord, string>>>;
  readonly refused?: readonly (readonly [words: string, Refusal])[];
  /** harmless except for some uses */
  readonly unless?: readonly (readonly [words: string, HarmfulUse])[];
  readonly groups?: Readonly<Record<string, CommandGroup>>;
  readonly flags?: FlagTable;
  readonly flagsMove?: boolean;
  readonly alone?: Standing;
}

const harmless: Standing = { kind: "harmless" };

/** Makes a group. @throws TypeError for a name that is given twice, a mistake in the table */
export function commandGroup(words: CommandWords): CommandGroup {
  const { covered = {}, refused = [], unless = [], groups = {} } = words;
  const commands = new Map<string, CommandEntry>();
  const take = (text: string, entry: CommandEntry): void => {
    for (const name of text.split(/\s+/u).filter((found) => found !== "")) {
      if (commands.has(name)) throw new TypeError(`the command ${name} is there twice`);
      commands.set(name, entry);
    }
  };
  take(words.harmless ?? "", harmless);
  for (const word of trustedWords) take(covered[word] ?? "", { kind: "covered", word });
  for (const [text, refusal] of refused) take(text, { kind: "refused", refusal });
  for (const [text, use] of unless) take(text, { kind: "harmless", unless: use });
  for (const [text, group] of Object.entries(groups)) take(text, group);
  return {
    kind: "group",
    flags: words.flags ?? flagTable({ switches: "help" }),
    flagsMove: words.flagsMove ?? true,
    alone: words.alone ?? harmless,
    commands,
  };
}

const trustedWords: readonly TrustedWord[] = ["push", "pull", "build", "create", "run", "compose"];

/** Whether a command with these words after it is the harmful use. */
export function isHarmful(use: HarmfulUse, words: readonly string[]): boolean {
  return use.found.test(words.join("\n"));
}
