/** Refusals of a recovery: those of the server that a recovery understands, and those that the user sees, with what to do instead. */

import { hasCode, MetadataError, NetworkError, TagsealError } from "../../errors.ts";
import type { VerifiedCollection } from "../../tuf/collection-verification.ts";
import type { TrustContext } from "../trust-context.ts";

/** True for the answer of a server that does not know versions as parts of an upload. */
export function isUnknownPart(error: unknown): boolean {
  return error instanceof NetworkError && error.serverCode === "INVALID_ROLE";
}

/** The reference's words, which every server uses. Notary v1: what the server validates. */
const lostKeyWords = /no {1,2}timestamp keys exist on the server|server does not hold current snapshot key/u;

/** True when the server does not have a key that the newest root names. */
export function isLostKey(error: unknown): error is TagsealError {
  return hasCode(error, "TRUST_SERVER_REFUSED") && lostKeyWords.test(error.message);
}

/** The newest root names keys that the server lost. */
export function serverKeysLost(
  { gun }: TrustContext,
  { roots }: VerifiedCollection,
  cause: TagsealError,
): TagsealError {
  const version = roots.at(-1)?.body.version ?? 1;
  if (cause.message.includes("snapshot key")) {
    return new TagsealError("RECOVERY_REFUSED", `${gun}: the server cannot sign a snapshot for root ${version}`, {
      cause,
      hint: `If its owner signs it, publish from the owner's machine: tagseal sign ${gun}:TAG. If the server had its key, restore the signer's newest backup, or run on the machine with the root key: tagseal trust recover-server --new-server-keys ${gun}`,
    });
  }
  const message = `${gun}: the server does not have the timestamp key that root ${version} names`;
  return new TagsealError("RECOVERY_REFUSED", message, {
    cause,
    hint: `Restore the signer's newest backup. If there is none, run on the machine with the root key: tagseal trust recover-server --new-server-keys ${gun}`,
  });
}

/** The cache of this machine has no such collection. */
export function nothingRemembered({ gun }: TrustContext): MetadataError {
  return new MetadataError("REPOSITORY_NOT_SIGNED", `this machine remembers no trust data for ${gun}`, {
    hint: "Run this command on a machine that has published to the repository or read from it.",
  });
}

/** The server has deleted the collection. */
export function repositoryDeleted({ gun, repository }: TrustContext): TagsealError {
  const message = `${gun} was deleted on ${repository.name}: it is not brought back`;
  return new TagsealError("RECOVERY_REFUSED", message, {
    hint: `If it was deleted by mistake, or made again since: tagseal trust recover-server --undelete ${gun}`,
  });
}

/** The roots of the server do not lead to the root that this machine trusts. */
export function otherRepository({ gun, repository }: TrustContext, cause?: unknown): TagsealError {
  const message = `${repository.name} has another repository under the name ${gun} than this machine trusts`;
  return new TagsealError("RECOVERY_REFUSED", message, {
    cause,
    hint: "One of them was deleted and begun again. Ask its owner which one counts; delete the other on the server, then run this command again.",
  });
}
