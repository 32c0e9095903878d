/**
 * Tagseal as a library: open a trust context for an image, then verify, list, inspect, sign or revoke its tags.
 */

export { TagsealError, errorCodes, hasCode, type ErrorCode } from "./errors.ts";
export { parseImageReference, type ImageReference } from "./reference/image-reference.ts";
export type { Digest } from "./reference/digest.ts";
export { openTrustContext, type OpenTrustContextOptions, type TrustContext } from "./trust/trust-context.ts";
export type { TrustEvent, TrustEventHandler } from "./trust/trust-event.ts";
export { verifyTag, type VerifiedTag } from "./trust/verify.ts";
export { listTags, type SignedTag } from "./trust/list.ts";

export { inspectTrust, type SignerKeys, type TrustInspection } from "./trust/inspect.ts";
export { signTags, type SignOptions, type SignResult, type TagToSign } from "./trust/sign.ts";
export { revokeTags, type RevokedEntry, type RevokeResult } from "./trust/revoke.ts";
export { addSigner, removeSigner, type AddSignerResult, type RemoveSignerOptions } from "./trust/signer.ts";
export { initialiseCollection, type InitialiseResult } from "./trust/initialise.ts";
export { rotateKey, type RotateResult } from "./trust/rotate.ts";
