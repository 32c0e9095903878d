/** What a renewal signs: everything whose keys are here, and the root only when it would end before the rest. */

import { lifetimeMs } from "../../tuf/expiry.ts";
import type { RoleName } from "../../tuf/metadata.ts";
import type { TrustedCollection } from "../../tuf/trusted-collection.ts";
import type { HeldKeys } from "../publishing/held-keys.ts";
import { type Ending, endingsOf, type RootCertificate } from "./endings.ts";
import { areEnoughHere } from "./expiry-status.ts";

/** What a renewal signs. */
export interface RenewalPlan {
  /** everything that is signed here */
  readonly roles: readonly RoleName[];
  /** of these, targets and delegations */
  readonly witnessed: readonly RoleName[];
  /** root certificates to replace by new ones for the same keys */
  readonly certificates: readonly RootCertificate[];
  /** has expired, is not signed here, and readers accept nothing without it */
  readonly blocked: readonly Ending[];
}

/** What is planned. */
export interface RenewalWish {
  readonly now: Date;
  /** one key of each role is enough, for others sign later; the snapshot is made when they have */
  readonly isProposal?: boolean;
}

/** Plans with what is known about keys without unlocking them. */
export async function planRenewal(
  collection: TrustedCollection,
  held: HeldKeys,
  { now, isProposal = false }: RenewalWish,
): Promise<RenewalPlan> {
  const endings = endingsOf(collection);
  const here: Ending[] = [];
  for (const ending of endings) {
    const isLeftOut = ending.role === "timestamp" || (isProposal && ending.role === "snapshot");
    if (!isLeftOut && (await areEnoughHere(ending, held, isProposal))) here.push(ending);
  }
  const until = new Date(now.getTime() + lifetimeMs("targets"));
  const isWanted = ({ role, expiresAt }: Ending): boolean => role !== "root" || expiresAt < until;
  const wanted = here.filter(isWanted);
  const certificates = await renewable(wanted, held, isProposal);
  const roles = new Set(wanted.filter(({ certificate }) => certificate === undefined).map(({ role }) => role));
  if (certificates.length > 0) roles.add("root");
  const isBlocked = (ending: Ending): boolean =>
    ending.expiresAt < now && (!here.includes(ending) || isForeign(ending)) && isNeeded(ending);
  return {
    roles: [...roles],
    witnessed: [...roles].filter((role) => role !== "root" && role !== "snapshot"),
    certificates,
    blocked: endings.filter(isBlocked),
  };
}

/** Readers skip an expired delegation, and the server signs its own files. */
function isNeeded({ role }: Ending): boolean {
  return role === "root" || role === "targets";
}

function isForeign({ certificate }: Ending): boolean {
  return certificate?.isSelfIssued === false;
}

/** In a proposal, those of colleagues' keys too: each of these keys signs the new root itself. */
async function renewable(
  wanted: readonly Ending[],
  held: HeldKeys,
  isProposal: boolean,
): Promise<readonly RootCertificate[]> {
  const found: RootCertificate[] = [];
  for (const { certificate } of wanted) {
    if (certificate?.isSelfIssued === true && (isProposal || (await held.holds(certificate.key))))
      found.push(certificate);
  }
  return found;
}
