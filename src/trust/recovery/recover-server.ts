/**
 * Sends back to a trust server what it lost: it was restored from a backup, and this machine has seen newer signed files. Nothing is
 * signed here, only files that this machine trusts are sent, and the server checks all of them like any publication.
 */

import { hasCode, MetadataError, NetworkError, TagsealError } from "../../errors.ts";
import type { VerifiedCollection } from "../../tuf/collection-verification.ts";
import type { RoleName } from "../../tuf/metadata.ts";
import { readCollection } from "../reading/collection-reading.ts";
import { handOverRemembered } from "./hand-over-remembered.ts";
import { planRecovery, type RecoveryPlan, type RoleVersion } from "./recovery-plan.ts";
import { rememberedCollection, servedCollection } from "./remembered-collection.ts";
import { pause } from "../../timing/pause.ts";
import type { TrustContext } from "../trust-context.ts";

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
  if (served === undefined && !options.undelete && (await context.repository.wasDeleted())) throw deleted(context);
  const plan = planRecovery(remembered, served, context.now());
  requirePossible(context, plan);
  if (options.dryRun || isEmpty(plan)) return resultOf(plan, true);
  const sent = await send(context, plan, async (refusal) => {
    if (!options.newServerKeys) throw lostKeys(context, remembered, refusal);
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

function isUnknownPart(error: unknown): boolean {
  return error instanceof NetworkError && error.serverCode === "INVALID_ROLE";
}

/** The reference's words, which every server uses. Notary v1: what the server validates. */
const lostKeyWords = /no {1,2}timestamp keys exist on the server|server does not hold current snapshot key/u;

function isLostKey(error: unknown): error is TagsealError {
  return hasCode(error, "TRUST_SERVER_REFUSED") && lostKeyWords.test(error.message);
}

function lostKeys({ gun }: TrustContext, { roots }: VerifiedCollection, cause: TagsealError): TagsealError {
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

function nothingRemembered({ gun }: TrustContext): MetadataError {
  return new MetadataError("REPOSITORY_NOT_SIGNED", `this machine remembers no trust data for ${gun}`, {
    hint: "Run this command on a machine that has published to the repository or read from it.",
  });
}

function deleted({ gun, repository }: TrustContext): TagsealError {
  const message = `${gun} was deleted on ${repository.name}: it is not brought back`;
  return new TagsealError("RECOVERY_REFUSED", message, {
    hint: `If it was deleted by mistake, or made again since: tagseal trust recover-server --undelete ${gun}`,
  });
}

function otherRepository({ gun, repository }: TrustContext, cause?: unknown): TagsealError {
  const message = `${repository.name} has another repository under the name ${gun} than this machine trusts`;
  return new TagsealError("RECOVERY_REFUSED", message, {
    cause,
    hint: "One of them was deleted and begun again. Ask its owner which one counts; delete the other on the server, then run this command again.",
  });
}
