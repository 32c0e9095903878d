import { UsageError } from "../../errors.ts";

/** A build that was not started because something in it cannot be put under content trust. */
export class DockerfileRefused extends UsageError {
  constructor(message: string, hint?: string) {
    super("DOCKERFILE_REFUSED", message, hint === undefined ? {} : { hint });
  }
}
