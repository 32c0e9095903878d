/**
 * One file, several readings: which lines a Dockerfile consists of depends on the engine and its version. A file is rewritten only
 * when all readings that an engine may have of it agree about the images in it.
 */
import type { EngineKind } from "../../command-line/invocation.ts";
import { escapeReadings, podmanEscape } from "./directives.ts";
import { heredocGrammars, type ShellGrammar } from "./shell-grammar.ts";

/** How a Dockerfile is split into instructions. */
export interface Dialect {
  readonly engine: EngineKind;
  /** the character that continues a line */
  readonly escape: "\\" | "`";
  /** whether a line that ends in two escape characters continues: before BuildKit 0.11 and in podman it does */
  readonly continuation: "unescaped" | "any";
  /** here-documents: all; not those with white space after `<<` (early BuildKit); none (before 2021, podman before 4.9) */
  readonly heredocs: "all" | "plain" | "none";
  /** which lines are JSON: those that are nothing else, or in older engines those that begin with it */
  readonly json: "whole" | "beginning";
  /** the grammar that splits a line with here-documents into words; a line that it cannot split opens none */
  readonly grammar: ShellGrammar;
}

/** Every reading an engine of this kind may have of `source`, the current one first. */
export function dialectsOf(source: string, engine: EngineKind): readonly [Dialect, ...Dialect[]] {
  return engine === "podman" ? podmanDialects(source) : dockerDialects(source);
}

function dockerDialects(source: string): readonly [Dialect, ...Dialect[]] {
  const continuations: readonly ["unescaped", ...Dialect["continuation"][]] = /(?:\\\\|``)[ \t]*\r?$/m.test(source)
    ? ["unescaped", "any"]
    : ["unescaped"];
  const escapes = escapeReadings(source);
  const heredocs = heredocReadings(source);
  const [, ...others] = escapes.flatMap((escape) =>
    continuations.flatMap((continuation) =>
      heredocs.map((reading): Dialect => ({ engine: "docker", escape, continuation, ...reading })),
    ),
  );
  return [{ engine: "docker", escape: escapes[0], continuation: continuations[0], ...heredocs[0] }, ...others];
}

/** podman joins lines in only one way, and has one rule for the escape character; its here-documents came with the BuildKit lexer of their time. */
function podmanDialects(source: string): readonly [Dialect, ...Dialect[]] {
  const base = { engine: "podman", escape: podmanEscape(source), continuation: "any" } as const;
  const [grammar] = heredocGrammars;
  const current: Dialect = { ...base, heredocs: "all", json: "whole", grammar };
  if (!source.includes("<<")) return [current];
  const grammars = source.includes("${") ? heredocGrammars : [grammar];
  const dialects: Dialect[] = [];
  for (const heredocs of ["all", "plain"] as const) {
    for (const known of grammars) {
      for (const json of jsonReadings(source)) dialects.push({ ...base, heredocs, json, grammar: known });
    }
  }
  return [current, ...dialects.slice(1), { ...current, heredocs: "none" }];
}

/** Without `[` they are one. */
function jsonReadings(source: string): readonly Dialect["json"][] {
  return source.includes("[") ? ["whole", "beginning"] : ["whole"];
}

type HeredocReading = Pick<Dialect, "heredocs" | "json" | "grammar">;

/** Without `<<` all are one; without `${` the grammar does not matter. */
function heredocReadings(source: string): readonly [HeredocReading, ...HeredocReading[]] {
  const [grammar, ...older] = heredocGrammars;
  const current = { heredocs: "all", json: "whole", grammar } as const;
  if (!source.includes("<<")) return [current];
  const grammars = source.includes("${") ? [grammar, ...older] : [grammar];
  const plain = grammars.flatMap((known) =>
    jsonReadings(source).map((json) => ({ heredocs: "plain", json, grammar: known }) as const),
  );
  return [current, ...plain, { ...current, heredocs: "none" }];
}
