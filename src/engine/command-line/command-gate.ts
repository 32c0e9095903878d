/** Decides which unchecked commands of an engine pass under content trust. */
import { UsageError } from "../../errors.ts";
import { isHarmful, type Refusal } from "./command-table.ts";
import type { EngineInvocation } from "./invocation.ts";
import { type UncoveredLine, withoutTrust } from "./without-trust.ts";

const unknown: Refusal = { because: "it is in no list of commands that are known to be harmless" };

/**
 * Lets a command pass that cannot fetch or build an image, nor start one that is not here already.
 *
 * @param line the same command, for messages
 * @throws UsageError `COMMAND_NOT_COVERED` for every other command
 */
export function refuseUncovered(invocation: EngineInvocation, line: UncoveredLine): void {
  const refusal = refusalOf(invocation);
  if (refusal === undefined) return;
  throw new UsageError("COMMAND_NOT_COVERED", `content trust does not cover "${line.command}": ${refusal.because}`, {
    hint: withoutTrust(leadOf(refusal), line),
  });
}

function leadOf({ instead, first }: Refusal): string | undefined {
  if (first !== undefined) return `${first}, then`;
  return instead === undefined ? undefined : `${instead}, or`;
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
