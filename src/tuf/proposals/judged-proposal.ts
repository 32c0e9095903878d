/**
 * What a proposal is worth: verified against the published state by those who are asked to sign it and by the server that keeps it, with one set
 * of rules. A publication verifies everything again, as it does for any upload.
 */

import type { PublicKey } from "../../crypto/public-key.ts";
import { fileFormToCanonical } from "../../encoding/json.ts";
import { hasCode, MetadataError } from "../../errors.ts";
import { signablePaths } from "../delegation-paths.ts";
import { rootRequirements } from "../signing-needs.ts";
import { dayMs, isExpired, lifetimeMs } from "../expiry.ts";
import type { MetadataFile, RoleName, RootFile, TargetsFile } from "../metadata.ts";
import { signedFileForm } from "../notary-v1/serialise.ts";
import { isDelegation, parentOf } from "../role-name.ts";
import { baseRoleSigners, declaredSigners, delegatedRole, keysOf } from "../role-signers.ts";
import type { SigningRequirement } from "../role-signing.ts";
import { isSignedBy, verifyThreshold } from "../threshold.ts";
import { requireOwnKeyIds, requireUsableNames, requireVersionInRange } from "../upload-form.ts";
import { type Proposal, proposalId, withSignatures } from "./proposal.ts";

/** The published state that a proposal is judged against. */
export interface ProposalBase {
  readonly gun: string;
  /** the highest version that is taken; 0 when the role has no file */
  versionOf(role: RoleName): number;
  /** the published file that counts for readers */
  file(role: RoleName): MetadataFile | undefined;
}

/** Who signed for one threshold, and who could. */
export interface SigningState {
  readonly threshold: number;
  readonly signed: readonly PublicKey[];
  readonly unsigned: readonly PublicKey[];
}

/** One file of a proposal, with the signatures that count and no others. */
export interface JudgedRole {
  readonly role: RoleName;
  readonly file: MetadataFile;
  /** one threshold; two for a root whose keys change: its own, then that of the root before it */
  readonly states: readonly SigningState[];
  readonly isComplete: boolean;
}

/** A proposal that may be signed or, when complete, published. */
export interface JudgedProposal extends Proposal {
  readonly id: string;
  /** parents first */
  readonly roles: readonly JudgedRole[];
  readonly isComplete: boolean;
}

/**
 * Judges a proposal. Signatures that do not count are dropped.
 *
 * @throws MetadataError `PROPOSAL_OVERTAKEN` when one of its versions is taken; `METADATA_STALE` when one is not the next; `PROPOSAL_EXPIRED`;
 *   `PROPOSAL_MALFORMED` for one that must not be published, or that no key of its roles has signed
 */
export function judgeProposal(proposal: Proposal, base: ProposalBase, now: Date): JudgedProposal {
  if (proposal.gun !== base.gun) throw refused(`it is for ${JSON.stringify(proposal.gun)}, and not for ${base.gun}`);
  if (proposal.expiresAt <= now) throw expired(proposal, base.gun);
  const roles = [...proposal.files.values()].toSorted(byDepth).map((file) => judgeRole(file, { proposal, base, now }));
  const files = new Map(roles.map(({ role, file }) => [role, file]));
  const { gun, expiresAt } = proposal;
  return { gun, expiresAt, files, id: proposalId(proposal), roles, isComplete: roles.every((role) => role.isComplete) };
}

interface Judgement {
  readonly proposal: Proposal;
  readonly base: ProposalBase;
  readonly now: Date;
}

function judgeRole(file: MetadataFile, judgement: Judgement): JudgedRole {
  const { role, body } = file;
  const taken = judgement.base.versionOf(role);
  if (body.version <= taken) throw overtaken(file, taken, judgement.base.gun);
  if (body.version > taken + 1) throw ahead(file, taken, judgement.base.gun);
  try {
    const requirements = requirementsOf(file, judgement);
    const states = requirements.map((requirement) => stateOf(file, requirement));
    const counting = new Set(states.flatMap(({ signed }) => signed.map(({ keyId }) => keyId)));
    if (counting.size === 0) throw refused(`no key of ${role} has signed it`);
    const own = withSignatures(file, distinct(file.signatures.filter(({ keyId }) => counting.has(keyId))));
    requirePublishable(own, judgement);
    const isComplete = requirements.every(({ roleKeys, keys }) => isSignedBy(own, roleKeys, keys));
    return { role, file: own, states, isComplete };
  } catch (error) {
    if (!hasCode(error, "METADATA_MALFORMED", "METADATA_ROLE_UNKNOWN", "METADATA_KEY_ID_MISMATCH")) throw error;
    throw refused(error.message, error);
  }
}

