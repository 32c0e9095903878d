/**
 * Collects a whole stream of at most `maxBytes`.
 *
 * @throws what `tooLarge` makes, as soon as one byte more arrives
 */
export async function gather(
  chunks: AsyncIterable<Uint8Array> | readonly Uint8Array[],
  maxBytes: number,
  tooLarge: () => Error,
): Promise<Uint8Array> {
  const gathered: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    length += chunk.length;
    if (length > maxBytes) throw tooLarge();
    gathered.push(chunk);
  }
  return gathered.length === 1 && gathered[0] !== undefined ? gathered[0] : Buffer.concat(gathered, length);
}
