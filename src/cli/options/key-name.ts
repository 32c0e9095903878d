import { UsageError } from "../../errors.ts";

/**
 * Checks the name of a signer's key, in docker's words.
 *
 * @throws UsageError `SIGNER_NAME_INVALID`
 * @see Notary v1: key generate
 */
export function checkKeyName(name: string): void {
  if (/^[a-z0-9][a-z0-9_-]*$/.test(name)) return;
  throw new UsageError(
    "SIGNER_NAME_INVALID",
    `key name "${name}" must start with lowercase alphanumeric characters and can include "-" or "_" after the first character`,
  );
}
