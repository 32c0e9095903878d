/** Splits the roles that have a repository's tags into shards, in one publication; decision 50. */

import { KeyStoreError, MetadataError, UsageError } from "../../errors.ts";
import { sha256 } from "../../crypto/sha256.ts";
import type { CollectionEditor } from "../../tuf/editor.ts";
import type { DelegatedRole, RoleName, Target } from "../../tuf/metadata.ts";
import { baseRoleSigners, declaredSigners, keysOf, type RoleSigners } from "../../tuf/role-signers.ts";
import { keysMissing, missingKeysHint } from "../../tuf/role-signing.ts";
import { mayBeSharded } from "../../tuf/shards/shard-index.ts";
import { hasOtherDelegations } from "../../tuf/shards/shard-plans.ts";
import { automaticPrefixes, usualShardCount } from "../../tuf/shards/shard-prefixes.ts";
import { targetNameFault } from "../../tuf/target-name.ts";
import type { TrustedCollection } from "../../tuf/trusted-collection.ts";
import { HeldKeys } from "../publishing/held-keys.ts";
import { type CollectionChange, publishChange } from "../publishing/publish.ts";
import { notSigned } from "../reading/collection-reading.ts";
import { releasesRole } from "../reading/released-tags.ts";
import type { TrustContext } from "../trust-context.ts";

/** A role that is split. */
export interface ShardedRole {
  readonly role: RoleName;
  readonly tags: number;
  readonly shards: number;
}

/** How to split: beginnings of tags, or chosen from the tags. */
export type ShardChoice = { readonly by: readonly string[] } | "auto";

/** The most prefixes that may be given. */
const maxPrefixes = 512;

/**
 * Splits `targets/releases`, and each signer's role whose keys are here. A repository without signers gets `targets/releases` first, signed by the
 * repository key, and entries of `targets` move there where that key is here.
 *
 * @returns the roles that are split now
 * @throws UsageError `USAGE` for unusable prefixes; MetadataError `REPOSITORY_NOT_SIGNED`; KeyStoreError `SIGNING_KEY_MISSING` without the keys of
 *   `targets/releases`, or of `targets` where that role does not exist; and as `publishChange`
 */
export async function shardRoles(context: TrustContext, choice: ShardChoice): Promise<readonly ShardedRole[]> {
  const held = new HeldKeys(context);
  const change = new Sharding(context, held, choice);
  const { collection } = await publishChange(context, held, change, { initialise: false });
  return shardedRoles(collection);
}

/** The roles of a collection that are split, and whether readers can use it. */
export function shardedRoles({ delegations, shardIndexes }: TrustedCollection): readonly ShardedRole[] {
  return [...shardIndexes.values()].map(({ copied, shards }) => ({
    role: copied,
    tags: delegations.get(copied)?.body.targets.size ?? 0,
    shards: shards.length,
  }));
}

class Sharding implements CollectionChange {
  readonly #context: TrustContext;
  readonly #held: HeldKeys;
  readonly #given: readonly string[] | undefined;
  #prefixes: readonly string[] = [];
  #roles: readonly RoleName[] = [];

  constructor(context: TrustContext, held: HeldKeys, choice: ShardChoice) {
    this.#context = context;
    this.#held = held;
    this.#given = choice === "auto" ? undefined : usablePrefixes(choice.by);
  }

  async apply(editor: CollectionEditor, current: TrustedCollection | undefined): Promise<boolean> {
    if (current === undefined) throw notSigned(this.#context);
    const moves = await this.#gather(editor, current);
    const released = current.delegations.get(releasesRole)?.body.targets;
    const names = new Set([...(released?.keys() ?? []), ...moves.keys()]);
    if (names.size === 0) throw new MetadataError("TAG_NOT_SIGNED", "no signed tags to split");
    this.#prefixes = this.#given ?? automaticPrefixes(names, usualShardCount(names.size));
    this.#roles = [releasesRole, ...(await this.#signersRoles(current))];
    if (moves.size === 0 && this.isIn(current)) return false;
    for (const role of this.#roles) editor.shard(role, this.#prefixes);
    return true;
  }

  isIn(collection: TrustedCollection): boolean {
    return this.#roles.every((role) => {
      const index = collection.shardIndexes.get(role);
      const file = collection.delegations.get(role);
      if (index === undefined || file === undefined || !sha256(file.bytes).equals(index.sha256)) return false;
      const { shards } = index;
      return shards.length === this.#prefixes.length && shards.every(({ prefix }, at) => prefix === this.#prefixes[at]);
    });
  }

