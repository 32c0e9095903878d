/** Which roles of a draft a publication signs, and whose signatures each needs. */

import type { PublicKey } from "../crypto/public-key.ts";
import type { RootDraft, TargetsDraft } from "./collection-draft.ts";
import { isExpired, isNearExpiry } from "./expiry.ts";
import type { Body, MetadataFile, RoleKeys, RoleName, RootBody, RootFile } from "./metadata.ts";
import { isDelegation, parentOf } from "./role-name.ts";
import type { SigningRequirement } from "./role-signing.ts";
import { isSignedBy } from "./threshold.ts";

/** What a publish does beyond signing what changed. */
export interface DraftSigningOptions {
  readonly now: Date;
  /** older roots, for readers that stopped there: their root keys sign the new root where they are held */
  readonly legacyRoots?: readonly RootFile[];
  /** the server has nothing of this collection: everything is sent, and targets is signed again */
  readonly initial?: boolean;
  /** sign every role again whose keys are held, whether or not it changed */
  readonly resignAll?: boolean;
  /**
   * for a proposal, whose other signatures follow: one key of each role is enough, nothing is signed that need not be, and no snapshot, which is made
   * when all signatures are there
   */
  readonly underSigned?: boolean;
  /** whether a private key is held: what cannot be signed is refused before the first key is unlocked */
  readonly holds?: (key: PublicKey) => Promise<boolean>;
  /** called with one sentence for each thing that could not be done and that readers will notice */
  readonly onWarning?: (warning: string) => void;
}

/** `must`: without this signature the publish fails. `may`: signed if the keys are held. */
export type Need = "must" | "may" | "none";

/** Whether the root is signed again. */
export function rootNeed({ published, changed }: RootDraft, options: DraftSigningOptions): Need {
  const legacy = (options.legacyRoots ?? []).length > 0;
  return changed || legacy ? "must" : renewalNeed(published, options);
}

/** A root whose keys or threshold changed must be signed by the keys it replaces as well, or no reader could follow. */
export function rootRequirements({
  published,
  content,
}: Pick<RootDraft, "published" | "content">): SigningRequirement[] {
  const current = { roleKeys: baseRole(content, "root"), keys: content.keys };
  if (published === undefined || sameRoleKeys(current.roleKeys, baseRole(published.body, "root"))) return [current];
  return [current, { roleKeys: baseRole(published.body, "root"), keys: published.body.keys }];
}

/** Whether targets, or a delegation, is signed again. */
export function targetsNeed(
  draft: TargetsDraft,
  { roleKeys, keys }: SigningRequirement,
  { role, options }: { readonly role: RoleName; readonly options: DraftSigningOptions },
): Need {
  if (draft.changed || (role === "targets" && options.initial === true)) return "must";
  const renewal = renewalNeed(draft.published, options);
  // What was signed by a key that this publication removes gets no new signature on the way.
  const isDisowned = renewal === "may" && draft.published !== undefined && !isSignedBy(draft.published, roleKeys, keys);
  if (isDisowned) return "none";
  return draft.onlyPurged && renewal === "none" ? "may" : renewal;
}

/**
 * An expired file must be signed again, or no reader could use what is published with it; one about to expire should be. So should an
 * expired delegation: readers go on without it, and it may be another person's.
 */
function renewalNeed(published: MetadataFile<Body> | undefined, options: DraftSigningOptions): Need {
  if (published === undefined) return "must";
  if (isExpired(published.body, options.now)) return isDelegation(published.role) ? "may" : "must";
  return options.resignAll === true || isNearExpiry(published.body, options.now) ? "may" : "none";
}

/** Who signs targets or a delegation, as its parent in the draft says; undefined for a role that it does not declare. */
export function targetsRequirement(
  role: RoleName,
  root: RootDraft,
  drafts: ReadonlyMap<RoleName, TargetsDraft>,
): SigningRequirement | undefined {
  if (role === "targets") return { roleKeys: baseRole(root.content, "targets"), keys: root.content.keys };
  const delegations = drafts.get(parentOf(role))?.content.delegations;
  const declared = delegations?.roles?.find((entry) => entry.name === role);
  return delegations === undefined || declared === undefined
    ? undefined
    : { roleKeys: declared, keys: delegations.keys };
}

/** The keys of a base role, as a root names them; none when it names none. */
export function baseRole(root: Pick<RootBody, "roles">, role: RoleName): RoleKeys {
  return root.roles.get(role) ?? { keyIds: null, threshold: 1 };
}

function sameRoleKeys(a: RoleKeys, b: RoleKeys): boolean {
  const keyIds = new Set(a.keyIds);
  return (
    a.threshold === b.threshold &&
    keyIds.size === new Set(b.keyIds).size &&
    (b.keyIds ?? []).every((id) => keyIds.has(id))
  );
}
