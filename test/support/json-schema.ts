/** The part of JSON Schema that Tagseal's documents use; an unknown keyword is an error, so that none is silently ignored. */

/** A schema, or anything else in a document. */
export interface JsonNode {
  readonly [name: string]: unknown;
}

const annotations: ReadonlySet<string> = new Set(["description", "format", "contentMediaType"]);

/** Follows `#/…` references inside a document. */
export function resolved(document: JsonNode, node: unknown): JsonNode {
  const reference = (node as JsonNode)["$ref"];
  if (typeof reference !== "string") return node as JsonNode;
  const [root, ...steps] = reference.split("/");
  if (root !== "#") throw new Error(`${reference} points out of the document`);
  const found = steps.reduce<unknown>((at, step) => (at as JsonNode | undefined)?.[step], document);
  if (found === undefined) throw new Error(`${reference} points nowhere`);
  return resolved(document, found);
}

/** What is wrong with a value, a line for each fault; nothing when it fits. */
export function schemaFaults(document: JsonNode, schema: unknown, value: unknown, at = "$"): string[] {
  return Object.entries(resolved(document, schema)).flatMap(([keyword, wanted]) => {
    if (annotations.has(keyword)) return [];
    const check = checks.get(keyword);
    if (check === undefined) throw new Error(`${at}: the keyword ${keyword} is not known here`);
    const outcome = check(wanted, value, { document, schema: resolved(document, schema), at });
    return outcome === true
      ? []
      : outcome === false
        ? [`${at} is ${JSON.stringify(value)}: ${keyword} ${JSON.stringify(wanted)}`]
        : outcome;
  });
}

interface Place {
  readonly document: JsonNode;
  readonly schema: JsonNode;
  readonly at: string;
}

type Check = (wanted: unknown, value: unknown, place: Place) => boolean | string[];

const checks: ReadonlyMap<string, Check> = new Map<string, Check>([
  ["type", (wanted, value) => isOfType(String(wanted), value)],
  ["const", (wanted, value) => wanted === value],
  ["enum", (wanted, value) => (wanted as readonly unknown[]).includes(value)],
  ["pattern", (wanted, value) => typeof value !== "string" || new RegExp(String(wanted), "u").test(value)],
  ["maxLength", (wanted, value) => typeof value !== "string" || value.length <= Number(wanted)],
  ["minimum", (wanted, value) => typeof value !== "number" || value >= Number(wanted)],
  ["minItems", (wanted, value) => !Array.isArray(value) || value.length >= Number(wanted)],
  ["maxItems", (wanted, value) => !Array.isArray(value) || value.length <= Number(wanted)],
  ["required", (wanted, value) => !isObject(value) || (wanted as readonly string[]).every((name) => name in value)],
  [
    "items",
    (wanted, value, { document, at }) =>
      Array.isArray(value)
        ? value.flatMap((item, index) => schemaFaults(document, wanted, item, `${at}[${index}]`))
        : true,
  ],
  [
    "properties",
    (wanted, value, { document, at }) =>
      Object.entries(wanted as JsonNode).flatMap(([name, schema]) =>
        isObject(value) && name in value ? schemaFaults(document, schema, value[name], `${at}.${name}`) : [],
      ),
  ],
  [
    "additionalProperties",
    (_wanted, value, { schema }) =>
      !isObject(value) ||
      Object.keys(value).every((name) => name in ((schema["properties"] as JsonNode | undefined) ?? {})),
  ],
]);

function isObject(value: unknown): value is JsonNode {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isOfType(type: string, value: unknown): boolean {
  if (type === "integer") return Number.isInteger(value);
  if (type === "array") return Array.isArray(value);
  if (type === "object") return isObject(value);
  if (type === "null") return value === null;
  return typeof value === type;
}
