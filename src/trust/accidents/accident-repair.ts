import type { PublicKey } from "../../crypto/public-key.ts";
import type { RoleName } from "../../tuf/metadata.ts";
import type { RenewResult } from "../renewal/renew.ts";
import { renewCollection } from "../renewal/renew.ts";
import type { RotationMemory } from "../rotation/begun-rotation.ts";
import type { FindMentions } from "../rotation/retired-keys.ts";
import { rotateKey, type RotateOptions, type RotateResult } from "../rotation/rotate.ts";
import type { TrustContext } from "../trust-context.ts";
import type { AccidentPlan, RecoveryStep } from "./accident.ts";
import { restartCollection, type RestartResult } from "./restart.ts";

/** What a step did. */
export type RepairResult =
  | { readonly kind: "rotate"; readonly rotation: RotateResult }
  | { readonly kind: "restart"; readonly restart: RestartResult }
  | { readonly kind: "renew"; readonly renewal: RenewResult }
  | Extract<RecoveryStep, { kind: "none" }>;

/** What a repair works with. */
export interface RepairTools {
  /** the root key that replaces a lost or leaked one; made once for all collections that are repaired */
  readonly rootKey: (replaced: readonly string[]) => Promise<PublicKey>;
  /** keys to use instead of new ones, for other roles than root */
  readonly keys?: () => Promise<readonly PublicKey[]>;
  readonly memoryOf: (role: RoleName) => RotationMemory | undefined;
  /** remove old private keys that nothing names any more */
  readonly removeOld?: FindMentions;
  /** replace a signer's key even if readers lose what it signed until the signer signs again */
  readonly force: boolean;
}

/**
 * Carries a plan out, step by step. Each step is one publication, or a deletion and one publication; after a failure the same call
 * continues, since a step that was done is not done twice.
 *
 * The root that a plan was made from is remembered first, where the plan has one: a server cannot present another one to the repair.
 *
 * @param context its key store has no key that is lost
 * @throws what `rotateKey`, `restartCollection` and `renewCollection` throw
 */
export async function repair(
  context: TrustContext,
  { steps, firstRoot }: AccidentPlan,
  tools: RepairTools,
): Promise<readonly RepairResult[]> {
  const { cache } = context;
  if (firstRoot !== undefined && (await cache.load("root")) === undefined) await cache.store("root", firstRoot.bytes);
  const results: RepairResult[] = [];
  for (const step of steps) results.push(await doStep(context, step, tools));
  return results;
}

async function doStep(context: TrustContext, step: RecoveryStep, tools: RepairTools): Promise<RepairResult> {
  if (step.kind === "none") return step;
  if (step.kind === "renew") return { kind: "renew", renewal: await renewCollection(context) };
  if (step.kind === "rotate") return { kind: "rotate", rotation: await rotate(context, step, tools) };
  const key = await tools.rootKey(step.replaced);
  const memory = tools.memoryOf("targets");
  return { kind: "restart", restart: await restartCollection(context, key, memory) };
}

async function rotate(
  context: TrustContext,
  { role, replaced, holder, isPublished }: Extract<RecoveryStep, { kind: "rotate" }>,
  { rootKey, keys, memoryOf, removeOld, force }: RepairTools,
): Promise<RotateResult> {
  const memory = memoryOf(role);
  if (isPublished === true) return await rotateKey(context, role, { ...optional(memory, removeOld) });
  const given = role === "root" ? async () => [await remembered(await rootKey(replaced), replaced, memory)] : keys;
  return await rotateKey(context, role, {
    force,
    ...(holder === undefined ? { replace: replaced } : { holder }),
    ...(holder === undefined && given !== undefined ? { keys: given } : {}),
    ...optional(memory, removeOld),
  });
}

function optional(
  memory: RotationMemory | undefined,
  removeOld: FindMentions | undefined,
): Pick<RotateOptions, "memory" | "removeOld"> {
  return { ...(memory === undefined ? {} : { memory }), ...(removeOld === undefined ? {} : { removeOld }) };
}

/** One root key serves several collections; each remembers whether it has it. */
async function remembered(
  key: PublicKey,
  replaced: readonly string[],
  memory: RotationMemory | undefined,
): Promise<PublicKey> {
  await memory?.save({ keysBefore: [], replaced, newKeyId: key.canonicalKeyId });
  return key;
}
