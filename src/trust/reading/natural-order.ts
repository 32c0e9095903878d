/**
 * Compares names in natural order: runs of digits by value, everything else by UTF-16 unit, so that `v2` comes before `v10`.
 *
 * @returns negative, zero or positive, as for `Array.sort`
 */
export function compareNatural(a: string, b: string): number {
  let [left, right] = [0, 0];
  while (left < a.length && right < b.length) {
    const [leftEnd, rightEnd] = [pieceEnd(a, left), pieceEnd(b, right)];
    const order = comparePieces(a.slice(left, leftEnd), b.slice(right, rightEnd));
    if (order !== 0) return order;
    [left, right] = [leftEnd, rightEnd];
  }
  if (left < a.length) return 1;
  // Equal except for leading zeros: any fixed order is fine.
  return right < b.length ? -1 : compareText(a, b);
}

/** The end of the run of digits, or of everything else, that begins at `start`. Lists sort by this: it makes no other object. */
function pieceEnd(name: string, start: number): number {
  const isNumber = isDigitAt(name, start);
  let end = start + 1;
  while (end < name.length && isDigitAt(name, end) === isNumber) end += 1;
  return end;
}

function comparePieces(a: string, b: string): number {
  if (!isDigitAt(a, 0) || !isDigitAt(b, 0)) return compareText(a, b);
  const [left, right] = [a.replace(/^0+/, ""), b.replace(/^0+/, "")];
  // Without leading zeros a longer number is a larger one, however large both are.
  return left.length - right.length || compareText(left, right);
}

function isDigitAt(name: string, index: number): boolean {
  const unit = name.charCodeAt(index);
  return unit >= 48 && unit <= 57;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
