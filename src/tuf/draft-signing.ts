/** Turns a draft into the files to publish: which roles are signed, with what, in which order. */

import type { PublicKey } from "../crypto/public-key.ts";
import { hasCode } from "../errors.ts";
import { type CollectionDraft, nextVersion, type RootDraft, type TargetsDraft } from "./collection-draft.ts";
import { unusable, unusableRoles } from "./delegation-editing.ts";
import { expiryAfter, isDue, isExpired, lifetimeMs } from "./expiry.ts";
import { fileMetaOf } from "./file-meta.ts";
import type { Body, FileMeta, MetadataFile, RoleName, RootBody, TargetsBody } from "./metadata.ts";
import { isWithin, parentOf } from "./role-name.ts";
import {
  anyKeyOf,
  canSign,
  holdsAnyKey,
  rememberingKeys,
  requireHeldKeys,
  signRole,
  type SigningKeys,
  type SigningRequirement,
} from "./role-signing.ts";
import { splitContent } from "./shards/shard-plans.ts";
import { signShards } from "./shards/shard-signing.ts";
import {
  baseRole,
  type DraftSigningOptions,
  type Need,
  rootNeed,
  rootRequirements,
  targetsNeed,
  targetsRequirement,
} from "./signing-needs.ts";

interface Publication {
  readonly files: Map<RoleName, Uint8Array>;
  readonly keys: SigningKeys;
  readonly options: DraftSigningOptions;
}

/**
 * Signs a draft; see `CollectionEditor.sign`.
 *
 * @throws KeyStoreError `SIGNING_KEY_MISSING`; MetadataError `METADATA_MALFORMED` when a version cannot be raised any more
 */
export async function signDraft(
  draft: CollectionDraft,
  keys: SigningKeys,
  options: DraftSigningOptions,
): Promise<ReadonlyMap<RoleName, Uint8Array>> {
  const publication = { files: new Map<RoleName, Uint8Array>(), keys: rememberingKeys(keys), options };
  if (options.holds !== undefined && options.underSigned !== true) await requireKeys(draft, options, options.holds);
  await addRoot(publication, draft.root);
  await addTargets(publication, draft);
  await addSnapshot(publication, draft);
  for (const warning of draft.warnings) options.onWarning?.(warning);
  return publication.files;
}

/** For each role that must be signed. */
async function requireKeys(
  draft: CollectionDraft,
  options: DraftSigningOptions,
  holds: (key: PublicKey) => Promise<boolean>,
): Promise<void> {
  if (rootNeed(draft.root, options) === "must") {
    for (const requirement of rootRequirements(draft.root)) await requireHeldKeys("root", requirement, holds);
  }
  for (const [role, roleDraft] of draft.targets) {
    // A purge that cannot be signed is taken back, and then other keys sign.
    if (draft.targets.get(parentOf(role))?.onlyPurged === true) continue;
    const requirement = targetsRequirement(role, draft.root, draft.targets);
    if (requirement !== undefined && targetsNeed(roleDraft, requirement, { role, options }) === "must")
      await requireHeldKeys(role, requirement, holds);
  }
}

async function addRoot(publication: Publication, draft: RootDraft): Promise<void> {
  const { published, content } = draft;
  const requirements = rootRequirements(draft);
  if (
    await isToBeSigned(publication, rootNeed(draft, publication.options), { role: "root", published, requirements })
  ) {
    const body: RootBody = { ...content, ...nextStamp("root", published?.body.version ?? 0, publication.options.now) };
    const legacyKeys = (publication.options.legacyRoots ?? []).flatMap((root) => rootKeysOf(root.body));
    const wanted = requiredNow(publication, requirements);
    publication.files.set("root", (await signRole("root", body, wanted, publication.keys, legacyKeys)).bytes);
  } else if (publication.options.initial === true && published !== undefined) {
    publication.files.set("root", published.bytes);
  }
}

function requiredNow(
  { options }: Publication,
  requirements: readonly SigningRequirement[],
): readonly SigningRequirement[] {
  return options.underSigned === true ? [anyKeyOf(requirements)] : requirements;
}

async function addTargets(publication: Publication, draft: CollectionDraft): Promise<void> {
  const effective = new Map<RoleName, TargetsDraft>();
  for (const [role, roleDraft] of [...draft.targets].sort(byDepth)) {
    const requirement = targetsRequirement(role, draft.root, effective);
    if (requirement === undefined) continue;
    const need = targetsNeed(roleDraft, requirement, { role, options: publication.options });
    const signed = await isToBeSigned(publication, need, {
      role,
      published: roleDraft.published,
      requirements: [requirement],
    });
    if (!signed && roleDraft.onlyPurged) publication.options.onWarning?.(purgeSkipped(role));
    effective.set(role, signed || !roleDraft.onlyPurged ? roleDraft : roleDraft.withoutPurge());
    if (signed) await addSignedTargets(publication, draft, role, requirement);
    else if (publication.options.initial === true && roleDraft.published !== undefined)
      publication.files.set(role, roleDraft.published.bytes);
  }
}

