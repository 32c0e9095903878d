/** Role arguments: docker's names of signers and notary's names of roles. */
import { UsageError } from "../../errors.ts";
import type { RoleName } from "../../tuf/metadata.ts";
import { isBaseRole, isDelegation } from "../../tuf/role-name.ts";

/**
 * The role that a word names: one of the four base roles, a delegation such as `targets/alice`, or a signer's name.
 *
 * @throws UsageError `USAGE`
 */
export function roleArgument(word: string): RoleName {
  if (isBaseRole(word) || isDelegation(word)) return word;
  const role = `targets/${word}`;
  if (isDelegation(role)) return role;
  throw new UsageError("USAGE", `"${word}" is not a role`, {
    hint: "Give root, targets, snapshot, timestamp, the name of a signer, or a delegation such as targets/NAME.",
  });
}
