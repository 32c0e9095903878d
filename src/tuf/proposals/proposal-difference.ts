/** What a proposed file changes, as people read it before they sign: every member of the file that differs from the published one. */

import type { PublicKey } from "../../crypto/public-key.ts";
import { sameTarget } from "../collection-draft.ts";
import type {
  AnyBody,
  DelegatedRole,
  MetadataFile,
  RoleKeys,
  RoleName,
  RootBody,
  Target,
  TargetsBody,
} from "../metadata.ts";

/** One difference. Without `before` something is new, without `after` it goes. */
export type ProposedChange =
  | { readonly kind: "target"; readonly name: string; readonly before?: Target; readonly after?: Target }
  | {
      readonly kind: "delegation";
      readonly name: RoleName;
      readonly before?: DelegatedRole;
      readonly after?: DelegatedRole;
    }
  /** of a base role, in a root */
  | { readonly kind: "role"; readonly name: RoleName; readonly before?: RoleKeys; readonly after?: RoleKeys }
  /** a key in the list of keys, named by its ID there; which roles it may sign is in the other changes */
  | { readonly kind: "key"; readonly name: string; readonly before?: PublicKey; readonly after?: PublicKey }
  /** another order of the delegations, which decides between two that sign the same name */
  | { readonly kind: "order"; readonly name: string; readonly before: string; readonly after: string }
  | { readonly kind: "consistent-snapshot"; readonly name: string; readonly before: string; readonly after: string };

/** The differences of one role's file. */
export interface RoleDifference {
  readonly role: RoleName;
  readonly version: { readonly before: number; readonly after: number };
  readonly expires: { readonly before: string | undefined; readonly after: string };
  readonly changes: readonly ProposedChange[];
}

/** What a file changes. @param before the published file whose content counts; undefined when there is none, and everything is new */
export function differenceOf(before: MetadataFile | undefined, after: MetadataFile): RoleDifference {
  return {
    role: after.role,
    version: { before: before?.body.version ?? 0, after: after.body.version },
    expires: { before: before?.body.expires, after: after.body.expires },
    changes: changesIn(before?.body, after.body),
  };
}

function changesIn(before: AnyBody | undefined, after: AnyBody): readonly ProposedChange[] {
  if (after.type === "root") return rootChanges(before?.type === "root" ? before : undefined, after);
  if (after.type === "targets") return targetsChanges(before?.type === "targets" ? before : undefined, after);
  return [];
}

function targetsChanges(before: TargetsBody | undefined, after: TargetsBody): readonly ProposedChange[] {
  return [
    ...pairs("target", before?.targets, after.targets, sameTarget),
    ...pairs("delegation", delegationsIn(before), delegationsIn(after), sameDelegation),
    ...keyChanges(before?.delegations.keys, after.delegations.keys),
    ...orderChange(before, after),
  ];
}

function delegationsIn(body: TargetsBody | undefined): ReadonlyMap<RoleName, DelegatedRole> {
  return new Map((body?.delegations.roles ?? []).map((role) => [role.name, role]));
}

function rootChanges(before: RootBody | undefined, after: RootBody): readonly ProposedChange[] {
  const name = "consistent_snapshot";
  const [old, now] = [before?.consistentSnapshot ?? after.consistentSnapshot, after.consistentSnapshot];
  return [
    ...pairs("role", before?.roles, after.roles, sameRoleKeys),
    ...keyChanges(before?.keys, after.keys),
    ...(old === now ? [] : [{ kind: "consistent-snapshot", name, before: String(old), after: String(now) } as const]),
  ];
}

/** A key is listed under the ID that its content gives it, so one ID never means two keys. */
function keyChanges(
  before: ReadonlyMap<string, PublicKey> | undefined,
  after: ReadonlyMap<string, PublicKey>,
): readonly ProposedChange[] {
  return pairs("key", before, after, () => true);
}

function orderChange(before: TargetsBody | undefined, after: TargetsBody): readonly ProposedChange[] {
  const [old, now] = [[...delegationsIn(before).keys()], [...delegationsIn(after).keys()]];
  const order = {
    before: old.filter((name) => now.includes(name)).join(", "),
    after: now.filter((name) => old.includes(name)).join(", "),
  };
  return order.before === order.after ? [] : [{ kind: "order", name: "delegations", ...order }];
}

interface Pair<K, T> {
  readonly kind: K;
  readonly name: string;
  readonly before?: T;
  readonly after?: T;
}

/** Entries that are new, gone, or differ, by name. */
function pairs<const K extends string, T>(
  kind: K,
  before: ReadonlyMap<string, T> | undefined,
  after: ReadonlyMap<string, T>,
  isSame: (one: T, other: T) => boolean,
): readonly Pair<K, T>[] {
  const found: Pair<K, T>[] = [];
  for (const name of [...new Set([...(before?.keys() ?? []), ...after.keys()])].sort()) {
    const [old, now] = [before?.get(name), after.get(name)];
    if (old !== undefined && now !== undefined && isSame(old, now)) continue;
    const sides = { ...(old === undefined ? {} : { before: old }), ...(now === undefined ? {} : { after: now }) };
    found.push({ kind, name, ...sides });
  }
  return found;
}

function sameRoleKeys(one: RoleKeys, other: RoleKeys): boolean {
  return one.threshold === other.threshold && sameSet(one.keyIds, other.keyIds);
}

function sameDelegation(one: DelegatedRole, other: DelegatedRole): boolean {
  return sameRoleKeys(one, other) && sameSet(one.paths, other.paths);
}

function sameSet(one: readonly string[] | null | undefined, other: readonly string[] | null | undefined): boolean {
  const [first, second] = [new Set(one), new Set(other)];
  return first.size === second.size && [...first].every((value) => second.has(value));
}
