/** "Did you mean …": the known word nearest to a mistyped one. */

/** Words that differ in more letters are not similar. */
const maxDistance = 2;

/**
 * The known word nearest to `word`.
 *
 * @returns undefined when none is near: at most two letters changed, added, left out or swapped, and fewer than half of the word's
 */
export function nearestWord(word: string, known: Iterable<string>): string | undefined {
  const limit = Math.min(maxDistance, Math.ceil(word.length / 2) - 1);
  let best: { readonly word: string; readonly distance: number } | undefined;
  for (const candidate of known) {
    const distance = editDistance(word, candidate);
    if (distance > 0 && distance <= limit && (best === undefined || distance < best.distance))
      best = { word: candidate, distance };
  }
  return best?.word;
}

/** Letters changed, added, left out, or swapped with their neighbour. Words are short, so the plain table will do. */
function editDistance(one: string, other: string): number {
  const rows: number[][] = [Array.from({ length: other.length + 1 }, (_, column) => column)];
  const at = (row: number, column: number): number => rows[row]?.[column] ?? Infinity;
  for (let row = 1; row <= one.length; row++) {
    const current = [row];
    rows.push(current);
    for (let column = 1; column <= other.length; column++) {
      const isSame = one[row - 1] === other[column - 1];
      const isSwap = row > 1 && one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1];
      current.push(
        Math.min(
          at(row - 1, column) + 1,
          at(row, column - 1) + 1,
          at(row - 1, column - 1) + (isSame ? 0 : 1),
          isSwap ? at(row - 2, column - 2) + 1 : Infinity,
        ),
      );
    }
  }
  return at(one.length, other.length);
}
