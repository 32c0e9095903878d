import { UsageError } from "../../../errors.ts";

/** A line of a Dockerfile that content trust cannot verify. A caller that knows the file's name adds it to the message. */
export class LineRefused extends UsageError {
  readonly line: number;
  /** the engine will not read the file either */
  readonly refusedByEngine: boolean;

  constructor(
    line: number,
    message: string,
    details: { readonly hint?: string; readonly refusedByEngine?: boolean } = {},
  ) {
    super("DOCKERFILE_REFUSED", message, details.hint === undefined ? {} : { hint: details.hint });
    this.line = line;
    this.refusedByEngine = details.refusedByEngine === true;
  }

  /** The same refusal of a file that the engine will not read either. */
  byEngineToo(): LineRefused {
    const { line, message, hint } = this;
    return new LineRefused(line, message, { refusedByEngine: true, ...(hint === undefined ? {} : { hint }) });
  }
}
