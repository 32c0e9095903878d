import { NetworkError } from "../errors.ts";

/** One authentication challenge: the scheme in lower case, and its parameters (names in lower case). */
export interface Challenge {
  readonly scheme: string;
  readonly parameters: ReadonlyMap<string, string>;
}

/** Far more than any honest challenge; a longer one is refused before it is parsed. */
const maxHeaderLength = 16 * 1024;

const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const schemePattern = new RegExp(`[\\s,]*(${token})(?=\\s|,|$)`, "y");
const parameterPattern = new RegExp(`[\\s,]*(${token})[ \\t]*=[ \\t]*(?:"((?:[^"\\\\]|\\\\.)*)"|([^\\s,"]*))`, "y");

/**
 * Parses a WWW-Authenticate header, which may have several challenges. Parsing stops at the first unknown syntax; challenges
 * before that count.
 *
 * @throws NetworkError `RESPONSE_MALFORMED` for a header longer than 16 KiB
 * @see RFC 9110 §11.6.1
 */
export function parseChallenges(header: string): Challenge[] {
  if (header.length > maxHeaderLength) {
    throw new NetworkError("RESPONSE_MALFORMED", `an authentication challenge is ${header.length} characters long`);
  }
  const challenges: Challenge[] = [];
  let position = 0;
  for (;;) {
    const scheme = matchAt(schemePattern, header, position);
    if (scheme === undefined) return challenges;
    position = scheme.end;
    const parameters = new Map<string, string>();
    for (let next = parameterAt(header, position); next !== undefined; next = parameterAt(header, position)) {
      parameters.set(next.name, next.value);
      position = next.end;
    }
    challenges.push({ scheme: (scheme.groups[1] ?? "").toLowerCase(), parameters });
  }
}

/** The challenges that can be answered, Bearer first: a token is limited to its purpose and is not a password. */
export function answerable(challenges: readonly Challenge[]): readonly Challenge[] {
  return ["bearer", "basic"].flatMap((wanted) => challenges.filter(({ scheme }) => scheme === wanted));
}

function parameterAt(header: string, position: number): { name: string; value: string; end: number } | undefined {
  const match = matchAt(parameterPattern, header, position);
  if (match === undefined) return undefined;
  const value = match.groups[2]?.replace(/\\(.)/g, "$1") ?? match.groups[3] ?? "";
  return { name: (match.groups[1] ?? "").toLowerCase(), value, end: match.end };
}

function matchAt(
  pattern: RegExp,
  text: string,
  position: number,
): { groups: readonly (string | undefined)[]; end: number } | undefined {
  pattern.lastIndex = position;
  const groups = pattern.exec(text);
  return groups === null ? undefined : { groups, end: pattern.lastIndex };
}
