import { reworded, TagsealError, UsageError } from "../../errors.ts";

/** A project that compose was not given because something in it cannot be put under content trust. */
export class ComposeRefused extends UsageError {
  constructor(message: string, hint?: string) {
    super("COMPOSE_REFUSED", message, hint === undefined ? {} : { hint });
  }
}

/** The same error with the name of a service or an image before it. Cancellation and defects of the program stay unchanged. */
export function withName(name: string, error: unknown): unknown {
  if (!(error instanceof TagsealError) || error.code === "CANCELLED") return error;
  return reworded(error, { message: `${name}: ${error.message}` });
}
