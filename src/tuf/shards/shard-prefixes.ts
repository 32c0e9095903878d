/** Which shards a list of names is best split into. */

/** A set of names that begin with the same text. */
interface Group {
  readonly prefix: string;
  readonly names: readonly string[];
}

/** As many as make index, snapshot and shard together smallest for a reader of one name; about 128 for 50,000 names. */
export function usualShardCount(names: number): number {
  return Math.min(512, Math.max(1, Math.round(Math.sqrt(names / 3))));
}

/**
 * Chooses prefixes by which names fall into at most `count` shards of much the same size: from the largest, those are taken again and again that
 * share one character more. The empty prefix comes last and takes what no other does.
 */
export function automaticPrefixes(names: Iterable<string>, count: number): string[] {
  const groups: Group[] = [{ prefix: "", names: [...names] }];
  while (groups.length < count) {
    groups.sort((a, b) => b.names.length - a.names.length);
    const [largest] = groups;
    const part = largest === undefined ? undefined : largestPart(largest);
    if (largest === undefined || part === undefined) break;
    groups[0] = { prefix: largest.prefix, names: largest.names.filter((name) => !name.startsWith(part.prefix)) };
    groups.push(part);
  }
  const prefixes = groups.map(({ prefix }) => prefix).filter((prefix) => prefix !== "");
  return [...prefixes.sort(), ""];
}

/** Of the names that differ in their next character, the most that share it; undefined when there is only one name. */
function largestPart({ names }: Group): Group | undefined {
  if (names.length < 2) return undefined;
  const length = commonBeginning(names).length + 1;
  const parts = Map.groupBy(
    names.filter((name) => name.length >= length),
    (name) => name.slice(0, length),
  );
  const [largest] = [...parts].sort(([, a], [, b]) => b.length - a.length);
  return largest === undefined ? undefined : { prefix: largest[0], names: largest[1] };
}

function commonBeginning(names: readonly string[]): string {
  let [common = ""] = names;
  for (const name of names) {
    let length = 0;
    while (length < common.length && common[length] === name[length]) length++;
    common = common.slice(0, length);
  }
  return common;
}
