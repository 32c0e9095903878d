/**
 * What a publication changed, as fields of its log line: who signed each file, which tags and keys changed. Lists are bounded, and show how many more
 * entries there were.
 */

import { encodeHex } from "../../encoding/hex.ts";
import { differingNames } from "../../tuf/notary-v1/received-targets.ts";
import type {
  AnyBody,
  DelegatedRole,
  MetadataFile,
  RoleKeys,
  RoleName,
  RoleVersion,
  Target,
  TargetsBody,
} from "../../tuf/metadata.ts";
import type { LogFields } from "../../service/log.ts";

/** A new file, and the one it replaces, if any. */
export interface Replacement {
  readonly before: MetadataFile | undefined;
  readonly after: MetadataFile;
}

/** As many entries as are readable in one line. */
const maxListed = 20;
const maxItemLength = 384;
/** of a tag; digests follow names and must not be cut off with them */
const maxNameLength = 128;

/** The fields; unchanged parts have none. */
export function evidenceOf(files: readonly Replacement[]): LogFields {
  const tags = files.flatMap(tagChanges);
  const tagsOf = (kind: TagChange["kind"]): string | undefined =>
    listed(tags.filter((tag) => tag.kind === kind).map(({ text }) => text));
  return {
    signedBy: listed(files.flatMap(({ after }) => after.signatures.map(({ keyId }) => `${after.role} ${keyId}`))),
    tagsAdded: tagsOf("added"),
    tagsChanged: tagsOf("changed"),
    tagsRemoved: tagsOf("removed"),
    keysAdded: listed(files.flatMap(({ before, after }) => newKeys(before?.body, after.body))),
    keysRemoved: listed(files.flatMap(({ before, after }) => newKeys(after.body, before?.body))),
    delegationsAdded: listed(files.flatMap(({ before, after }) => newDelegations(before?.body, after.body))),
    delegationsRemoved: listed(files.flatMap(({ before, after }) => newDelegations(after.body, before?.body))),
    rightsChanged: listed(files.flatMap(({ before, after }) => changedRights(before?.body, after.body))),
  };
}

/** Files with their versions, in a bounded list. */
export function versionsOf(files: readonly RoleVersion[]): string {
  return listed(files.map(({ role, version }) => `${role} ${version}`)) ?? "";
}

interface TagChange {
  readonly kind: "added" | "changed" | "removed";
  /** written only for those that are shown */
  readonly text: () => string;
}

function tagChanges({ before, after }: Replacement): TagChange[] {
  const [old, current] = [targetsOf(before?.body), targetsOf(after.body)];
  const changes: TagChange[] = [];
  for (const name of differingNames(old, current)) {
    const [earlier, target] = [old.get(name), current.get(name)];
    const text = (shown: Target): string => described(name, shown, after.role);
    if (target === undefined) {
      if (earlier !== undefined) changes.push({ kind: "removed", text: () => text(earlier) });
    } else if (earlier === undefined) changes.push({ kind: "added", text: () => text(target) });
    else if (digestOf(earlier) !== digestOf(target))
      changes.push({ kind: "changed", text: () => `${text(target)} was ${digestOf(earlier)}` });
  }
  return changes;
}

function targetsOf(body: AnyBody | undefined): TargetsBody["targets"] {
  return body?.type === "targets" ? body.targets : new Map();
}

function described(name: string, target: Target, role: RoleName): string {
  return `${quotedName(name)}@${digestOf(target)}${role === "targets" ? "" : ` in ${role}`}`;
}

/** A tag has only these characters; another name, or a long one, must not look like several entries or hide the digest after it. */
function quotedName(name: string): string {
  const short = name.length > maxNameLength ? `${name.slice(0, maxNameLength)}…` : name;
  return /^[\w./-]+$/u.test(short) ? short : JSON.stringify(short);
}

function digestOf({ hashes }: Target): string {
  const [algorithm, digest] = [...hashes].find(([known]) => known === "sha256") ??
    [...hashes][0] ?? ["none", new Uint8Array()];
  return `${algorithm}:${encodeHex(digest)}`;
}

/** Keys of a role in `after` that it did not have in `before`. */
function newKeys(before: AnyBody | undefined, after: AnyBody | undefined): string[] {
  const known = new Set(keysIn(before));
  return keysIn(after).filter((key) => !known.has(key));
}

function keysIn(body: AnyBody | undefined): string[] {
  if (body?.type === "root")
    return [...body.roles].flatMap(([role, { keyIds }]) => (keyIds ?? []).map((keyId) => `${role} ${keyId}`));
  if (body?.type !== "targets") return [];
  return (body.delegations.roles ?? []).flatMap(({ name, keyIds }) =>
    (keyIds ?? []).map((keyId) => `${name} ${keyId}`),
  );
}

/** Delegations in `after` that are not in `before`. */
function newDelegations(before: AnyBody | undefined, after: AnyBody | undefined): string[] {
  const known = rolesIn(before);
  const isNew = ([name]: readonly [string, RoleKeys]): boolean => !known.has(name);
  return after?.type === "targets"
    ? [...rolesIn(after)].filter(isNew).map(([name, role]) => `${name} ${rightsOf(role)}`)
    : [];
}

/** Changes in the paths or thresholds of existing roles. */
function changedRights(before: AnyBody | undefined, after: AnyBody): string[] {
  const known = rolesIn(before);
  return [...rolesIn(after)].flatMap(([name, role]) => {
    const earlier = known.get(name);
    const isSame = earlier === undefined || rightsOf(earlier) === rightsOf(role);
    return isSame ? [] : [`${name} ${rightsOf(role)} was ${rightsOf(earlier)}`];
  });
}

function rolesIn(body: AnyBody | undefined): ReadonlyMap<string, RoleKeys | DelegatedRole> {
  if (body?.type === "root") return body.roles;
  if (body?.type !== "targets") return new Map();
  return new Map((body.delegations.roles ?? []).map((role) => [role.name, role]));
}

function rightsOf(role: RoleKeys | DelegatedRole): string {
  if (!("paths" in role)) return `threshold ${role.threshold}`;
  const paths = (role.paths ?? []).map((path) => (path === "" ? "*" : quotedName(path))).join(" ");
  return `threshold ${role.threshold} for ${paths === "" ? "nothing" : paths}`.slice(0, maxItemLength / 2);
}

function listed(items: readonly (string | (() => string))[]): string | undefined {
  if (items.length === 0) return undefined;
  const shown = items
    .slice(0, maxListed)
    .map((item) => (typeof item === "string" ? item : item()))
    .map((item) => (item.length > maxItemLength ? `${item.slice(0, maxItemLength)}…` : item));
  return [...shown, ...(items.length > maxListed ? [`and ${items.length - maxListed} more`] : [])].join(", ");
}
