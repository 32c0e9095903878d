/**
 * What a publication changed, as fields of its log line: who signed which file, which tags mean something else now, and whose keys. Lists are bounded, and say
 * how much more there was.
 */

import { encodeHex } from "../encoding/hex.ts";
import type { AnyBody, MetadataFile, RoleName, Target, TargetsBody } from "../tuf/metadata.ts";
import type { LogFields } from "./server-log.ts";

/** One file that was replaced, or the first one of its role. */
export interface Replacement {
  readonly before: MetadataFile | undefined;
  readonly after: MetadataFile;
}

/** As many as a person reads in one line. */
const maxListed = 20;
const maxItemLength = 256;

/** The fields; what did not change has none. */
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
  };
}

interface TagChange {
  readonly kind: "added" | "changed" | "removed";
  readonly text: string;
}

function tagChanges({ before, after }: Replacement): TagChange[] {
  const [old, current] = [targetsOf(before?.body), targetsOf(after.body)];
  const changes: TagChange[] = [];
  for (const [name, target] of current) {
    const earlier = old.get(name);
    const text = described(name, target, after.role);
    if (earlier === undefined) changes.push({ kind: "added", text });
    else if (digestOf(earlier) !== digestOf(target))
      changes.push({ kind: "changed", text: `${text} was ${digestOf(earlier)}` });
  }
  for (const [name, target] of old)
    if (!current.has(name)) changes.push({ kind: "removed", text: described(name, target, after.role) });
  return changes;
}

function targetsOf(body: AnyBody | undefined): TargetsBody["targets"] {
  return body?.type === "targets" ? body.targets : new Map();
}

function described(name: string, target: Target, role: RoleName): string {
  return `${name}@${digestOf(target)}${role === "targets" ? "" : ` in ${role}`}`;
}

function digestOf({ hashes }: Target): string {
  const [algorithm, digest] = [...hashes].find(([known]) => known === "sha256") ??
    [...hashes][0] ?? ["none", new Uint8Array()];
  return `${algorithm}:${encodeHex(digest)}`;
}

/** Keys that speak for a role in `after` and did not in `before`. */
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

function listed(items: readonly string[]): string | undefined {
  if (items.length === 0) return undefined;
  const shown = items.slice(0, maxListed).map((item) => item.slice(0, maxItemLength));
  return [...shown, ...(items.length > maxListed ? [`and ${items.length - maxListed} more`] : [])].join(", ");
}
