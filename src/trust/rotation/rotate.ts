import { UsageError } from "../../errors.ts";
import { listDelegations } from "../../tuf/lookup.ts";
import type { RoleKeys, RoleName } from "../../tuf/metadata.ts";
import { isBaseRole, isDelegation, isServerRole } from "../../tuf/role-name.ts";
import type { TrustedCollection } from "../../tuf/trusted-collection.ts";
import { warnIfEveryKeySigns } from "../publishing/every-key-signs.ts";
import { HeldKeys } from "../publishing/held-keys.ts";
import { publishChange } from "../publishing/publish.ts";
import { releasesRole } from "../reading/released-tags.ts";
import type { TrustContext } from "../trust-context.ts";
import { BaseRoleRotation } from "./base-role-rotation.ts";
import { NewKeys, type NewKeySource } from "./new-keys.ts";
import { type FindMentions, type RetiredKey, retireKeys } from "./retired-keys.ts";
import type { RotationOutcome } from "./role-rotation.ts";
import { SignerRotation } from "./signer-rotation.ts";

/** The keys a role has after a rotation. */
export interface RotateResult extends RotationOutcome {
  readonly role: RoleName;
  /** how many of its keys must sign, and how many it has */
  readonly threshold: number;
  readonly keyCount: number;
  /** the old private keys of this machine, and what became of them */
  readonly oldKeys: readonly RetiredKey[];
}

/** How to rotate. */
export interface RotateOptions extends NewKeySource {
  /** who gets the key, for `snapshot` and `timestamp`; default: who has it now */
  readonly holder?: "publisher" | "server";
  /** how many keys of `root` or `targets` must sign from now on; without keys, nothing else changes */
  readonly threshold?: number;
  /** IDs, in either form, of the keys to replace in a role that has several */
  readonly replace?: readonly string[];
  /** replace a signer's key even if readers lose what it signed until the signer signs again */
  readonly force?: boolean;
  /** remove old private keys that nothing names any more, as this finds; without it they are kept */
  readonly removeOld?: FindMentions;
}

/**
 * Replaces the keys of a role in one publication: a new key here for `root`, `targets` and a signer, a new key of the server for `timestamp`
 * and, unless the publisher holds it, `snapshot`. A new root is signed by the old and the new key, so that readers can follow.
 *
 * Old private keys are kept until the result was read back: after an unacknowledged rotation the user must still be able to sign.
 * A key of the server is replaced even if the timestamp has expired: the key may be lost.
 *
 * With a threshold above 1, so many of the role's keys sign what is published, before and after. Public keys of colleagues may be among the
 * new ones, for root as certificates.
 *
 * @throws UsageError `USAGE` for a role or a holder that cannot be; `KEY_NOT_FOUND`
 * @throws MetadataError `REPOSITORY_NOT_SIGNED`; `SIGNING_KEY_MISSING` without enough of the root's keys or of the new ones; `SIGNER_UNKNOWN`
 * @throws NetworkError as `publishChange`
 * @see Notary v1: key rotation
 */
export async function rotateKey(
  context: TrustContext,
  role: RoleName,
  options: RotateOptions = {},
): Promise<RotateResult> {
  checkRotation(role, options);
  const held = new HeldKeys(context);
  const newKeys = new NewKeys(context.keys, async (use) => await held.make(use), options);
  const tools = { context, held, newKeys, replace: options.replace, threshold: options.threshold };
  const rotation = isBaseRole(role)
    ? new BaseRoleRotation(role, options.holder ?? (options.keys === undefined ? undefined : "publisher"), tools)
    : new SignerRotation(role, options.force ?? false, tools);
  const { collection } = await publishChange(context, held, rotation, { initialise: false }).catch(
    async (error: unknown) => {
      await newKeys.giveUp();
      throw error;
    },
  );
  const { oldCanonicalIds, newCanonicalIds } = rotation.result;
  const gone = oldCanonicalIds.filter((keyId) => !newCanonicalIds.includes(keyId));
  const oldKeys = await retireKeys(context.keys, gone, options.removeOld);
  await options.memory?.clear();
  const { threshold, keyIds } = roleKeysIn(collection, role);
  warnIfEveryKeySigns(context, role, { threshold, keyIds });
  return { role, ...rotation.result, threshold, keyCount: keyIds?.length ?? 0, oldKeys };
}

function roleKeysIn(collection: TrustedCollection, role: RoleName): RoleKeys {
  const declared = listDelegations(collection).find((delegation) => delegation.role.name === role)?.role;
  return collection.root.body.roles.get(role) ?? declared ?? { keyIds: null, threshold: 1 };
}

/** Refuses what no key could make possible, before anything is read. @throws UsageError `USAGE` */
export function checkRotation(role: RoleName, { holder, keys, threshold }: RotateOptions): void {
  if (!isBaseRole(role) && !isDelegation(role))
    throw new UsageError("USAGE", `"${role}" is not a role`, {
      hint: "Give root, targets, snapshot, timestamp, or a signer as targets/NAME.",
    });
  if (threshold !== undefined && role !== "root" && role !== "targets") throw noThreshold(role);
  if (role === releasesRole)
    throw new UsageError("USAGE", `${releasesRole} has the keys of all signers`, {
      hint: "Rotate the key of one signer; the list of releases follows.",
    });
  if (holder === "server" && !isServerRole(role))
    throw new UsageError("USAGE", `the trust server cannot hold the key of ${role}`, {
      hint: "Leave out --server-managed; a trust server holds timestamp and snapshot keys only.",
    });
  if (holder === "publisher" && role === "timestamp")
    throw new UsageError("USAGE", "the trust server always holds the timestamp key", {
      hint: "Leave out --publisher-managed.",
    });
  if (keys !== undefined && (holder === "server" || role === "timestamp"))
    throw new UsageError("USAGE", `the trust server makes its own key for ${role}`, { hint: "Leave out --key." });
}

function noThreshold(role: RoleName): UsageError {
  const hint = isBaseRole(role)
    ? "Leave out --threshold; one key signs snapshots, and one signs timestamps."
    : `Set it where the role is declared: tagseal trust delegation add IMAGE ${role} --threshold N`;
  return new UsageError("USAGE", `the threshold of ${role} cannot be changed by a rotation`, { hint });
}
