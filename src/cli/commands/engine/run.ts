/** `docker run` under content trust. */
import { startContainer } from "../../front-end/container-start.ts";
import type { EngineCommand } from "../../front-end/engine-command.ts";
import { reportingRun } from "../../front-end/reporting.ts";

/** `run` with trust on. */
export const command: EngineCommand = (invocation, context) =>
  reportingRun(context, () => startContainer(invocation, context));
