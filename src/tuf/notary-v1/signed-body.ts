/** The `signed` member of each of the four kinds of file, with the structural checks of every reader. */

import { PublicKey } from "../../crypto/public-key.ts";
import { MetadataError } from "../../errors.ts";
import type {
  AnyBody,
  Body,
  DelegatedRole,
  Delegations,
  FileMeta,
  RoleKeys,
  RoleName,
  RootBody,
  SnapshotBody,
  TargetsBody,
  TimestampBody,
} from "../metadata.ts";
import { baseRoles, isDirectChild } from "../role-name.ts";
import { maxDelegations, maxKeys } from "./bounds.ts";
import { hashesFault, receiveHashes } from "./hashes-json.ts";
import { isLength, receiveTargets } from "./received-targets.ts";
import type { TargetsText } from "./received-targets.ts";
import { Shape, malformed } from "./shape.ts";
import { parseTime } from "./time.ts";

/** The `_type` of each kind of file. Case counts. */
export const wireTypes = { root: "Root", targets: "Targets", snapshot: "Snapshot", timestamp: "Timestamp" } as const;

/** Digest lengths in bytes of the algorithms a reader knows. */
const digestBytes = [
  ["sha256", 32],
  ["sha512", 64],
] as const;

/**
 * Parses and checks the `signed` member of a role's file.
 *
 * @param document its `targets` member as it was received
 * @throws MetadataError `METADATA_TYPE_UNEXPECTED`, `METADATA_MALFORMED`
 * @see Notary v1: shapes, structural checks
 */
export function parseBody(role: RoleName, signed: Shape, document: TargetsText): AnyBody {
  switch (role) {
    case "root":
      return parseRoot(signed);
    case "snapshot":
      return parseSnapshot(signed);
    case "timestamp":
      return parseTimestamp(signed);
    default:
      return parseTargets(role, signed, document);
  }
}

function parseCommon(signed: Shape, type: keyof typeof wireTypes): Body {
  const expected = wireTypes[type];
  const actual = signed.name("_type");
  if (actual !== expected) {
    const reason = `${signed.role} type metadata invalid: expected type ${expected}, not ${JSON.stringify(actual)}`;
    // TUF 1.0 spells the types in lower case: the server is newer than this client.
    const isNewer = actual === expected.toLowerCase();
    const hint = "Update Tagseal: the server speaks TUF 1.0, which this version does not read.";
    throw new MetadataError("METADATA_TYPE_UNEXPECTED", reason, isNewer ? { hint } : {});
  }
  const version = signed.integer("version");
  if (version < 1) throw malformed(signed.role, `version cannot be less than one, not ${version}`);
  const expires = signed.name("expires");
  const expiresAt = parseTime(expires);
  if (expiresAt === undefined)
    throw malformed(signed.role, `expires is not an RFC 3339 time: ${JSON.stringify(expires)}`);
  return { version, expires, expiresAt };
}

function parseRoot(signed: Shape): RootBody {
  const common = parseCommon(signed, "root");
  const keys = parseKeys(signed);
  const rolesShape = signed.child("roles");
  const roles = new Map<string, RoleKeys>();
  for (const name of rolesShape.memberNames(maxDelegations))
    roles.set(name, parseRoleKeys(rolesShape.child(name), name, keys));
  for (const name of baseRoles) if (!roles.has(name)) throw malformed("root", `missing ${name} role specification`);
  return { ...common, type: "root", consistentSnapshot: signed.boolean("consistent_snapshot"), keys, roles };
}

function parseTargets(role: RoleName, signed: Shape, document: TargetsText): TargetsBody {
  const common = parseCommon(signed, "targets");
  const delegations = parseDelegations(role, signed.optionalChild("delegations"));
  const entries = signed.optionalChild("targets");
  if (entries === undefined)
    return { ...common, type: "targets", targets: new Map(), targetsWereNull: true, delegations };
  return { ...common, type: "targets", targets: receiveTargets(role, entries, document), delegations };
}

