/** The errors for a missing container engine, which depend on the command. */
import { hasCode, reworded } from "../../errors.ts";
import { programName } from "../help/usage-error.ts";

/**
 * The error for a missing engine, in terms of the typed command.
 *
 * @param meant a command of Tagseal's that is similar to the word
 */
export function withoutEngine(error: unknown, word: string | undefined, meant?: string): unknown {
  if (word === undefined || !hasCode(error, "ENGINE_NOT_FOUND")) return error;
  return reworded(error, {
    message: `cannot run "${word}": ${error.message}`,
    hint: `${ownWay(word, meant)} ${error.hint ?? ""}`.trim(),
  });
}

/** What Tagseal can do without an engine. */
function ownWay(word: string, meant: string | undefined): string {
  if (meant !== undefined) return `Did you mean '${programName} ${meant}'?`;
  if (word === "push")
    return "Without an engine, name the image's files: --from oci:DIR or --from docker-archive:FILE.";
  if (word === "pull") return "Without an engine, name files to write: --to oci:DIR or --to docker-archive:FILE.";
  return `Only an engine runs this command; '${programName} --help' lists those of ${programName}.`;
}
