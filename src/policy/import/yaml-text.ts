/** YAML of other tools as values that know where they stand. Only what JSON can say is understood, and aliases of it. */
import { isAlias, isMap, isScalar, isSeq, type Document, type Node, parseDocument } from "yaml";
import type { UsageError } from "../../errors.ts";
import { type FaultMaker, PolicyText, PolicyValue, type SyntaxNode } from "../policy-document.ts";

/** Far above any honest file; aliases count as often as they are used. */
const maxValues = 50_000;
const maxDepth = 50;

/**
 * Reads one YAML document. A member without a value is left out.
 *
 * @param source where it is from, for messages
 * @throws what `invalid` makes, with line and column
 */
export function readYamlText(source: string, text: string, invalid: FaultMaker): PolicyValue {
  const whole = new PolicyText(source, text, invalid);
  const document = parsed(whole, text);
  const [error] = document.errors;
  if (error !== undefined) throw whole.fault(error.pos[0], error.message);
  if (document.contents === null) throw whole.fault(0, "it is empty");
  const root = new YamlReader(document, whole).nodeOf(document.contents, 0);
  return new PolicyValue(whole, root);
}

/** The parser calls itself for each level of nesting. */
function parsed(whole: PolicyText, text: string): Document.Parsed {
  try {
    return parseDocument(text, { prettyErrors: false, uniqueKeys: true, logLevel: "error" });
  } catch (cause) {
    if (cause instanceof RangeError) throw whole.faultOfAll("it is nested too deeply", cause);
    throw cause;
  }
}

class YamlReader {
  readonly #document: Document;
  readonly #whole: PolicyText;
  #read = 0;

  constructor(document: Document, whole: PolicyText) {
    this.#document = document;
    this.#whole = whole;
  }

  nodeOf(node: unknown, depth: number, alias?: number): SyntaxNode {
    this.#read += 1;
    const offset = alias ?? offsetOf(node);
    if (this.#read > maxValues) throw this.#whole.fault(offset, `it has more than ${maxValues} values`);
    if (depth > maxDepth) throw this.#whole.fault(offset, `it is nested more than ${maxDepth} levels deep`);
    if (isAlias(node)) return this.nodeOf(node.resolve(this.#document), depth + 1, offset);
    if (isScalar(node)) return scalarNode(node.value, offset);
    if (isSeq(node))
      return { type: "array", offset, children: node.items.map((item) => this.nodeOf(item, depth + 1, alias)) };
    if (isMap(node)) return { type: "object", offset, children: this.#members(node.items, depth, alias) };
    throw this.#fault(offset);
  }

  #members(
    items: readonly { readonly key: unknown; readonly value: unknown }[],
    depth: number,
    alias: number | undefined,
  ): readonly SyntaxNode[] {
    return items.flatMap(({ key, value }) => {
      const offset = offsetOf(key);
      if (!isScalar(key) || typeof key.value !== "string" || key.value === "<<") throw this.#fault(offset);
      if (value === null || (isScalar(value) && value.value === null)) return [];
      const name = { type: "string", offset, value: key.value };
      return [{ type: "property", offset, children: [name, this.nodeOf(value, depth + 1, alias)] }];
    });
  }

  #fault(offset: number): UsageError {
    return this.#whole.fault(offset, "this is not understood: write plain names, lists, texts and numbers");
  }
}

function offsetOf(node: unknown): number {
  return (node as Node | null | undefined)?.range?.[0] ?? 0;
}

function scalarNode(value: unknown, offset: number): SyntaxNode {
  return { type: value === null ? "null" : typeof value, offset, value };
}
