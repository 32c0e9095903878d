/** The flags of an engine's command: to find the image among them, it is enough to know which take a value. */

/**
 * `switch`: never takes the next word (`--quiet`, `--quiet=false`). `value`: takes the next word unless `=` follows.
 * `optional`: a value only after `=`; without it stands for `true`.
 */
export type FlagKind = "switch" | "value" | "optional";

/** The flags of one command. */
export interface FlagTable {
  /** by long name, without dashes */
  readonly kinds: ReadonlyMap<string, FlagKind>;
  /** long name by letter */
  readonly letters: ReadonlyMap<string, string>;
}

/** Flags as words separated by white space, `q:quiet` for one that also has a letter. */
export interface FlagWords {
  readonly switches?: string;
  readonly values?: string;
  readonly optional?: string;
}

/** Makes a table from lists of flags; later lists win over earlier ones. */
export function flagTable(...lists: readonly FlagWords[]): FlagTable {
  return whenAsked(() => tableOf(lists));
}

function tableOf(lists: readonly FlagWords[]): FlagTable {
  const kinds = new Map<string, FlagKind>();
  const letters = new Map<string, string>();
  const take = (text: string | undefined, kind: FlagKind): void => {
    for (const word of (text ?? "").split(/\s+/).filter((found) => found !== "")) {
      const [first = "", second] = word.split(":");
      kinds.set(second ?? first, kind);
      if (second !== undefined) letters.set(first, second);
    }
  };
  for (const { switches, values, optional } of lists) {
    take(switches, "switch");
    take(values, "value");
    take(optional, "optional");
  }
  return { kinds, letters };
}

/** Both tables in one; where they differ, `preferred` wins. */
export function joinTables(preferred: FlagTable, other: FlagTable): FlagTable {
  return whenAsked(() => ({
    kinds: new Map([...other.kinds, ...preferred.kinds]),
    letters: new Map([...other.letters, ...preferred.letters]),
  }));
}

/** There are dozens of tables, of which a command needs a few: making all of them took a tenth of a short command's time. */
function whenAsked(make: () => FlagTable): FlagTable {
  let made: FlagTable | undefined;
  const table = (): FlagTable => (made ??= make());
  return {
    get kinds() {
      return table().kinds;
    },
    get letters() {
      return table().letters;
    },
  };
}
