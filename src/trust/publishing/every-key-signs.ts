import type { RoleKeys, RoleName } from "../../tuf/metadata.ts";
import type { TrustContext } from "../trust-context.ts";

/** Warns of a role that needs all its keys, if it has several: such a repository is one accident away from standing still. */
export function warnIfEveryKeySigns(
  { gun, notify }: Pick<TrustContext, "gun" | "notify">,
  role: RoleName,
  { threshold, keyIds }: RoleKeys,
): void {
  const message = everyKeySigns(role, { threshold, keyIds });
  if (message !== undefined) notify({ kind: "warning", gun, message });
}

/** The sentence about a role that needs all its keys; undefined for others. */
export function everyKeySigns(role: RoleName, { threshold, keyIds }: RoleKeys): string | undefined {
  if (threshold === 1 || threshold < (keyIds?.length ?? 0)) return undefined;
  const after =
    role === "root"
      ? "no key of this repository can be replaced any more"
      : "it cannot be signed until that key is replaced";
  return `all ${threshold} keys of ${role} must sign: if one is lost, ${after}`;
}
