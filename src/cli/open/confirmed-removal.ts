import { UsageError } from "../../errors.ts";
import type { Io } from "../io.ts";
import { printable } from "../output/printable.ts";

/** A removal that shows its effects and, without `--force`, asks. */
export interface ConfirmedRemoval {
  /** completes "Remove …?" */
  readonly what: string;
  readonly force: boolean;
}

/** The question of a removal, for its use case: each effect is a line on standard error, whether or not the question follows. */
export function confirmRemoval(
  io: Io,
  { what, force }: ConfirmedRemoval,
): (effects: readonly string[]) => Promise<boolean> {
  return async (effects) => {
    for (const effect of effects) io.stderr.write(`note: ${printable(effect)}\n`);
    if (force) return true;
    const answer = await io.prompter.ask(`Remove ${what}? [y/N] `);
    return answer?.trim().toLowerCase() === "y";
  };
}

/** The same question for a change that is proposed: any answer but y ends it. @throws UsageError `CANCELLED`, from the question */
export function requireRemovalConfirmed(
  io: Io,
  removal: ConfirmedRemoval,
): (effects: readonly string[]) => Promise<true> {
  const confirm = confirmRemoval(io, removal);
  return async (effects) => {
    requireConfirmed(!(await confirm(effects)), removal.what);
    return true;
  };
}

/** Ends a removal that was not confirmed. @throws UsageError `CANCELLED` when the question was not answered with y, or could not be asked */
export function requireConfirmed(declined: boolean, what: string): void {
  if (!declined) return;
  throw new UsageError("CANCELLED", `nothing was removed: removing ${what} was not confirmed`, {
    hint: "Answer y, or give --force.",
  });
}
