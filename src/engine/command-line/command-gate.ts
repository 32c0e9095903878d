/** Decides which unchecked commands of an engine pass under content trust. */
import { UsageError } from "../../errors.ts";
import { isHarmful, type Refusal } from "./command-table.ts";
import type { EngineInvocation } from "./invocation.ts";

const unknown: Refusal = { because: "it is in no list of commands that are known to be harmless" };

/**
 * Lets a command pass that cannot fetch or build an image, nor start one that is not here already.
 *
 * @param shownAs the name of the program in front of the engine: `docker`
 * @throws UsageError `COMMAND_NOT_COVERED` for every other command
 */
export function refuseUncovered(invocation: EngineInvocation, shownAs: string): void {
  const refusal = refusalOf(invocation);
  if (refusal === undefined) return;
  const name = [shownAs, ...invocation.commandPath].join(" ");
  throw new UsageError("COMMAND_NOT_COVERED", `content trust does not cover "${name}": ${refusal.because}`, {
    hint: hintOf(refusal, `without content trust: DOCKER_CONTENT_TRUST=0 ${name}`),
  });
}

function hintOf({ instead, first }: Refusal, otherwise: string): string {
  if (first !== undefined) return `${first}, then run it ${otherwise}`;
  return instead === undefined ? `Run it ${otherwise}` : `${instead}, or run it ${otherwise}`;
}

function refusalOf({ standing, args, help, word }: EngineInvocation): Refusal | undefined {
  if (word !== undefined) return undefined;
  if (standing === undefined) return unknown;
  // The line that the engine gets then only asks for help.
  if (help) return undefined;
  if (standing.kind === "refused") return standing.refusal;
  if (standing.kind === "harmless" && standing.unless !== undefined && isHarmful(standing.unless, args))
    return standing.unless;
  return undefined;
}
