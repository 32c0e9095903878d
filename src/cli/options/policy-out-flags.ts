import { jsonOption } from "./output-flags.ts";

/** The flags of commands that write a policy: ours, or one for another program. */
export const policyOutOptions = {
  force: { kind: "switch", short: "f", help: "Replace the file if it is there" },
  json: jsonOption,
  out: {
    kind: "text",
    short: "o",
    value: "file",
    complete: "file",
    help: "Write to this new file instead of standard output",
  },
} as const;

/** The values of these flags. */
export interface PolicyOut {
  readonly force: boolean;
  readonly json: boolean;
  readonly out: string | undefined;
}
