/**
 * Compares names in natural order: runs of digits by value, everything else by UTF-16 unit, so that `v2` comes before `v10`.
 *
 * @returns negative, zero or positive, as for `Array.sort`
 */
export function compareNatural(a: string, b: string): number {
  const [left, right] = [piecesOf(a), piecesOf(b)];
  for (const [index, piece] of left.entries()) {
    const other = right[index];
    if (other === undefined) return 1;
    const order = comparePieces(piece, other);
    if (order !== 0) return order;
  }
  // Equal except for leading zeros: any fixed order is fine.
  return left.length - right.length || compareText(a, b);
}

function piecesOf(name: string): string[] {
  return name.match(/[0-9]+|[^0-9]+/g) ?? [];
}

function comparePieces(a: string, b: string): number {
  if (!isDigits(a) || !isDigits(b)) return compareText(a, b);
  const [left, right] = [a.replace(/^0+/, ""), b.replace(/^0+/, "")];
  // Without leading zeros a longer number is a larger one, however large both are.
  return left.length - right.length || compareText(left, right);
}

function isDigits(piece: string): boolean {
  return /^[0-9]/.test(piece);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
