import type { Target } from "./metadata.ts";

/**
 * Entries, some of them changed. A file can have fifty thousand and an edit touches one: copying them all would cost more than
 * signing them.
 */
export class EditedTargets implements ReadonlyMap<string, Target> {
  /** what was there before */
  readonly base: ReadonlyMap<string, Target>;
  /** entries added or replaced, by name */
  readonly added: ReadonlyMap<string, Target>;
  readonly #added = new Map<string, Target>();
  /** names in `base` that are gone or replaced */
  readonly #hidden = new Set<string>();

  constructor(base: ReadonlyMap<string, Target>) {
    this.base = base;
    this.added = this.#added;
  }

  get size(): number {
    return this.base.size - this.#hidden.size + this.#added.size;
  }

  /** Names in `base` that have no entry any more. */
  get removed(): readonly string[] {
    return [...this.#hidden].filter((name) => !this.#added.has(name));
  }

  set(name: string, target: Target): void {
    if (this.base.has(name)) this.#hidden.add(name);
    this.#added.set(name, target);
  }

  delete(name: string): void {
    if (this.base.has(name)) this.#hidden.add(name);
    this.#added.delete(name);
  }

  has(name: string): boolean {
    return this.#added.has(name) || (!this.#hidden.has(name) && this.base.has(name));
  }

  get(name: string): Target | undefined {
    return this.#added.get(name) ?? (this.#hidden.has(name) ? undefined : this.base.get(name));
  }

  forEach(visit: (target: Target, name: string, map: ReadonlyMap<string, Target>) => void): void {
    for (const [name, target] of this) visit(target, name, this);
  }

  *entries(): MapIterator<[string, Target]> {
    for (const entry of this.base) if (!this.#hidden.has(entry[0])) yield entry;
    yield* this.#added;
  }

  *keys(): MapIterator<string> {
    for (const name of this.base.keys()) if (!this.#hidden.has(name)) yield name;
    yield* this.#added.keys();
  }

  *values(): MapIterator<Target> {
    for (const [, target] of this) yield target;
  }

  [Symbol.iterator](): MapIterator<[string, Target]> {
    return this.entries();
  }
}
