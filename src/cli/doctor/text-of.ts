import { readLinkedFile } from "../../files/read-private-file.ts";

/** The text of a file for doctor; empty if it does not exist, is too large, is not a file, or may not be read. */
export function textOf(path: string, maxBytes: number): string {
  try {
    const found = readLinkedFile(path, maxBytes);
    return found.kind === "file" ? found.bytes.toString("utf8") : "";
  } catch {
    return ""; // most of these files do not exist, and one that may not be read cannot be checked
  }
}