async function addSignedTargets(
  publication: Publication,
  draft: CollectionDraft,
  role: RoleName,
  requirement: SigningRequirement,
): Promise<void> {
  const roleDraft = draft.targets.get(role);
  if (roleDraft === undefined) return;
  const { keys, options } = publication;
  const { content, plan } = splitContent(draft.shards.get(role), roleDraft, { role, requirement, options });
  const body: TargetsBody = { ...content, ...nextStamp(role, roleDraft.takenVersion, options.now) };
  const file = await signRole(role, body, requiredNow(publication, [requirement]), keys);
  publication.files.set(role, file.bytes);
  warnOfUnusable(publication, roleDraft);
  if (plan === undefined) return;
  const { now, resignAll = false } = options;
  const signing = { requirement, keys, now, snapshot: draft.snapshot?.body, resignAll };
  for (const [shard, bytes] of await signShards(file, roleDraft, plan, signing)) publication.files.set(shard, bytes);
}

interface SignableRole {
  readonly role: RoleName;
  readonly published: MetadataFile<Body> | undefined;
  readonly requirements: readonly SigningRequirement[];
}

async function isToBeSigned(
  publication: Publication,
  need: Need,
  { role, published, requirements }: SignableRole,
): Promise<boolean> {
  if (need !== "may") return need === "must";
  if (publication.options.underSigned !== true && (await allHeld(requirements, publication.keys))) return true;
  const { now, underSigned } = publication.options;
  if (published !== undefined && isDue(published.body.expiresAt, now)) {
    const ends = isExpired(published.body, now) ? "expired" : "expires";
    const why =
      underSigned === true
        ? "this proposal does not sign it again"
        : "the keys to sign it again are not available here";
    publication.options.onWarning?.(`${role} ${ends} at ${published.body.expires}, and ${why}`);
  }
  return false;
}

/** A key that cannot be unlocked counts as absent: a publish that does not need it must not fail because of it. */
async function allHeld(requirements: readonly SigningRequirement[], keys: SigningKeys): Promise<boolean> {
  try {
    for (const requirement of requirements) {
      if (!(await canSign(requirement, keys))) return false;
    }
    return true;
  } catch (error) {
    if (hasCode(error, "PASSPHRASE_WRONG", "PASSPHRASE_UNAVAILABLE", "KEY_FILE_UNSAFE")) return false;
    throw error;
  }
}

async function addSnapshot(publication: Publication, draft: CollectionDraft): Promise<void> {
  const { root, snapshot } = draft;
  if (publication.options.underSigned === true) return;
  const requirement = { roleKeys: baseRole(root.content, "snapshot"), keys: root.content.keys };
  if (!(await holdsAnyKey(requirement, publication.keys))) return;
  const body = {
    type: "snapshot" as const,
    meta: snapshotMeta(publication, draft),
    ...nextStamp("snapshot", snapshot?.body.version ?? 0, publication.options.now),
  };
  publication.files.set("snapshot", (await signRole("snapshot", body, [requirement], publication.keys)).bytes);
}

/** Entries of roles that were not read stay unchanged; those of removed roles are dropped. */
function snapshotMeta(
  { files }: Publication,
  { root, targets, snapshot, removed }: CollectionDraft,
): Map<RoleName, FileMeta> {
  const meta = new Map([...(snapshot?.body.meta ?? [])].filter(([role]) => !isRemoved(role, removed)));
  const published = [
    ["root", root.published] as const,
    ...[...targets].map(([role, draft]) => [role, draft.published] as const),
  ];
  for (const [role, file] of published) {
    if (file !== undefined) meta.set(role, fileMetaOf(file.bytes));
  }
  for (const [role, bytes] of files) meta.set(role, fileMetaOf(bytes));
  return meta;
}

function isRemoved(role: RoleName, removed: ReadonlySet<RoleName>): boolean {
  return [...removed].some((name) => isWithin(role, name));
}

function warnOfUnusable(publication: Publication, draft: TargetsDraft): void {
  for (const role of unusableRoles(draft.content.delegations)) publication.options.onWarning?.(unusable(role));
}

function purgeSkipped(role: RoleName): string {
  return `role ${role} contains keys being purged but you do not have the necessary keys present to sign it; keys will not be purged from ${role} or its immediate children`;
}

function nextStamp(role: RoleName, version: number, now: Date): Body {
  return { version: nextVersion(role, version), ...expiryAfter(now, lifetimeMs(role)) };
}

function rootKeysOf(root: RootBody): PublicKey[] {
  return (baseRole(root, "root").keyIds ?? []).map((id) => root.keys.get(id)).filter((key) => key !== undefined);
}

function byDepth([a]: readonly [RoleName, unknown], [b]: readonly [RoleName, unknown]): number {
  return a.split("/").length - b.split("/").length;
}
