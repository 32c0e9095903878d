/** Pins for first contact: the file that `--trust-pinning` before the command, or the variable, names. */
import type { TrustPinning } from "../../tuf/pinning.ts";
import type { Io } from "../io.ts";

/** The variable with the path of the file. */
export const pinningVariable = "TAGSEAL_TRUST_PINNING";

/**
 * The pins of this command; undefined when no file is named.
 *
 * @throws UsageError `FILE_UNREADABLE`, `PINNING_INVALID`
 */
export async function trustPinning({ env }: Io): Promise<TrustPinning | undefined> {
  const path = env[pinningVariable] ?? "";
  if (path === "") return undefined;
  const { loadTrustPinning } = await import("../../trust/pinning-file.ts");
  return await loadTrustPinning(path);
}
