/** The flags of commands whose change can be proposed instead of published. */
import { UsageError } from "../../errors.ts";
import type { OptionValues, SwitchOption, TextOption } from "./option.ts";

/** What help says of commands that change who signs, or what the repository key signs. */
export const proposeHelp =
  "Where the change needs several keys and this machine has too few, --propose makes a proposal of it: the holders of the other keys approve it with `tagseal trust approve`, and the last signature publishes.";

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

/** The same for a command whose `--out` is another file. */
export const proposeElsewhereOptions = {
  propose: proposeOptions.propose,
  "proposal-out": proposeOptions.out,
} as const;

/** A file holds one proposal. @throws UsageError `USAGE` for several repositories and a file */
export function requireOneForOut(out: string | undefined, repositories: readonly string[], flag = "--out"): void {
  if (out === undefined || repositories.length === 1) return;
  throw new UsageError("USAGE", `${flag} writes the proposal of one repository`, {
    hint: "Run the command for each repository, with a file for each; or give --propose, and the trust servers keep the proposals.",
  });
}

/** True when the change is to be proposed; a file to write can have no other meaning. */
export function isProposing({ propose, out }: OptionValues<typeof proposeOptions>): boolean {
  return propose || out !== undefined;
}
