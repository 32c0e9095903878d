/** The words that are Tagseal's own commands, with any engine. */
import type { Io } from "../io.ts";
import type { Program } from "../program.ts";
import { programName } from "../help/usage-error.ts";

/** Runs one of Tagseal's own commands. */
export type OwnCommand = (argv: readonly string[], io: Io) => Promise<number>;

/** Tagseal's own commands that docker and podman do not have, or that users mean when they type `tagseal`. */
export const ownWords: ReadonlySet<string> = new Set([
  "trust",
  "completion",
  "doctor",
  "gate",
  "gateway",
  "help",
  "install",
  "list",
  "policy",
  "sandbox",
  "server",
  "sign",
  "signer",
  "uninstall",
  "verify",
  "version",
]);

/** Words that are Tagseal's unless you ask for an engine, which has other files for its logins. */
export const loginWords: ReadonlySet<string> = new Set(["login", "logout"]);

/**
 * The command of Tagseal's that the user may have meant by a mistyped word.
 *
 * @param program the name it was started by: these words are typed only after Tagseal's own name
 */
export async function ownWordNear(word: string | undefined, { name }: Program): Promise<string | undefined> {
  if (word === undefined || name !== programName) return undefined;
  const { nearestWord } = await import("../help/suggestion.ts");
  return nearestWord(word, [...ownWords, ...loginWords]);
}
