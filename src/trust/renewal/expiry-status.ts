import type { PublicKey } from "../../crypto/public-key.ts";
import { hasCode } from "../../errors.ts";
import { isDue, noticeMs } from "../../tuf/expiry.ts";
import type { RoleName } from "../../tuf/metadata.ts";
import { isDelegation } from "../../tuf/role-name.ts";
import type { TrustedCollection } from "../../tuf/trusted-collection.ts";
import { HeldKeys } from "../publishing/held-keys.ts";
import { readCollection } from "../reading/collection-reading.ts";
import type { TrustContext } from "../trust-context.ts";
import { type Ending, endingsOf } from "./endings.ts";
import { keysOf } from "../../tuf/role-signers.ts";

/** `due`: it expires within the period that was asked for. */
export type EndingState = "expired" | "due" | "ok";

/** Who signs: keys of this machine, the owner or a signer elsewhere, or the trust server. */
export type EndingHolder = "here" | "owner" | "signer" | "server";

/** One thing that expires. */
export interface EndingStatus {
  readonly role: RoleName;
  /** TUF ID of the root certificate that ends; undefined for the role's file */
  readonly certificateId: string | undefined;
  readonly expiresAt: Date;
  readonly state: EndingState;
  readonly holder: EndingHolder;
  /** canonical IDs of the keys that sign it */
  readonly keyIds: readonly string[];
  /** how many of them must sign */
  readonly threshold: number;
  /** those that are on this machine */
  readonly hereKeyIds: readonly string[];
  /** signing the role again is enough; false for a root certificate that an authority issued */
  readonly isRenewable: boolean;
}

/** What of a collection expires when. */
export interface ExpiryStatus {
  readonly gun: string;
  /** the trust server's address */
  readonly server: string;
  /** the server did not answer: this is its last known answer */
  readonly cached: boolean;
  readonly endings: readonly EndingStatus[];
  /** delegations signed by keys that do not count any more */
  readonly unusable: readonly RoleName[];
  /** changes that another tool staged on this machine */
  readonly stagedChanges: number;
}

/** How to judge. */
export interface ExpiryStatusOptions {
  /** how long before its end something is due, in milliseconds; default: 90 days */
  readonly withinMs?: number;
}

/**
 * Finds out what of a collection expires when, and who signs it again. Reads what has expired as well, from the root down, so a repository
 * that every reader refuses has a status. Asks for no passphrase.
 *
 * @throws MetadataError `REPOSITORY_NOT_SIGNED`, and what an update can refuse apart from expiry; NetworkError
 */
export async function expiryStatus(context: TrustContext, options: ExpiryStatusOptions = {}): Promise<ExpiryStatus> {
  const collection = await readEvenExpired(context);
  const endings = await statusOfEndings(context, collection, options);
  const faults = [...collection.invalidDelegations].filter(([, { error }]) => !hasCode(error, "METADATA_EXPIRED"));
  return {
    gun: context.gun,
    server: context.repository.url,
    cached: collection.isTimestampCached === true,
    endings,
    unusable: faults.map(([role]) => role),
    stagedChanges: await context.stagedChanges(),
  };
}

/** The status of everything in a collection that was read already. */
export async function statusOfEndings(
  context: TrustContext,
  collection: TrustedCollection,
  { withinMs = noticeMs }: ExpiryStatusOptions,
): Promise<readonly EndingStatus[]> {
  const held = new HeldKeys(context);
  const now = context.now();
  return await Promise.all(
    endingsOf(collection).map(async (ending) => {
      const holder = await holderOf(ending, held);
      const keys = keysOf(ending.signers);
      return {
        role: ending.role,
        certificateId: ending.certificate?.key.keyId,
        expiresAt: ending.expiresAt,
        state: stateOf(ending, now, withinMs),
        holder,
        keyIds: keys.map(canonicalIdOf),
        threshold: ending.signers.roleKeys.threshold,
        hereKeyIds: (await held.heldOf(keys)).map(canonicalIdOf),
        isRenewable: ending.certificate?.isSelfIssued ?? true,
      };
    }),
  );
}

function canonicalIdOf({ bareKeyId, keyId }: PublicKey): string {
  return bareKeyId ?? keyId;
}

/** True when the keys of this machine reach the threshold of a role, or are one of several that sign a proposal; asks for no passphrase. */
export async function areEnoughHere(
  { signers }: Pick<Ending, "signers">,
  held: HeldKeys,
  isProposal = false,
): Promise<boolean> {
  return (await held.countHeld(keysOf(signers))) >= (isProposal ? 1 : signers.roleKeys.threshold);
}

async function readEvenExpired(context: TrustContext): Promise<TrustedCollection> {
  try {
    return await readCollection(context);
  } catch (error) {
    // Expired certificates make a root invalid; the second reading says so if anything else is wrong with it.
    if (!hasCode(error, "METADATA_EXPIRED", "ROOT_INVALID")) throw error;
    const { readExpired } = await import("../reading/expired-reading.ts");
    return await readExpired(context, { timestamp: true });
  }
}

/** A server signs a timestamp days before its end, so that one is never due. */
function stateOf({ role, expiresAt }: Ending, now: Date, withinMs: number): EndingState {
  if (expiresAt < now) return "expired";
  return role !== "timestamp" && isDue(expiresAt, now, withinMs) ? "due" : "ok";
}

/** Nothing in the files says who has a snapshot key that is not here: docker and Tagseal give it to the server. */
async function holderOf(ending: Ending, held: HeldKeys): Promise<EndingHolder> {
  if (ending.role === "timestamp") return "server";
  if (await areEnoughHere(ending, held)) return "here";
  if (ending.role === "snapshot") return "server";
  return isDelegation(ending.role) ? "signer" : "owner";
}
