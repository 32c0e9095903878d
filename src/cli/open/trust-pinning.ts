/** Pins for first contact: the file that `--trust-pinning` before the command, or the variable, names. */
import { UsageError } from "../../errors.ts";
import type { TrustPinning } from "../../tuf/pinning.ts";
import type { Io } from "../io.ts";
import { pinningVariable } from "../options/trust-flags.ts";

/**
 * The pins of this command; undefined when neither is there.
 *
 * @throws UsageError `FILE_UNREADABLE`, `PINNING_INVALID`
 */
export async function trustPinning({ env }: Io): Promise<TrustPinning | undefined> {
  const path = env[pinningVariable];
  if (path === undefined) return undefined;
  // an unset variable in a script must not switch off the pins that it was to name
  if (path === "")
    throw new UsageError("PINNING_INVALID", "no file with pins is named", {
      hint: `Name a file behind --trust-pinning or in ${pinningVariable}, or leave both out.`,
    });
  const { loadTrustPinning } = await import("../../trust/pinning-file.ts");
  return await loadTrustPinning(path);
}
