/** `docker create` under content trust. */
import { startContainer } from "./container.ts";
import type { EngineCommand } from "./engine-command.ts";
import { reporting } from "./reporting.ts";

/** `create` with trust on. */
export const command: EngineCommand = (invocation, context) =>
  reporting(context, () => startContainer(invocation, context));
