/** The command line of an engine, as messages about what content trust does not cover show it. */
import type { EngineInvocation, ProgramKind } from "../../engine/command-line/invocation.ts";
import type { UncoveredLine } from "../../engine/command-line/without-trust.ts";
import type { Io } from "../io.ts";
import { systemPolicyOf } from "../open/policy-files.ts";

/** The command starts the same engine when it is pasted. */
export function uncoveredLine({ commandPath }: EngineInvocation, kind: ProgramKind, io: Io): UncoveredLine {
  const program = kind === "docker" ? io.program.shownAs : kind;
  return { command: [program, ...commandPath].join(" "), keptOnBy: systemPolicyOf(io) };
}
