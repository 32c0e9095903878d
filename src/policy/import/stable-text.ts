/** A value as one line of JSON, spaced as people write it. Text of other people's files cannot end the line or hide in it. */
export function stableText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(stableText).join(", ")}]`;
  if (typeof value === "object" && value !== null) return objectText(Object.entries(value));
  return oneLine(JSON.stringify(value));
}

function objectText(members: readonly (readonly [string, unknown])[]): string {
  const present = members.filter(([, value]) => value !== undefined);
  if (present.length === 0) return "{}";
  return `{ ${present.map(([name, value]) => `${stableText(name)}: ${stableText(value)}`).join(", ")} }`;
}

/** Text without line breaks, control characters and marks that reverse it, which are written as JSON escapes. */
export function oneLine(text: string): string {
  return text.replaceAll(
    /[\p{Cc}\p{Zl}\p{Zp}]|\p{Bidi_C}/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
