/**
 * Which substitutions an engine knows. The grammar of words grew over the years; an engine that does not know a substitution refuses the file
 * or, for the default of an `ARG` before the first stage, takes it for nothing.
 *
 * @see BuildKit: frontend/dockerfile/shell, frontend/dockerfile/dockerfile2llb; docker's classic builder: builder/dockerfile
 */
/** How an engine reads the words of a Dockerfile. */
export interface ShellGrammar {
  /** what may stand behind the name in `${NAME…}` besides the closing brace */
  readonly operators: ReadonlySet<string>;
  /** what else may stand there in a line that is only searched for here-documents: it is copied unread */
  readonly copied: RegExp;
  /** whether escapes stay in the inner word of `${NAME-word}` in such a line */
  readonly keepsInnerEscapes: boolean;
}

/** How an engine comes to the values of the variables before the first stage. */
export interface ArgumentRules {
  readonly grammar: ShellGrammar;
  /** what an `ARG` without default does to a variable that has a value already, or that has none */
  readonly withoutDefault: "nothing" | "empties" | "unsets";
  /** a default that cannot be expanded: the file is refused, or the variable is empty */
  readonly brokenDefault: "refused" | "empty";
  /** whether one `ARG` with several variables sees those before them in it */
  readonly seesOwnLine: boolean;
  /** whether `TARGETARCH` and the others are defined */
  readonly hasPlatforms: boolean;
}

function grammar(operators: string, copied: RegExp, keepsInnerEscapes = false): ShellGrammar {
  return { operators: new Set(operators.split(" ")), copied, keepsInnerEscapes };
}

const nothing = /(?!)/;

/** docker's, the current one first. */
const grammars = {
  /** BuildKit since 0.16 */
  current: grammar(":- :+ :? - + ? # % /", /^:[^#%]?$/u),
  /** BuildKit 0.13 to 0.15, where the colon did nothing to a pattern */
  firstPatterns: grammar(":- :+ :? - + ? # % / :# :%", /^:/),
  /** BuildKit 0.12 */
  withoutPatterns: grammar(":- :+ :? - + ?", /^:/, true),
  /** BuildKit 0.7 to 0.11 */
  mostlyColons: grammar(":- :+ :? ?", nothing),
  /** docker 18.09 and 19.03 */
  colons: grammar(":- :+", nothing),
} as const;

/** Every grammar by which docker may search a line for here-documents, the current one first. */
export const heredocGrammars: readonly [ShellGrammar, ...ShellGrammar[]] = [
  grammars.current,
  grammars.firstPatterns,
  grammars.withoutPatterns,
  grammars.mostlyColons,
];

function buildKit(using: ShellGrammar, rules: Pick<ArgumentRules, "withoutDefault" | "brokenDefault">): ArgumentRules {
  return { grammar: using, ...rules, seesOwnLine: true, hasPlatforms: true };
}

const buildKits: readonly ArgumentRules[] = [
  buildKit(grammars.current, { withoutDefault: "nothing", brokenDefault: "refused" }),
  buildKit(grammars.current, { withoutDefault: "empties", brokenDefault: "refused" }),
  buildKit(grammars.firstPatterns, { withoutDefault: "empties", brokenDefault: "refused" }),
  buildKit(grammars.firstPatterns, { withoutDefault: "empties", brokenDefault: "empty" }),
  buildKit(grammars.withoutPatterns, { withoutDefault: "empties", brokenDefault: "empty" }),
  buildKit(grammars.mostlyColons, { withoutDefault: "empties", brokenDefault: "empty" }),
  buildKit(grammars.colons, { withoutDefault: "empties", brokenDefault: "empty" }),
];

const classics: readonly ArgumentRules[] = Object.values(grammars).map((using) => ({
  grammar: using,
  withoutDefault: "unsets",
  brokenDefault: "refused",
  seesOwnLine: false,
  hasPlatforms: false,
}));

/** docker's two builders, which read words by different rules. */
export type Builder = "buildkit" | "classic";

/** Every set of rules that a version of this builder may have, the current one first. */
export const argumentRules: Readonly<Record<Builder, readonly ArgumentRules[]>> = {
  buildkit: buildKits,
  classic: classics,
};
