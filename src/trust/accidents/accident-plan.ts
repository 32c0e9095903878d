import { MetadataError, UsageError } from "../../errors.ts";
import type { PublicKey } from "../../crypto/public-key.ts";
import type { RoleName } from "../../tuf/metadata.ts";
import { isBaseRole, parentOf } from "../../tuf/role-name.ts";
import { baseRoleSigners, declaredSigners, delegatedRole, keysOf, type RoleSigners } from "../../tuf/role-signers.ts";
import { targetsFileOf, type TrustedCollection } from "../../tuf/trusted-collection.ts";
import { HeldKeys } from "../publishing/held-keys.ts";
import { isPublished, type RotationMemory } from "../rotation/begun-rotation.ts";
import { namedKeys } from "../rotation/replaced-keys.ts";
import { signerName } from "../reading/released-tags.ts";
import type { TrustCache, TrustRepository } from "../ports.ts";
import type { TrustContext } from "../trust-context.ts";
import type { Accident, AccidentPlan, RecoveryStep } from "./accident.ts";
import { isNothingLost } from "./nothing-lost.ts";
import { leakedKeys, lostKeys, type RoleCandidates } from "./role-candidates.ts";

/** What the user knows besides the accidents. All IDs are canonical. */
export interface PlanOptions {
  /** the spare root key, whose private key is in the key store of the context */
  readonly spare?: string | undefined;
  /** keys that are lost or leaked, where a role has several */
  readonly replace: readonly string[];
  /** all other root keys are lost as well */
  readonly withoutSpare: boolean;
  /** what this machine remembers of a rotation that did not end */
  readonly memoryOf: (role: RoleName) => RotationMemory | undefined;
}

/**
 * Plans what repairs a collection. Decides by what is known about keys without unlocking them.
 *
 * @throws UsageError `USAGE`, `KEY_NOT_FOUND` when it is not clear which key is meant
 * @throws MetadataError `SIGNING_KEY_MISSING` when a key that must sign the repair is not here; `SIGNER_UNKNOWN`
 */
export async function planAccidents(
  context: TrustContext,
  collection: TrustedCollection,
  accidents: readonly Accident[],
  options: PlanOptions,
): Promise<AccidentPlan> {
  const planning = new Planning(context, collection, options);
  const steps: RecoveryStep[] = [];
  for (const accident of accidents.toSorted(rootFirst)) steps.push(await planning.step(accident));
  const restart = steps.find(({ kind }) => kind === "restart");
  const isFirst = collection.pinnedOnFirstUse && (await context.cache.load("root")) === undefined;
  return {
    gun: context.gun,
    // A collection that is made again has new keys and new signatures.
    steps: restart === undefined ? steps : [restart, ...steps.filter(isOfSigner)],
    lostKeyIds: planning.lost,
    ...(isFirst ? { firstRoot: collection.root } : {}),
  };
}

function rootFirst(one: Accident, other: Accident): number {
  return rank(one) - rank(other);
}

function rank(accident: Accident): number {
  if (accident.what === "expired") return 4;
  return ["root", "targets", "snapshot"].includes(accident.role)
    ? ["root", "targets", "snapshot"].indexOf(accident.role)
    : 3;
}

function isOfSigner(step: RecoveryStep): boolean {
  return step.kind === "rotate" && !isBaseRole(step.role);
}

class Planning {
  readonly #collection: TrustedCollection;
  readonly #held: HeldKeys;
  readonly #repository: TrustRepository;
  readonly #cache: TrustCache;
  readonly #options: PlanOptions;
  readonly #gun: string;
  readonly lost: string[] = [];

  constructor(context: TrustContext, collection: TrustedCollection, options: PlanOptions) {
    this.#collection = collection;
    this.#held = new HeldKeys(context);
    this.#repository = context.repository;
    this.#cache = context.cache;
    this.#options = options;
    this.#gun = context.gun;
  }

