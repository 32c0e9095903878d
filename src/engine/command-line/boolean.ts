/** The words of Go's strconv.ParseBool, which docker's flags and variables use. */
const booleans: ReadonlyMap<string, boolean> = new Map(
  ["1", "t", "T", "TRUE", "true", "True"]
    .map((word): [string, boolean] => [word, true])
    .concat(["0", "f", "F", "FALSE", "false", "False"].map((word): [string, boolean] => [word, false])),
);

/** Reads a boolean as docker does; undefined for anything else. */
export function parseBoolean(text: string): boolean | undefined {
  return booleans.get(text);
}
