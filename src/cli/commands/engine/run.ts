/** `docker run` under content trust. */
import { startContainer } from "./container.ts";
import type { EngineCommand } from "./engine-command.ts";
import { reportingRun } from "./reporting.ts";

/** `run` with trust on. */
export const command: EngineCommand = (invocation, context) =>
  reportingRun(context, () => startContainer(invocation, context));