/** Everything that is signed must have been shown, so what is signed may hold nothing that the model of it does not. */
function requirePublishable(file: MetadataFile, judgement: Judgement): void {
  const { base, now } = judgement;
  if (!Buffer.from(fileFormToCanonical(signedFileForm(file.body))).equals(file.signedBytes))
    throw refused(`${file.role} holds something that a role file does not have`);
  requireVersionInRange(file, base.versionOf(file.role));
  requireOwnKeyIds(file);
  if (isExpired(file.body, now)) throw refused(`${file.role} expired at ${file.body.expires}`);
  // a day for clocks that differ
  if (+file.body.expiresAt > +now + lifetimeMs(file.role) + dayMs)
    throw refused(`${file.role} would be valid until ${file.body.expires}, longer than such a file may be`);
  if (isTargetsFile(file))
    requireUsableNames(
      file,
      signablePaths(file.role, (role) => declaredPaths(role, judgement)),
    );
}

/** The proposed parents say who may sign, where there are any. */
function requirementsOf(file: MetadataFile, judgement: Judgement): readonly SigningRequirement[] {
  const { role } = file;
  const published = rootIn(judgement.base.file("root"));
  if (role === "root") return rootRequirements({ published, content: requiredRoot(rootIn(file), judgement).body });
  if (role === "targets") {
    const root = rootIn(judgement.proposal.files.get("root")) ?? published;
    return [baseRoleSigners(requiredRoot(root, judgement), role)];
  }
  if (!isDelegation(role)) throw refused(`the trust server or its owner signs ${role}, without a proposal`);
  const parent = parentFile(role, judgement);
  if (parent === undefined) throw refused(`${role} is not declared by ${parentOf(role)}`);
  return [declaredSigners(parent, role)];
}

function stateOf(file: MetadataFile, { roleKeys, keys }: SigningRequirement): SigningState {
  const signers = new Set(signersOf(file, { roleKeys, keys }));
  const known = keysOf({ roleKeys, keys });
  return {
    threshold: roleKeys.threshold,
    signed: known.filter(({ keyId }) => signers.has(keyId)),
    unsigned: known.filter(({ keyId }) => !signers.has(keyId)),
  };
}

function signersOf(file: MetadataFile, { roleKeys, keys }: SigningRequirement): readonly string[] {
  try {
    return verifyThreshold(file, { ...roleKeys, threshold: 1 }, keys);
  } catch (error) {
    if (hasCode(error, "METADATA_THRESHOLD_NOT_MET")) return [];
    throw error;
  }
}

function parentFile(role: RoleName, { proposal, base }: Judgement): TargetsFile | undefined {
  const parent = parentOf(role);
  const file = proposal.files.get(parent) ?? base.file(parent);
  return file !== undefined && isTargetsFile(file) ? file : undefined;
}

function declaredPaths(role: RoleName, judgement: Judgement): readonly string[] | undefined {
  const parent = parentFile(role, judgement);
  return parent === undefined ? undefined : delegatedRole(parent, role)?.paths;
}

/** True for the file of targets or of a delegation. */
export function isTargetsFile(file: MetadataFile): file is TargetsFile {
  return file.body.type === "targets";
}

function rootIn(file: MetadataFile | undefined): RootFile | undefined {
  return file !== undefined && isRootFile(file) ? file : undefined;
}

/** True for the file of root. */
export function isRootFile(file: MetadataFile): file is RootFile {
  return file.body.type === "root";
}

function requiredRoot(root: RootFile | undefined, { base }: Judgement): RootFile {
  return root ?? missingRoot(base.gun);
}

function missingRoot(gun: string): never {
  throw refused(`${gun} has no root`);
}

/** One signature for each key. A signature that was made for a wrong payload has been dropped with its key. */
function distinct(signatures: MetadataFile["signatures"]): MetadataFile["signatures"] {
  return [...new Map(signatures.map((signature) => [signature.keyId, signature])).values()];
}

function byDepth(a: MetadataFile, b: MetadataFile): number {
  return depthOf(a.role) - depthOf(b.role) || (a.role < b.role ? -1 : 1);
}

function depthOf(role: RoleName): number {
  return role === "root" ? 0 : role.split("/").length;
}

function refused(reason: string, cause?: unknown): MetadataError {
  return new MetadataError("PROPOSAL_MALFORMED", `this proposal cannot be published: ${reason}`, { cause });
}

function expired({ expiresAt }: Proposal, gun: string): MetadataError {
  return new MetadataError("PROPOSAL_EXPIRED", `this proposal for ${gun} ended at ${expiresAt.toISOString()}`, {
    hint: "Propose the change again.",
  });
}

function overtaken({ role, body }: MetadataFile, taken: number, gun: string): MetadataError {
  const reason = `it would be version ${body.version} of ${role}, and ${taken} is published`;
  return new MetadataError("PROPOSAL_OVERTAKEN", `another publication overtook this proposal for ${gun}: ${reason}`, {
    hint: "Propose the change again: it then builds on what is published now.",
  });
}

/** Seen on a machine whose memory is older than that of the proposer. */
function ahead({ role, body }: MetadataFile, taken: number, gun: string): MetadataError {
  const message = `this proposal for ${gun} builds on version ${body.version - 1} of ${role}, and only ${taken} is known here`;
  return new MetadataError("METADATA_STALE", message, {
    hint: `Read the repository while the trust server can be reached: tagseal trust inspect ${gun}`,
  });
}
