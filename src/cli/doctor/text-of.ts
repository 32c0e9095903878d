import { readLinkedFile } from "../../files/read-private-file.ts";

/** The text of a file that doctor looks through; empty for one that is not there, is too large, is no file, or may not be read. */
export function textOf(path: string, maxBytes: number): string {
  try {
    const found = readLinkedFile(path, maxBytes);
    return found.kind === "file" ? found.bytes.toString("utf8") : "";
  } catch {
    return ""; // most of these files are not there, and one that may not be read is not ours to judge
  }
}
