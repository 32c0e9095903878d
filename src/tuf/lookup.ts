/** Finds targets in a trusted collection: which role signs for a name, and what it says. Notary v1: walking and lookups. */

import type { PublicKey } from "../crypto/public-key.ts";
import { MetadataError } from "../errors.ts";
import type { DelegatedRole, RoleName, Target, TargetsFile } from "./metadata.ts";
import { PathPrefixes } from "./path-prefixes.ts";
import { isWithin } from "./role-name.ts";
import type { TrustedCollection } from "./trusted-collection.ts";

/** The files a walk goes through; every trusted collection has them. */
export type WalkableCollection = Pick<TrustedCollection, "targets" | "delegations"> &
  Partial<Pick<TrustedCollection, "shardIndexes">>;

/** A target and the role that signed it. */
export interface FoundTarget {
  readonly name: string;
  readonly role: RoleName;
  readonly target: Target;
}

/** A delegation as its parent declares it. */
export interface ListedDelegation {
  readonly role: DelegatedRole;
  /** IDs of the bare keys, as key stores and users know them */
  readonly canonicalKeyIds: readonly string[];
  readonly threshold: number;
}

/**
 * Finds the target with this name. Each given role is searched with everything below it, in turn, without the other given roles;
 * the first hit wins. Within one search, roles nearer to the start win.
 *
 * A hit may come from a role below the requested one: check `role` if that matters.
 *
 * @param roles in order of preference; default `targets` and all below
 */
export function findTarget(
  collection: WalkableCollection,
  name: string,
  roles: readonly RoleName[] = ["targets"],
): FoundTarget | undefined {
  for (const start of roles) {
    for (const { file, paths } of walk(collection, start, otherRoles(roles, start), name)) {
      const target = paths.covers(name) ? file.body.targets.get(name) : undefined;
      if (target !== undefined) return { name, role: file.role, target };
    }
  }
  return undefined;
}

/**
 * Lists every name with the target {@link findTarget} would give for it, in the order of the walk.
 *
 * @param roles as for {@link findTarget}
 */
export function listTargets(collection: WalkableCollection, roles: readonly RoleName[] = ["targets"]): FoundTarget[] {
  const found = new Map<string, FoundTarget>();
  for (const start of roles) {
    for (const { file, paths } of walk(collection, start, otherRoles(roles, start))) {
      for (const [name, target] of file.body.targets) {
        if (!found.has(name) && paths.covers(name)) found.set(name, { name, role: file.role, target });
      }
    }
  }
  return [...found.values()];
}

/**
 * Every file that a lookup goes through, in the order of the walk, with the names that it may sign.
 *
 * Off-spec: for all names the reference also returns those outside a role's paths, which no lookup accepts.
 */
export function walkedFiles(collection: WalkableCollection): readonly WalkedFile[] {
  return [...walk(collection, "targets", new Set())];
}

/** Lists all declared delegations, whether they have metadata or not, parents before children. Shards are part of the role that they copy. */
export function listDelegations(collection: WalkableCollection): ListedDelegation[] {
  const listed: ListedDelegation[] = [];
  for (const file of [collection.targets, ...collection.delegations.values()]) {
    const { keys, roles } = file.body.delegations;
    const index = collection.shardIndexes?.get(file.role)?.file.role;
    for (const role of roles ?? []) {
      if (role.name !== index)
        listed.push({ role, canonicalKeyIds: canonicalIds(role.keyIds ?? [], keys), threshold: role.threshold });
    }
  }
  return listed;
}

/**
 * The digest that binds a target's content.
 *
 * @throws MetadataError `METADATA_MALFORMED` for a target without a SHA-256: nothing else names an image
 */
export function sha256Of(found: FoundTarget): Uint8Array {
  const hash = found.target.hashes.get("sha256");
  if (hash?.length === 32) return hash;
  throw new MetadataError("METADATA_MALFORMED", "no valid hash, expecting sha256", {
    hint: `The entry ${JSON.stringify(found.name)} of ${found.role} must be signed again.`,
  });
}

/** A role's file on the walk. */
export interface WalkedFile {
  readonly file: TargetsFile;
  /** the names this role may sign, with the limits of all its ancestors */
  readonly paths: PathPrefixes;
}

/**
 * Visits a subtree breadth first, children in their parent's order. Roles without metadata, roles to skip and roles whose paths do not
 * cover the wanted name are passed over with everything below them.
 */
function* walk(
  collection: WalkableCollection,
  start: RoleName,
  skip: ReadonlySet<RoleName>,
  name = "",
): Generator<WalkedFile> {
  const queue: WalkedFile[] = [{ file: collection.targets, paths: PathPrefixes.all }];
  for (const visit of queue) {
    const { role } = visit.file;
    const isOnTheWay = role !== start && isWithin(start, role);
    if (!isOnTheWay) {
      const isWanted = isWithin(role, start) && !skip.has(role) && (name === "" || visit.paths.covers(name));
      if (!isWanted) continue;
      yield visit;
    }
    queue.push(...children(collection, visit));
  }
}

function children(collection: WalkableCollection, parent: WalkedFile): WalkedFile[] {
  const visits: WalkedFile[] = [];
  for (const role of parent.file.body.delegations.roles ?? []) {
    const file = collection.delegations.get(role.name);
    if (file !== undefined) visits.push({ file, paths: parent.paths.restrict(role.paths ?? []) });
  }
  return visits;
}

function otherRoles(roles: readonly RoleName[], start: RoleName): ReadonlySet<RoleName> {
  return new Set(roles.filter((role) => role !== start));
}

function canonicalIds(keyIds: readonly string[], keys: ReadonlyMap<string, PublicKey>): string[] {
  // An unreadable certificate has no bare key: it is listed under the only ID it has.
  return keyIds.map((id) => keys.get(id)?.bareKeyId ?? keys.get(id)?.keyId ?? id);
}
