/** The text of a policy as values that know where they stand: JSON with comments, in which no name may be written twice. */
import { type ParseError, type ParseErrorCode, parseTree, printParseErrorCode } from "jsonc-parser";
import { UsageError } from "../errors.ts";

/** Far above any honest policy. */
const maxCharacters = 1024 * 1024;

/** Makes the error about a place of a text; the place is a file with line and column, where they are known. */
export type FaultMaker = (place: string, reason: string, cause?: unknown) => UsageError;

/** A value as a parser gives it. The library's types do not name the parser, which programs that use the library do not install. */
export interface SyntaxNode {
  readonly type: string;
  /** in characters, from the beginning of the text */
  readonly offset: number;
  readonly value?: unknown;
  /** values of a list, members of an object, name and value of a member */
  readonly children?: readonly SyntaxNode[];
}

/** A value in a policy. Every accessor refuses another kind of value, with its line and column. */
export class PolicyValue {
  readonly #document: PolicyText;
  readonly #node: SyntaxNode;

  constructor(document: PolicyText, node: SyntaxNode) {
    this.#document = document;
    this.#node = node;
  }

  /** The members of an object, in their order. @throws UsageError `POLICY_INVALID` */
  members(what: string): readonly PolicyMember[] {
    if (this.#node.type !== "object") throw this.fault(`${what} is not an object`);
    const seen = new Set<string>();
    return (this.#node.children ?? []).map((property) => {
      const member = this.#member(property);
      if (seen.has(member.name)) throw member.place.fault(`${what} has ${quoted(member.name)} twice`);
      seen.add(member.name);
      return member;
    });
  }

  /** The entries of a list. @throws UsageError `POLICY_INVALID` */
  entries(what: string): readonly PolicyValue[] {
    if (this.#node.type !== "array") throw this.fault(`${what} is not a list`);
    return (this.#node.children ?? []).map((child) => new PolicyValue(this.#document, child));
  }

  /** A text that is not empty. @throws UsageError `POLICY_INVALID` */
  text(what: string): string {
    const value: unknown = this.#node.value;
    if (this.#node.type === "string" && typeof value === "string" && value !== "") return value;
    throw this.fault(`${what} is not a text`);
  }

  /** One of some texts. @throws UsageError `POLICY_INVALID` */
  oneOf<T extends string>(what: string, allowed: readonly T[]): T {
    const found = allowed.find((text) => text === this.#node.value);
    if (found !== undefined) return found;
    throw this.fault(`${what} is not one of ${allowed.map(quoted).join(", ")}`);
  }

  /** True or false. @throws UsageError `POLICY_INVALID` */
  flag(what: string): boolean {
    if (this.#node.type === "boolean") return this.#node.value === true;
    throw this.fault(`${what} is neither true nor false`);
  }

  /** A whole number of at least `least`. @throws UsageError `POLICY_INVALID` */
  count(what: string, least: number): number {
    const value: unknown = this.#node.value;
    if (this.#node.type === "number" && Number.isSafeInteger(value) && Number(value) >= least) return Number(value);
    throw this.fault(`${what} is not a whole number of at least ${least}`);
  }

  /** The error about this value, with its place. */
  fault(reason: string, cause?: unknown): UsageError {
    return this.#document.fault(this.#node.offset, reason, cause);
  }

  #member(property: SyntaxNode): PolicyMember {
    const [name, value] = property.children ?? [];
    if (name === undefined || value === undefined) throw this.fault("a member has no value");
    const place = new PolicyValue(this.#document, name);
    return { name: String(name.value), place, value: new PolicyValue(this.#document, value) };
  }
}

/** A member of an object, whose name has a place. */
export interface PolicyMember {
  readonly name: string;
  /** where the name stands */
  readonly place: PolicyValue;
  readonly value: PolicyValue;
}

/** A whole text, where it is from, and how to refuse it. */
export class PolicyText {
  readonly #source: string;
  readonly #text: string;
  readonly #invalid: FaultMaker;

  /** @throws what `invalid` makes, for a text that is too long */
  constructor(source: string, text: string, invalid: FaultMaker) {
    if (text.length > maxCharacters) throw invalid(source, `it has more than ${maxCharacters} characters`);
    this.#source = source;
    this.#text = text;
    this.#invalid = invalid;
  }

  /** The error about what stands `offset` characters from the beginning. */
  fault(offset: number, reason: string, cause?: unknown): UsageError {
    const before = this.#text.slice(0, offset).split("\n");
    const place = `${this.#source}:${before.length}:${(before.at(-1)?.length ?? 0) + 1}`;
    return this.#invalid(place, reason, cause);
  }

  /** The error about the text as a whole. */
  faultOfAll(reason: string, cause?: unknown): UsageError {
    return this.#invalid(this.#source, reason, cause);
  }
}

/** The error for a policy that cannot be used: while it stands, everything is refused. */
export function invalidPolicy(place: string, reason: string, cause?: unknown): UsageError {
  return new UsageError("POLICY_INVALID", `cannot use the policy ${place}: ${reason}`, {
    cause,
    hint: "Nothing is trusted until it is corrected. `tagseal policy show` checks it without using it.",
  });
}

/**
 * Reads the text of a policy.
 *
 * @param source where it is from, for messages
 * @param invalid makes the errors, for policies of other tools
 * @throws UsageError `POLICY_INVALID`, or what `invalid` makes, with line and column
 */
export function readPolicyText(source: string, text: string, invalid: FaultMaker = invalidPolicy): PolicyValue {
  const document = new PolicyText(source, text, invalid);
  const errors: ParseError[] = [];
  const root = parsed(document, text, errors);
  const [error] = errors;
  if (error !== undefined) throw document.fault(error.offset, syntaxFault(error.error));
  if (root === undefined) throw document.fault(0, "it is empty");
  return new PolicyValue(document, root);
}

/** The parser calls itself for each level of nesting, and has no bound for them. */
function parsed(document: PolicyText, text: string, errors: ParseError[]): SyntaxNode | undefined {
  try {
    return parseTree(text, errors, { allowTrailingComma: true });
  } catch (cause) {
    if (cause instanceof RangeError) throw document.faultOfAll("it is nested too deeply", cause);
    throw cause;
  }
}

/** `PropertyNameExpected` as `property name expected`. */
function syntaxFault(code: ParseErrorCode): string {
  const words = printParseErrorCode(code).replaceAll(/(?<=[a-z])(?=[A-Z])/gu, " ");
  return words.toLowerCase();
}

/** A name or text of the policy in messages. */
export function quoted(text: string): string {
  return JSON.stringify(text);
}

/** The members of an object by name. @throws UsageError `POLICY_INVALID` */
export function membersByName(value: PolicyValue, what: string): ReadonlyMap<string, PolicyValue> {
  return new Map(value.members(what).map(({ name, value: inner }) => [name, inner]));
}

/** The members of an object by name, all of which must be known. @throws UsageError `POLICY_INVALID` */
export function knownMembers<T extends string>(
  value: PolicyValue,
  what: string,
  known: readonly T[],
): ReadonlyMap<T, PolicyValue> {
  const found = new Map<T, PolicyValue>();
  for (const { name, place, value: inner } of value.members(what)) {
    const member = known.find((candidate) => candidate === name);
    if (member === undefined)
      throw place.fault(`${what} has the unknown member ${quoted(name)}; known are ${known.join(", ")}`);
    found.set(member, inner);
  }
  return found;
}
