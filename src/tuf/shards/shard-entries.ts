/** The entries of shards, and which shard has a name. */

import type { Target } from "../metadata.ts";

/**
 * The algorithm under which a copy names the sha256 of what it copies. Other clients know none of that name: they take no digest from a copy, and
 * docker takes no shard for a signer of a tag.
 */
export const copiedHash = "copied-sha256";

/** The entry of a shard for an entry of the role that it copies. */
export function copyOf(target: Target): Target {
  return renamed(target, "sha256", copiedHash);
}

/** The entry that was copied. */
export function originalOf(copy: Target): Target {
  return renamed(copy, copiedHash, "sha256");
}

function renamed(target: Target, from: string, to: string): Target {
  const hashes = new Map([...target.hashes].filter(([algorithm]) => algorithm !== to));
  const value = hashes.get(from);
  if (value !== undefined) {
    hashes.delete(from);
    hashes.set(to, value);
  }
  const { length, custom } = target;
  return { hashes, length, ...(custom === undefined ? {} : { custom }) };
}

/** Finds the longest of some prefixes that a name begins with, however many there are. */
export class LongestPrefix {
  readonly #prefixes: ReadonlySet<string>;
  readonly #lengths: readonly number[];

  constructor(prefixes: Iterable<string>) {
    this.#prefixes = new Set(prefixes);
    this.#lengths = [...new Set([...this.#prefixes].map(({ length }) => length))].sort((a, b) => b - a);
  }

  /** Undefined when the name begins with none of them. */
  of(name: string): string | undefined {
    const length = this.#lengths.find((each) => each <= name.length && this.#prefixes.has(name.slice(0, each)));
    return length === undefined ? undefined : name.slice(0, length);
  }
}
