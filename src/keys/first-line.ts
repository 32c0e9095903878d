import { KeyStoreError } from "../errors.ts";

const maxPassphraseBytes = 4096;

/**
 * The first line that a passphrase source prints, without its end.
 *
 * @param extent a user may keep a pipe open after the line; a program that is cut off while it prints more fails
 * @throws KeyStoreError `PASSPHRASE_UNAVAILABLE` for a line of more than 4,096 bytes; what `chunks` throws
 */
export async function firstLine(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  extent: "until newline" | "until end",
): Promise<string> {
  const kept: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    if (length <= maxPassphraseBytes) kept.push(chunk);
    length += chunk.length;
    if (extent === "until newline" && (length > maxPassphraseBytes || chunk.includes(0x0a))) break;
  }
  const [line = ""] = Buffer.concat(kept).toString("utf8").split("\n");
  if (Buffer.byteLength(line) > maxPassphraseBytes)
    throw new KeyStoreError("PASSPHRASE_UNAVAILABLE", `A passphrase is longer than ${maxPassphraseBytes} bytes`);
  return line.replace(/\r$/, "");
}
