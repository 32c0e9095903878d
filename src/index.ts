/**
 * Tagseal as a library: open a trust context for an image, then verify, list, inspect, sign or revoke its tags, and change who
 * may sign them.
 */

export { PublicKey } from "./crypto/public-key.ts";
export { TagsealError, errorCodes, hasCode, type ErrorCode, type ErrorDetails } from "./errors.ts";
export type { KeyAlgorithm, SigningKey } from "./crypto/private-key.ts";
export type { Credentials, LoginTarget, UserAndPassword } from "./docker-config/credentials.ts";
export type { Environment } from "./environment/environment.ts";
export { FileKeyStore, type FileKeyStoreOptions } from "./keys/file-key-store.ts";
export type { KeyProtection, KeyStore, KeyUse, StoredKey, WritableKeyStore } from "./keys/key-store.ts";
export { MemoryKeyStore } from "./keys/memory-key-store.ts";
export { OrderedKeyStores } from "./keys/ordered-key-stores.ts";
export type { PassphraseRequest, PassphraseSource } from "./keys/passphrase.ts";
export { fromCommand, fromEnvironment, fromFileDescriptor } from "./keys/passphrase-sources.ts";
export { parseImageReference, type ImageReference } from "./reference/image-reference.ts";
export { type Digest, parseDigest } from "./reference/digest.ts";
export { openTrustContext, type OpenTrustContextOptions } from "./trust/open-trust-context.ts";
export type { TrustContext } from "./trust/trust-context.ts";
export type { TrustEvent, TrustEventHandler } from "./trust/trust-event.ts";
export type { Freshness } from "./trust/reading/freshness.ts";
export type { TrustCache, TrustCredentials, TrustRepository } from "./trust/ports.ts";
export type { TrustServerAccess } from "./trust/trust-server/trust-server-client.ts";
export type { Timeouts } from "./http/client/http-client.ts";
export { HttpClients } from "./http/client/http-clients.ts";
export { loadTrustPinning } from "./trust/pinning-file.ts";
export type { BaseRole, RoleName, RoleVersion, ServerRole } from "./tuf/metadata.ts";
export type { RootRequirement, TrustPinning } from "./tuf/pinning.ts";
export type { MetadataCache, MetadataSource } from "./tuf/update-options.ts";
export type { Digests, Mode, Policy, Requirement, Rule, SignerRequirement } from "./policy/policy.ts";
export { parsePolicy, type PolicySource } from "./policy/policy-parser.ts";
export type { ReadPolicyFile } from "./policy/root-pins.ts";
export { requirementsFor, type AppliedRule, type Requirements } from "./policy/requirements.ts";
export type { Allowed, Decided, Refused, Verdict } from "./policy/verdict.ts";
export { allowedDigest, decideImage, type DecidedImage, type FindListing } from "./trust/reading/decide-image.ts";
export { verifyTag, type VerifiedTag } from "./trust/reading/verify.ts";
export { listTags, type ListedTag, type SignedTag } from "./trust/reading/list.ts";
export { inspectTrust, type SignerKeys, type TrustInspection } from "./trust/reading/inspect.ts";
export {
  signTags,
  type SignedInRoles,
  type SignOptions,
  type SignResult,
  type TagToSign,
} from "./trust/publishing/sign.ts";
export { tagHistory, type PastTag, type TagHistory, type TagHistoryOptions } from "./trust/reading/tag-history.ts";
export type { HistoryEnd } from "./tuf/past-collections.ts";
export { expiryStatus } from "./trust/renewal/expiry-status.ts";
export type {
  EndingHolder,
  EndingState,
  EndingStatus,
  ExpiryStatus,
  ExpiryStatusOptions,
} from "./trust/renewal/expiry-status.ts";
export { renewCollection, type RenewedRole, type RenewResult } from "./trust/renewal/renew.ts";
export { revokeTags, type RevokedEntry, type RevokeResult } from "./trust/publishing/revoke.ts";
export { addSigner, removeSigner, type AddSignerResult, type RemoveSignerOptions } from "./trust/signers/signer.ts";
export { listSigners, type ListedSigner, type ListedSignerKey } from "./trust/signers/listed-signers.ts";
export {
  readDelegations,
  type DelegationFile,
  type DelegationKey,
  type DelegationState,
} from "./trust/delegations/declared-delegations.ts";
export {
  addToDelegation,
  purgeDelegationKeys,
  type PurgeResult,
  type RemovalResult,
  removeFromDelegation,
} from "./trust/delegations/edit-delegations.ts";
export type { NewDelegation } from "./trust/delegations/delegation-addition.ts";
export type { ConfirmRemoval, DelegationToRemove } from "./trust/delegations/delegation-removal.ts";
export { witnessRoles, type WitnessResult } from "./trust/publishing/witness.ts";
export { initialiseCollection, type InitialiseResult } from "./trust/publishing/initialise.ts";
export type { RootChoice, RootKeyChoice } from "./trust/publishing/root-choice.ts";
export { addSpareRootKey, type SpareResult } from "./trust/rotation/spare-root-key.ts";
export { listRootKeys, type RootKey, type RootKeys } from "./trust/reading/root-keys.ts";
export { rotateKey, type RotateOptions, type RotateResult } from "./trust/rotation/rotate.ts";
export type { BegunRotation, RotationMemory } from "./trust/rotation/begun-rotation.ts";
export type { NewKeySource } from "./trust/rotation/new-keys.ts";
export type { FindMentions, KeyMention, KeyMentions, RetiredKey } from "./trust/rotation/retired-keys.ts";
export type { KeyHolder, RotationOutcome } from "./trust/rotation/role-rotation.ts";
