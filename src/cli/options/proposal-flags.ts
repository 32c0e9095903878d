/** The flags of commands whose change can be proposed instead of published. */
import type { OptionValues, SwitchOption, TextOption } from "./option.ts";

/** `--propose` and `--out`. */
export const proposeOptions = {
  out: {
    kind: "text",
    value: "file",
    complete: "file",
    help: "With --propose: write the proposal to this file instead of sending it to the trust server",
  } satisfies TextOption,
  propose: {
    kind: "switch",
    help: "Do not publish: propose the change, which is published when enough keys have signed it",
  } satisfies SwitchOption,
} as const;

/** True when the change is to be proposed; a file to write can have no other meaning. */
export function isProposing({ propose, out }: OptionValues<typeof proposeOptions>): boolean {
  return propose || out !== undefined;
}
