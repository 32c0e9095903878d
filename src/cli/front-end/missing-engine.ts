/** No container engine here: what that means depends on what was asked for. */
import { hasCode, reworded } from "../../errors.ts";
import { programName } from "../help/usage-error.ts";

/**
 * The error of a search that found nothing, as the person at the keyboard understands it.
 *
 * @param meant a command of Tagseal's that is nearly the word
 */
export function withoutEngine(error: unknown, word: string | undefined, meant?: string): unknown {
  if (word === undefined || !hasCode(error, "ENGINE_NOT_FOUND")) return error;
  return reworded(error, {
    message: `cannot run "${word}": ${error.message}`,
    hint: `${ownWay(word, meant)} ${error.hint ?? ""}`.trim(),
  });
}

/** What Tagseal can do about it without an engine. */
function ownWay(word: string, meant: string | undefined): string {
  if (meant !== undefined) return `Did you mean '${programName} ${meant}'?`;
  if (word === "push")
    return "Without an engine, name the image's files: --from oci:DIR or --from docker-archive:FILE.";
  if (word === "pull") return "Without an engine, name files to write: --to oci:DIR or --to docker-archive:FILE.";
  return `Only an engine runs this command; '${programName} --help' lists those of ${programName}.`;
}
