/**
 * Sends back to a trust server what it lost: it was restored from a backup, and this machine has seen newer signed files. Nothing is
 * signed here, only files that this machine trusts are sent, and the server checks all of them like any publication.
 */

import { hasCode, TagsealError } from "../../errors.ts";
import type { VerifiedCollection } from "../../tuf/collection-verification.ts";
import type { RoleName, RoleVersion } from "../../tuf/metadata.ts";
import { readCollection } from "../reading/collection-reading.ts";
import { handOverRemembered } from "./hand-over-remembered.ts";
import { planRecovery, type RecoveryPlan } from "./recovery-plan.ts";
import { rememberedCollection, servedCollection } from "./remembered-collection.ts";
import { pause } from "../../timing/pause.ts";
import type { TrustContext } from "../trust-context.ts";
import {
  isUnknownPart,
  isLostKey,
  serverKeysLost,
  nothingRemembered,
  repositoryDeleted,
  otherRepository,
} from "./recovery-refusals.ts";

/** How to recover. */
export interface RecoverOptions {
  /** only report what would be sent */
  readonly dryRun: boolean;
  /** bring back a deleted repository */
  readonly undelete: boolean;
  /** name keys that the server has in a new root, if those of the newest root are lost: needs the root key */
  readonly newServerKeys: boolean;
}

/** The result of a recovery. */
export interface RecoverResult {
  /** became current, in this order; with the roots on the way to the newest */
  readonly sent: readonly RoleVersion[];
  /** versions of snapshot and timestamp above which the server now stays */
  readonly passed: readonly RoleVersion[];
  /** newer here, and lost: other files were published with these versions since the restore */
  readonly replaced: readonly RoleVersion[];
  /** the server's versions are still below what readers here have seen: it accepts no proofs (a Notary server), or the owner signs the snapshot */
  readonly isBehind: boolean;
}

/** Waits between attempts after conflicting publications, in milliseconds. */
const delaysMs = [100, 400, 1_000, 2_000];

/**
 * Sends the newest files in the cache of this machine to the server that lost them, and reads the collection back.
 *
 * @throws MetadataError `REPOSITORY_NOT_SIGNED` when this machine has nothing cached; what verification refuses
 * @throws TagsealError `RECOVERY_REFUSED` when nothing can be sent: another repository, a deleted one, a missing root, lost keys
 * @throws NetworkError `PUBLISH_CONFLICT`, `TRUST_SERVER_REFUSED`, and what a connection throws
 */
export async function recoverServer(context: TrustContext, options: RecoverOptions): Promise<RecoverResult> {
  for (const delayMs of [...delaysMs, undefined]) {
    try {
      return await recoverOnce(context, options);
    } catch (error) {
      if (!hasCode(error, "PUBLISH_CONFLICT") || delayMs === undefined) throw error;
      await pause(delayMs, context.signal);
    }
  }
  throw new TagsealError("INTERNAL", "the last attempt neither ended nor failed");
}

async function recoverOnce(context: TrustContext, options: RecoverOptions): Promise<RecoverResult> {
  const served = await servedCollection(context);
  const remembered = await rememberedOrExplain(context);
  if (remembered === undefined) throw nothingRemembered(context);
  if (served === undefined && !options.undelete && (await context.repository.wasDeleted()))
    throw repositoryDeleted(context);
  const plan = planRecovery(remembered, served, context.now());
  requirePossible(context, plan);
  if (options.dryRun || isEmpty(plan)) return resultOf(plan, true);
  const sent = await send(context, plan, async (refusal) => {
    if (!options.newServerKeys) throw serverKeysLost(context, remembered, refusal);
    return planRecovery(await handOverRemembered(context, remembered), served, context.now());
  });
  return { ...resultOf(sent.plan, sent.tookProofs), isBehind: !(await isReadable(context)) };
}

/** Roots of the server that do not lead to the root trusted here belong to another repository. */
async function rememberedOrExplain(context: TrustContext): Promise<VerifiedCollection | undefined> {
  try {
    return await rememberedCollection(context);
  } catch (error) {
    if (hasCode(error, "ROOT_ROTATION_REFUSED")) throw otherRepository(context, error);
    throw error;
  }
}

function requirePossible(context: TrustContext, { isOther, missingRoots }: RecoveryPlan): void {
  if (isOther) throw otherRepository(context);
  if (missingRoots.length === 0) return;
  const roots = missingRoots.join(", ");
  throw new TagsealError("RECOVERY_REFUSED", `${context.gun}: root ${roots} is not remembered on this machine`, {
    hint: "Run this command first on a machine that used the repository while that root was the newest, such as its publisher's.",
  });
}

interface Sent {
  readonly plan: RecoveryPlan;
  readonly tookProofs: boolean;
}

async function send(
  context: TrustContext,
  plan: RecoveryPlan,
  withOtherKeys: (refusal: TagsealError) => Promise<RecoveryPlan>,
): Promise<Sent> {
  try {
    await context.repository.publish(partsOf(plan));
    return { plan, tookProofs: true };
  } catch (error) {
    if (isLostKey(error)) return await send(context, await withOtherKeys(error), rethrow);
    if (!isUnknownPart(error) || plan.lost.length === 0) throw error;
    await sendPlainly(context, plan);
    return { plan, tookProofs: false };
  }
}

/** For a server without support for lost versions: root by root, then everything else. */
async function sendPlainly({ repository }: TrustContext, { lost, files }: RecoveryPlan): Promise<void> {
  for (const { role, bytes } of lost) if (role === "root") await repository.publish(new Map([[role, bytes]]));
  if (files.length > 0) await repository.publish(new Map(files.map(({ role, bytes }) => [role, bytes])));
}

/** Parts have the names of fetched files: `3.root` for an earlier root, the role alone for what becomes current. */
function partsOf({ lost, files }: RecoveryPlan): ReadonlyMap<RoleName, Uint8Array> {
  return new Map([
    ...lost.map(({ role, version, bytes }) => [`${version}.${role}`, bytes] as const),
    ...files.map(({ role, bytes }) => [role, bytes] as const),
  ]);
}

/** Reads the collection as the users of this machine will: a version that is still behind is refused here. */
async function isReadable(context: TrustContext): Promise<boolean> {
  try {
    await readCollection(context, { maxStalenessMs: 0 });
    return true;
  } catch (error) {
    if (!hasCode(error, "METADATA_VERSION_ROLLBACK")) throw error;
    return false;
  }
}

function resultOf({ lost, files, replaced }: RecoveryPlan, tookProofs: boolean): RecoverResult {
  const roots = lost.filter(({ role }) => role === "root");
  const proofs = lost.filter(({ role }) => role !== "root");
  return {
    sent: [...roots, ...files].map(versionOf),
    passed: tookProofs ? proofs.map(versionOf) : [],
    replaced,
    isBehind: false,
  };
}

function versionOf({ role, version }: RoleVersion): RoleVersion {
  return { role, version };
}

function isEmpty({ lost, files }: RecoveryPlan): boolean {
  return lost.length === 0 && files.length === 0;
}

async function rethrow(refusal: TagsealError): Promise<never> {
  throw refusal;
}
