/** The words that are commands of Tagseal's own, whatever engine stands behind it. */
import type { Io } from "../io.ts";
import type { Program } from "../program.ts";
import { programName } from "../help/usage-error.ts";

/** Runs a command of Tagseal's own. */
export type OwnCommand = (argv: readonly string[], io: Io) => Promise<number>;

/** Commands of Tagseal's own that docker and podman do not have, or that people who type `tagseal` mean. */
export const ownWords: ReadonlySet<string> = new Set([
  "trust",
  "completion",
  "doctor",
  "help",
  "install",
  "list",
  "sandbox",
  "server",
  "sign",
  "signer",
  "uninstall",
  "verify",
  "version",
]);

/**
 * The command of Tagseal's own that somebody who typed another word may have meant.
 *
 * @param program what the program was started as: only under its own name are these words typed
 */
export async function ownWordNear(word: string | undefined, { name }: Program): Promise<string | undefined> {
  if (word === undefined || name !== programName) return undefined;
  const { nearestWord } = await import("../help/suggestion.ts");
  return nearestWord(word, ownWords);
}
