import { compareUtf8 } from "./json-value.ts";

/**
 * An object as it stands in received text, in file form: what its members are called and where each begins. Some of them can be
 * replaced without writing the others again, which is most of the work of signing one more entry in a file of many thousands.
 */
export class WrittenMembers {
  readonly #text: string;
  /** in the text's order, which is that of their UTF-8 bytes */
  readonly #names: readonly string[];
  /** where each member begins, and at last where one more would: every member is followed by one character, a comma or the end */
  readonly #starts: readonly number[];

  constructor(text: string, names: readonly string[], starts: readonly number[]) {
    this.#text = text;
    this.#names = names;
    this.#starts = starts;
  }

  get size(): number {
    return this.#names.length;
  }

  /** In the order of their UTF-8 bytes. */
  get names(): readonly string[] {
    return this.#names;
  }

  /**
   * The text of one member's value; undefined when there is none of this name.
   *
   * @param nameText writes a name in file form
   */
  valueText(name: string, nameText: (name: string) => string): string | undefined {
    const index = this.#indexOf(name);
    // in file form a colon and nothing else stands between a name and its value
    return this.#names[index] === name ? this.#unchanged(index, index + 1).slice(nameText(name).length + 1) : undefined;
  }

  /**
   * The object's text with some members changed.
   *
   * @param changes by name: the new value's text, in file form, or undefined to leave the member out
   * @param nameText writes a name in file form
   */
  textWith(changes: ReadonlyMap<string, string | undefined>, nameText: (name: string) => string): string {
    const pieces: string[] = [];
    let next = 0;
    for (const [name, value] of [...changes].sort(([a], [b]) => compareUtf8(a, b))) {
      const index = this.#indexOf(name);
      if (index > next) pieces.push(this.#unchanged(next, index));
      if (value !== undefined) pieces.push(`${nameText(name)}:${value}`);
      next = this.#names[index] === name ? index + 1 : index;
    }
    if (next < this.#names.length) pieces.push(this.#unchanged(next, this.#names.length));
    return `{${pieces.join(",")}}`;
  }

  /** The names of members that only one of two objects has, or whose values have different texts, in the order of their UTF-8 bytes. */
  differences(other: WrittenMembers): string[] {
    const [mine, others] = [this.#names, other.#names];
    const found: string[] = [];
    let [here, there] = [0, 0];
    while (here < mine.length || there < others.length) {
      const [name, otherName] = [mine[here], others[there]];
      const isSame = name !== undefined && name === otherName;
      const isMine = name !== undefined && (isSame || otherName === undefined || compareUtf8(name, otherName) < 0);
      if (!isSame) found.push((isMine ? name : otherName) ?? "");
      else if (this.#unchanged(here, here + 1) !== other.#unchanged(there, there + 1)) found.push(name);
      if (isMine) here += 1;
      if (isSame || !isMine) there += 1;
    }
    return found;
  }

  #unchanged(from: number, to: number): string {
    return this.#text.slice(this.#starts[from], (this.#starts[to] ?? 0) - 1);
  }

  /** Where `name` stands, or would stand. */
  #indexOf(name: string): number {
    let low = 0;
    let high = this.#names.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareUtf8(this.#names[middle] ?? "", name) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