/** Absent delegations count as none, though no reference sender omits them. */
function parseDelegations(role: RoleName, shape: Shape | undefined): Delegations {
  if (shape === undefined) return { keys: new Map(), roles: null };
  const keys = parseKeys(shape);
  const list = shape.list("roles", maxDelegations);
  const roles =
    list?.map((item, index) => parseDelegatedRole(Shape.of(role, item, `delegation ${index}`), keys)) ?? null;
  if (new Set(roles?.map((child) => child.name)).size !== (roles?.length ?? 0)) {
    // Off-spec: the reference uses the first of two; which one counts must not depend on the reader.
    throw malformed(role, "declares a delegation role twice");
  }
  return { keys, roles };
}

function parseDelegatedRole(shape: Shape, keys: ReadonlyMap<string, PublicKey>): DelegatedRole {
  const name = shape.name("name");
  if (!isDirectChild(shape.role, name)) throw malformed(shape.role, `delegation role ${name} invalid`);
  const paths = shape.names("paths", maxKeys);
  return { ...parseRoleKeys(shape, name, keys), name, paths: paths === null || paths.length === 0 ? undefined : paths };
}

/** Fewer keys than the threshold is no structural error: no file can meet such a threshold. */
function parseRoleKeys(shape: Shape, name: string, keys: ReadonlyMap<string, PublicKey>): RoleKeys {
  const threshold = shape.integer("threshold");
  if (threshold < 1) throw malformed(shape.role, `invalid threshold specified for ${name}: ${threshold}`);
  const keyIds = shape.names("keyids", maxKeys);
  for (const id of keyIds ?? []) {
    if (!keys.has(id)) throw malformed(shape.role, `key ID ${id} specified in ${name} without corresponding key`);
  }
  return { keyIds, threshold };
}

function parseKeys(shape: Shape): ReadonlyMap<string, PublicKey> {
  const keys = new Map<string, PublicKey>();
  const entries = shape.optionalChild("keys");
  for (const id of entries?.memberNames(maxKeys) ?? []) {
    keys.set(id, parseKey((entries as Shape).child(id), id));
  }
  return keys;
}

/** One key object. @param id for messages */
export function parseKey(key: Shape, id: string): PublicKey {
  const value = key.child("keyval");
  // Off-spec: the reference would keep a private key in public metadata.
  if ((value.get("private") ?? null) !== null) throw malformed(key.role, `key ${id} carries a private key`);
  return new PublicKey(key.name("keytype"), value.base64("public"));
}

function parseSnapshot(signed: Shape): SnapshotBody {
  const common = parseCommon(signed, "snapshot");
  const meta = parseMeta(signed);
  requireChecksums("snapshot", meta, "root");
  requireChecksums("snapshot", meta, "targets");
  return { ...common, type: "snapshot", meta };
}

function parseTimestamp(signed: Shape): TimestampBody {
  const common = parseCommon(signed, "timestamp");
  const meta = parseMeta(signed);
  requireChecksums("timestamp", meta, "snapshot");
  return { ...common, type: "timestamp", meta };
}

function parseMeta(signed: Shape): ReadonlyMap<RoleName, FileMeta> {
  const shape = signed.child("meta");
  const meta = new Map<RoleName, FileMeta>();
  for (const name of shape.memberNames(Number.POSITIVE_INFINITY)) meta.set(name, parseFileMeta(shape.child(name)));
  return meta;
}

function parseFileMeta(shape: Shape): FileMeta {
  const length = shape.get("length");
  if (!isLength(length)) throw shape.fault("length must be a natural number");
  const hashes = shape.child("hashes").object;
  const problem = hashesFault(hashes);
  if (problem !== undefined) throw shape.fault(problem);
  return { hashes: receiveHashes(hashes), length };
}

function requireChecksums(role: RoleName, meta: ReadonlyMap<RoleName, FileMeta>, name: RoleName): void {
  const hashes = meta.get(name)?.hashes;
  if (hashes?.get("sha256") === undefined) throw malformed(role, `missing ${name} sha256 checksum information`);
  for (const [algorithm, length] of digestBytes) {
    const actual = hashes.get(algorithm)?.length ?? length;
    if (actual !== length) {
      throw malformed(
        role,
        `invalid ${name} checksum information, ${algorithm} has ${actual} bytes instead of ${length}`,
      );
    }
  }
}
