/** The target names that a role may sign: literal prefixes, `""` for every name, none for no name. */

/** A set of prefixes with fast lookups, however many a hostile file lists. */
export class PathPrefixes {
  /** every name */
  static readonly all: PathPrefixes = new PathPrefixes([""]);
  /** in order, none the beginning of another */
  readonly #prefixes: readonly string[];

  constructor(prefixes: readonly string[]) {
    this.#prefixes = withoutCovered(prefixes.toSorted(compare));
  }

  /** True when one of the prefixes is the beginning of `name`. */
  covers(name: string): boolean {
    const nearest = this.#lastNotAfter(name);
    return nearest !== undefined && name.startsWith(nearest);
  }

  /** The child's paths that count: those beginning with one of these. Notary v1: names and paths (inheritance). */
  restrict(childPaths: readonly string[]): PathPrefixes {
    return new PathPrefixes(childPaths.filter((path) => this.covers(path)));
  }

  /** Anything between a prefix of `name` and `name` itself begins with that prefix too, so only the nearest one can match. */
  #lastNotAfter(name: string): string | undefined {
    let low = 0;
    let high = this.#prefixes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#prefixes[middle] ?? "") <= name) low = middle + 1;
      else high = middle;
    }
    return this.#prefixes[low - 1];
  }
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function withoutCovered(sorted: readonly string[]): string[] {
  const kept: string[] = [];
  for (const prefix of sorted) {
    const last = kept.at(-1);
    if (last === undefined || !prefix.startsWith(last)) kept.push(prefix);
  }
  return kept;
}
