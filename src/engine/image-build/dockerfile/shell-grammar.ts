/**
 * The substitutions that an engine knows. The grammar of words grew over the years; an engine that does not know a substitution refuses the file
 * or, for the default of an `ARG` before the first stage, uses no value.
 *
 * @see BuildKit: frontend/dockerfile/shell, frontend/dockerfile/dockerfile2llb; docker's classic builder: builder/dockerfile
 */
/** How an engine reads the words of a Dockerfile. */
export interface ShellGrammar {
  /** what may follow the name in `${NAME…}` besides the closing brace */
  readonly operators: ReadonlySet<string>;
  /** what else may follow it in a line that is only searched for here-documents: it is copied unread */
  readonly copied: RegExp;
  /** whether escapes stay in the inner word of `${NAME-word}` in such a line */
  readonly keepsInnerEscapes: boolean;
}

/** How an engine computes the values of the variables before the first stage. */
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

/** The rules of ranges of BuildKit versions, given as the number after the `0.`; the current ones first. */
const buildKits: readonly (readonly [first: number, last: number, rules: ArgumentRules])[] = (
  [
    [17, Infinity, grammars.current, "nothing", "refused"],
    [16, 16, grammars.current, "empties", "refused"],
    [14, 15, grammars.firstPatterns, "empties", "refused"],
    [13, 13, grammars.firstPatterns, "empties", "empty"],
    [12, 12, grammars.withoutPatterns, "empties", "empty"],
    [7, 11, grammars.mostlyColons, "empties", "empty"],
    [0, 6, grammars.colons, "empties", "empty"],
  ] as const
).map(([first, last, using, withoutDefault, brokenDefault]) => [
  first,
  last,
  { grammar: using, withoutDefault, brokenDefault, seesOwnLine: true, hasPlatforms: true },
]);

/**
 * Every set of rules that BuildKit may have, the current one first.
 *
 * @param versions the possible versions, each as the number after the `0.`; undefined: any
 */
export function buildKitRules(versions?: readonly number[]): readonly ArgumentRules[] {
  return buildKits
    .filter(([first, last]) => versions?.some((version) => version >= first && version <= last) ?? true)
    .map(([, , rules]) => rules);
}

/** Every set of rules that docker's classic builder may have, the current one first. */
export const classicRules: readonly ArgumentRules[] = Object.values(grammars).map((using) => ({
  grammar: using,
  withoutDefault: "unsets",
  brokenDefault: "refused",
  seesOwnLine: false,
  hasPlatforms: false,
}));
