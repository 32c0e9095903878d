/** `docker create` under content trust. */
import { startContainer } from "../../front-end/container-start.ts";
import type { EngineCommand } from "../../front-end/engine-command.ts";
import { reporting } from "../../front-end/reporting.ts";

/** `create` with trust on. */
export const command: EngineCommand = (invocation, context) =>
  reporting(context, () => startContainer(invocation, context));
