import { KeyStoreError } from "../../errors.ts";
import type { RoleName } from "../../tuf/metadata.ts";
import type { RoleSigners } from "../../tuf/role-signers.ts";
import { keysOf } from "../../tuf/role-signers.ts";

/** The refusal to publish where readers would refuse the result: roles have expired that are signed with keys that are not here. */
export function expiredElsewhere(
  roles: readonly { readonly role: RoleName; readonly signers: RoleSigners }[],
  gun: string,
): KeyStoreError {
  const ids = new Set(roles.flatMap(({ signers }) => keysOf(signers).map((key) => key.bareKeyId ?? key.keyId)));
  const names = [...new Set(roles.map(({ role }) => role))];
  const have = names.length > 1 ? "have" : "has";
  return new KeyStoreError(
    "SIGNING_KEY_MISSING",
    `${names.join(" and ")} of ${gun} ${have} expired, and the keys to sign it again are not here`,
    { hint: `Run this where they are: tagseal trust renew ${gun} (their IDs: ${[...ids].join(", ")})` },
  );
}