  /** Brings all tags into `targets/releases`. @returns what left `targets` */
  async #gather(editor: CollectionEditor, current: TrustedCollection): Promise<ReadonlyMap<string, Target>> {
    const { root, targets, delegations } = current;
    const released = delegations.get(releasesRole)?.body.targets;
    const repositoryKeys = baseRoleSigners(root, "targets");
    const declared = targets.body.delegations.roles?.find(({ name }) => name === releasesRole);
    if (declared === undefined) await this.#addReleases(editor, repositoryKeys);
    else this.#requireSplittable(current, declared);
    if (declared !== undefined) await this.#requireKeys(releasesRole, declaredSigners(targets, releasesRole));
    const entries = targets.body.targets;
    if (entries.size > 0 && !(await this.#canSign(repositoryKeys))) {
      this.#warnOfRest(entries.size);
      return new Map();
    }
    for (const [name, target] of entries) {
      if (released?.has(name) !== true) editor.addTarget(releasesRole, name, target);
      editor.removeTarget("targets", name);
    }
    return entries;
  }

  /** Below `targets` shards would take what docker pushes, so the tags need a role of which shards can be copies. */
  async #addReleases(editor: CollectionEditor, repositoryKeys: RoleSigners): Promise<void> {
    await this.#requireKeys("targets", repositoryKeys);
    const { threshold } = repositoryKeys.roleKeys;
    editor.addDelegation(releasesRole, { addKeys: keysOf(repositoryKeys), addPaths: [""], threshold });
  }

  async #signersRoles(current: TrustedCollection): Promise<readonly RoleName[]> {
    const roles: RoleName[] = [];
    for (const declared of current.targets.body.delegations.roles ?? []) {
      const { name } = declared;
      const tags = current.delegations.get(name)?.body.targets.size ?? 0;
      if (name === releasesRole || !mayBeSharded(name) || tags === 0) continue;
      const obstacle = obstacleOf(current, declared);
      if (obstacle === undefined && (await this.#canSign(declaredSigners(current.targets, name)))) roles.push(name);
      else this.#warn(`${name} stays whole, and readers fetch all of it: ${obstacle ?? "its keys are not here"}`);
    }
    return roles;
  }

  #requireSplittable(current: TrustedCollection, declared: DelegatedRole): void {
    const obstacle = obstacleOf(current, declared);
    if (obstacle === undefined) return;
    throw new UsageError("USAGE", `${declared.name} cannot be split: ${obstacle}`, {
      hint: `List the delegations: tagseal trust delegation list ${current.gun}`,
    });
  }

  async #canSign({ roleKeys, keys }: RoleSigners): Promise<boolean> {
    return (await this.#held.countHeld(keysOf({ roleKeys, keys }))) >= roleKeys.threshold;
  }

  async #requireKeys(role: RoleName, signers: RoleSigners): Promise<void> {
    if (await this.#canSign(signers)) return;
    const { threshold } = signers.roleKeys;
    const keys = keysOf(signers);
    const ids = keys.map(({ canonicalKeyId }) => canonicalKeyId);
    throw new KeyStoreError("SIGNING_KEY_MISSING", `could not split ${role}: ${keysMissing(threshold, ids)}`, {
      hint: missingKeysHint(keys, await this.#held.heldOf(keys), threshold),
    });
  }

  #warnOfRest(entries: number): void {
    if (entries === 0) return;
    const keeps = `targets keeps ${entries === 1 ? "an entry" : `${entries} entries`}, and readers fetch all of it`;
    this.#warn(`${keeps}: the repository key is not here`);
  }

  #warn(message: string): void {
    this.#context.notify({ kind: "warning", gun: this.#context.gun, message });
  }
}

function obstacleOf({ delegations }: TrustedCollection, { name, paths }: DelegatedRole): string | undefined {
  const file = delegations.get(name);
  if (paths?.includes("") !== true) return "it may sign only some names";
  if (file !== undefined && hasOtherDelegations(name, file.body.delegations)) return "it has delegations itself";
  return undefined;
}

/** The prefixes in order, with the one for all other names. */
function usablePrefixes(given: readonly string[]): readonly string[] {
  const prefixes = [...new Set(given.filter((prefix) => prefix !== ""))].sort();
  const fault = prefixes.map(targetNameFault).find((each) => each !== undefined);
  if (fault !== undefined) throw new UsageError("USAGE", `--by: ${fault}`);
  if (prefixes.length > 0 && prefixes.length <= maxPrefixes) return [...prefixes, ""];
  throw new UsageError("USAGE", `--by: give 1 to ${maxPrefixes} beginnings of tags, not ${prefixes.length}`);
}
