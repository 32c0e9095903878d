/** How many signers there are behind some names: the holder of one key can sign under each name that has it. */

/**
 * Counts names; those that have a key in common, directly or through others, count once.
 *
 * @param keys of each name; a name without an entry has keys that no other has
 */
export function countSigners(names: readonly string[], keys: ReadonlyMap<string, readonly string[]>): number {
  let groups: readonly ReadonlySet<string>[] = [];
  for (const name of new Set(names)) {
    const own = keys.get(name) ?? [];
    const touched = groups.filter((group) => own.some((key) => group.has(key)));
    const joined = new Set([...own, ...touched.flatMap((group) => [...group])]);
    groups = [...groups.filter((group) => !touched.includes(group)), joined];
  }
  return groups.length;
}
