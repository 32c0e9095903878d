/**
 * Collects the rules of an imported policy. A scope that Tagseal cannot name is decided by the rule around it, and that rule refuses, unless it is at
 * least as strict already.
 */
import { defaultScope, scopeAround, scopeFault } from "../scope.ts";
import {
  type ImportedPolicy,
  type ImportedRule,
  isSameRule,
  rejecting,
  skipping,
  type WrittenRule,
} from "./imported-policy.ts";

/** A rule of the other tool about names that are not a scope of ours. */
export interface PartialRule {
  /** the names, as the other tool writes them */
  readonly names: string;
  /** why they are not a scope */
  readonly why: string;
  /** the smallest scope of ours that holds all of them; undefined when only the default does */
  readonly within: string | undefined;
  readonly rule: WrittenRule;
  /** components of the names, where more of them make a rule win */
  readonly depth?: number;
  /** what all names begin with: such a scope loses against them if both have as many components */
  readonly start?: string;
}

interface Entry {
  readonly scope: string;
  readonly depth: number;
  rule: WrittenRule;
  readonly notes: string[];
}

/** The rules that were read so far. */
export class ImportedRules {
  readonly #default: Entry = { scope: defaultScope, depth: 0, rule: rejecting, notes: [] };
  #hasDefault = false;
  readonly #entries = new Map<string, Entry>();
  readonly #partial: PartialRule[] = [];
  readonly #notes: string[] = [];

  /** Adds a sentence about the whole policy. */
  note(text: string): void {
    this.#notes.push(text);
  }

  /** Sets the rule for all names that have none. Without it they are refused. */
  setDefault(rule: WrittenRule, notes: readonly string[]): void {
    this.#merge(this.#default, rule, notes, !this.#hasDefault);
    this.#hasDefault = true;
  }

  /**
   * Adds a rule for a scope; a text that cannot be one of ours is taken as a part of the smallest scope around it.
   *
   * @param depth components of the scope, where more of them make a rule win
   */
  add(scope: string, rule: WrittenRule, notes: readonly string[], depth = Number.POSITIVE_INFINITY): void {
    const why = scopeFault(scope);
    if (why !== undefined) {
      this.addPart({ names: scope, why, within: scopeAround(scope), rule, depth });
      return;
    }
    const known = this.#entries.get(scope);
    const entry = known ?? { scope, depth, rule, notes: [] };
    this.#entries.set(scope, entry);
    this.#merge(entry, rule, notes, known === undefined);
  }

  /** Adds a rule for names that no scope says. */
  addPart(part: PartialRule): void {
    const { within } = part;
    const isScope = within === undefined || scopeFault(within) === undefined;
    this.#partial.push(isScope ? part : { ...part, within: scopeAround(within) });
  }

  /** @param audit true when the other tool only warns: nothing is refused then, in ours neither */
  finish({ audit = false } = {}): ImportedPolicy {
    for (const part of this.#partial) this.#apply(part);
    const finished = ({ scope, rule, notes }: Entry): ImportedRule => ({
      scope,
      rule: audit && rule.mode !== "skip" ? { ...rule, mode: "audit" } : rule,
      notes,
    });
    const rules = [...this.#entries.values()].toSorted((a, b) => a.scope.localeCompare(b.scope, "en"));
    return { default: finished(this.#default), rules: rules.map(finished), notes: this.#notes };
  }

  #merge(entry: Entry, rule: WrittenRule, notes: readonly string[], isFirst: boolean): void {
    entry.notes.push(...notes);
    if (isFirst) entry.rule = rule;
    else if (!isSameRule(entry.rule, rule)) this.#refuse(entry, "Two rules are about these names and differ.");
  }

  #refuse(entry: Entry, why: string): void {
    entry.rule = rejecting;
    entry.notes.push(why);
  }

  #apply(part: PartialRule): void {
    const { names, why, within, rule } = part;
    const deciding = this.#decidingAbout(within);
    const quoted = JSON.stringify(names);
    if (isSameRule(rule, skipping) && !isSameRule(deciding.rule, skipping)) {
      deciding.notes.push(`${quoted} is asked nothing, but this rule decides about it too: ${why}.`);
      return;
    }
    if (!isAsStrict(deciding.rule, rule)) {
      const scope = within ?? defaultScope;
      const entry = within === undefined || deciding.scope === scope ? deciding : this.#entryAt(scope);
      this.#refuse(entry, `All of it is refused because of ${quoted}, which needs another rule: ${why}.`);
    }
    for (const entry of this.#entries.values())
      if (isBelow(entry.scope, within) && yieldsTo(entry, part) && !isAsStrict(entry.rule, rule))
        this.#refuse(entry, `It is refused because ${quoted} is about some of its names: ${why}.`);
  }

  #entryAt(scope: string): Entry {
    const entry: Entry = { scope, depth: Number.POSITIVE_INFINITY, rule: rejecting, notes: [] };
    this.#entries.set(scope, entry);
    return entry;
  }

  /** The rule for the names in a scope that no smaller scope is about. */
  #decidingAbout(scope: string | undefined): Entry {
    for (let around = scope; around !== undefined; around = scopeAround(around)) {
      const entry = this.#entries.get(around);
      if (entry !== undefined) return entry;
    }
    return this.#default;
  }
}

function yieldsTo({ scope, depth }: Entry, part: PartialRule): boolean {
  return part.depth !== undefined && (depth < part.depth || (depth === part.depth && scope === part.start));
}

/** True when a rule lets in nothing that the other would not. */
function isAsStrict(rule: WrittenRule, than: WrittenRule): boolean {
  return rule.require === "reject" || isSameRule(rule, than);
}

function isBelow(scope: string, within: string | undefined): boolean {
  if (within === undefined) return true;
  for (let around = scopeAround(scope); around !== undefined; around = scopeAround(around))
    if (around === within) return true;
  return false;
}