  async step(accident: Accident): Promise<RecoveryStep> {
    if (accident.what === "expired") return { kind: "renew" };
    const { role, what } = accident;
    const isLeaked = what === "leaked";
    if (role === "timestamp" || (role === "snapshot" && !(await this.#isHere(role)))) {
      const keyIds = this.#named(role);
      if (role === "snapshot" && !isLeaked && (await this.#isAtServer(keyIds)))
        return { kind: "none", role, keyIds, holder: "server" };
      return { kind: "rotate", role, replaced: keyIds, holder: "server", isLeaked };
    }
    const candidates = await this.#candidates(role);
    const before = await this.#publishedBefore(candidates);
    if (before !== undefined) {
      if (!isLeaked) this.lost.push(...before);
      return { kind: "rotate", role, replaced: before, holder: undefined, isLeaked, isPublished: true };
    }
    if (!isLeaked && (await isNothingLost(candidates, this.#collection, this.#cache)))
      return { kind: "none", role, keyIds: candidates.here, holder: undefined };
    const replaced = isLeaked ? leakedKeys(candidates) : lostKeys(candidates);
    if (!isLeaked) this.lost.push(...replaced);
    if (role === "root") return await this.#root(candidates, replaced, isLeaked);
    return { kind: "rotate", role, replaced, holder: role === "snapshot" ? "server" : undefined, isLeaked };
  }

  /** The keys that an earlier run replaced; undefined when there is none, or when it is its new key that the user means. */
  async #publishedBefore({ role, named, here, replace }: RoleCandidates): Promise<readonly string[] | undefined> {
    const begun = await this.#options.memoryOf(role)?.load();
    if (!isPublished(begun, named)) return undefined;
    const { replaced, newKeyId } = begun;
    const isMeant = here.includes(newKeyId) && replace.every((keyId) => replaced.includes(keyId));
    return isMeant ? replaced : undefined;
  }

  async #root(
    { named, here, spare }: RoleCandidates,
    replaced: readonly string[],
    isLeaked: boolean,
  ): Promise<RecoveryStep> {
    const usable = [...here, ...(spare === undefined ? [] : [spare])];
    const signing = isLeaked ? usable : usable.filter((keyId) => !replaced.includes(keyId));
    const { threshold } = this.#collection.root.body.roles.get("root") ?? { threshold: 1 };
    if (signing.length >= threshold) return { kind: "rotate", role: "root", replaced, holder: undefined, isLeaked };
    const elsewhere = named.filter((keyId) => !replaced.includes(keyId) && !signing.includes(keyId));
    if (!isLeaked && (elsewhere.length === 0 || this.#options.withoutSpare)) {
      this.lost.push(...elsewhere);
      return { kind: "restart", replaced: named };
    }
    throw this.#needsRootKey(isLeaked ? named : elsewhere);
  }

  #needsRootKey(keyIds: readonly string[]): MetadataError {
    const message = `a new root of ${this.#gun} must be signed by a root key that it has, and none is on this machine`;
    return new MetadataError("SIGNING_KEY_MISSING", message, {
      hint: `Give the spare root key: --spare FILE. Its ID is ${keyIds.join(" or ")}.`,
    });
  }

  async #candidates(role: RoleName): Promise<RoleCandidates> {
    const named = this.#named(role);
    const { spare: given, replace } = this.#options;
    const spare = role === "root" ? given : undefined;
    if (spare !== undefined && !named.includes(spare))
      throw new UsageError("KEY_NOT_FOUND", `the spare ${spare} is not a root key of ${this.#gun}`, {
        hint: `See which root keys it has: tagseal trust root list ${this.#gun}`,
      });
    const here: string[] = [];
    for (const key of this.#keys(role))
      if (key.bareKeyId !== spare && (await this.#held.holds(key))) here.push(key.bareKeyId ?? key.keyId);
    // With several accidents, each takes the chosen keys that its role has.
    const chosen = replace.filter((keyId) => named.includes(keyId));
    return { gun: this.#gun, role, named, here, spare, replace: chosen.length > 0 ? chosen : replace };
  }

  /** A server that does not have the key shows another one. */
  async #isAtServer(keyIds: readonly string[]): Promise<boolean> {
    return keyIds.includes((await this.#repository.getKey("snapshot")).canonicalKeyId);
  }

  async #isHere(role: RoleName): Promise<boolean> {
    return (await this.#held.countHeld(this.#keys(role))) > 0;
  }

  #keys(role: RoleName): readonly PublicKey[] {
    return keysOf(this.#signers(role));
  }

  #named(role: RoleName): readonly string[] {
    const { roleKeys, keys } = this.#signers(role);
    return namedKeys(roleKeys, keys).map(({ canonicalId }) => canonicalId);
  }

  #signers(role: RoleName): RoleSigners {
    if (isBaseRole(role)) return baseRoleSigners(this.#collection.root, role);
    const parent = targetsFileOf(this.#collection, parentOf(role));
    if (parent !== undefined && delegatedRole(parent, role) !== undefined) return declaredSigners(parent, role);
    throw new MetadataError("SIGNER_UNKNOWN", `no signer ${signerName(role)} for repository ${this.#gun}`, {
      hint: `See its signers: tagseal trust signer list ${this.#gun}`,
    });
  }
}
