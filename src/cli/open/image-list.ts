/** The images that a command line names: as arguments, in a file, or both. */
import { EncodingError, UsageError } from "../../errors.ts";
import type { Io } from "../io.ts";
import { readGivenFile } from "./backup-file.ts";

/** Hundreds of thousands of names. */
const maxBytes = 32 * 1024 * 1024;

/**
 * The names of images, those of the file after the arguments.
 *
 * @param from a file with one name in each line, `-` for standard input; empty lines and those that begin with `#` are skipped
 * @throws UsageError `FILE_UNREADABLE`, `USAGE` for a file without names; EncodingError `TOO_LARGE`
 */
export async function namedImages(args: readonly string[], from: string, io: Io): Promise<readonly string[]> {
  const lines = (await textOf(from, io)).split("\n").map((line) => line.trim());
  const names = [...args, ...lines.filter((line) => line !== "" && !line.startsWith("#"))];
  if (names.length > 0) return names;
  throw new UsageError("USAGE", `${from === "-" ? "standard input" : from} does not name an image`, {
    hint: "Write one image in each line.",
  });
}

async function textOf(from: string, io: Io): Promise<string> {
  if (from !== "-") return (await readGivenFile(from, maxBytes)).toString("utf8");
  const text = await io.prompter.readAll(maxBytes);
  if (text !== undefined) return text;
  throw new EncodingError("TOO_LARGE", `standard input has more than ${maxBytes} bytes`);
}
