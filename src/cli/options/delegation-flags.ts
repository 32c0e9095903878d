/** Flags of the commands that change delegations, as notary's. */
import { UsageError } from "../../errors.ts";
import type { ListOption, SwitchOption } from "./option.ts";

/** `--paths`: beginnings of names, separated by commas. */
export const pathsOption: ListOption = {
  kind: "list",
  value: "list",
  help: "Beginnings of the names that the role may sign, separated by commas",
};

/** `--force` of the removing commands; notary has `-y`. */
export const removalForce: SwitchOption = { kind: "switch", short: "y", help: "Do not prompt for confirmation" };

/** The paths in the values of {@link pathsOption}; "" is the path that every name begins with. */
export function pathsIn(values: readonly string[]): string[] {
  return values.flatMap((value) => value.split(","));
}

/** The value of `--threshold`. @throws UsageError `USAGE` */
export function thresholdOf(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (/^[1-9]\d{0,3}$/.test(value)) return Number(value);
  throw new UsageError("USAGE", `--threshold: ${JSON.stringify(value)} is not a number of keys`, {
    hint: "Give a whole number from 1 up.",
  });
}
