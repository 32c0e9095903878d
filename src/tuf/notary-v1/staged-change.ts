/** Changes that docker and notary keep on disk until their next publish. Notary v1: changelist on disk. */

import { decodeBase64 } from "../../encoding/base64.ts";
import { parseJson } from "../../encoding/json.ts";
import type { PublicKey } from "../../crypto/public-key.ts";
import { EncodingError } from "../../errors.ts";
import type { RoleName, Target } from "../metadata.ts";
import { isDelegation } from "../role-name.ts";
import { maxDelegations, maxKeys } from "./bounds.ts";
import { hashesFault, receiveHashes } from "./hashes-json.ts";
import { isLength } from "./received-targets.ts";
import { malformed, Shape } from "./shape.ts";
import { parseKey } from "./signed-body.ts";

/** The most bytes of one change: the largest adds many certificates to a delegation. */
export const maxStagedChangeBytes = 4 * 1024 * 1024;

/** The scope of a purge: keys are removed from all delegations. */
export const allDelegations = "targets/*";

/** One staged change, as far as it can be one. */
export type StagedChange =
  | {
      readonly type: "target";
      readonly action: "create";
      readonly role: RoleName;
      readonly name: string;
      readonly target: Target;
    }
  | { readonly type: "target"; readonly action: "delete"; readonly role: RoleName; readonly name: string }
  | ({ readonly type: "delegation"; readonly action: "create" | "update"; readonly role: RoleName } & StagedDelegation)
  | { readonly type: "delegation"; readonly action: "delete"; readonly role: RoleName }
  | { readonly type: "witness"; readonly action: "update"; readonly role: RoleName };

/** What a staged change does to a delegation. */
export interface StagedDelegation {
  readonly threshold: number | undefined;
  readonly addKeys: readonly PublicKey[];
  /** canonical IDs */
  readonly removeKeys: readonly string[];
  readonly addPaths: readonly string[];
  readonly removePaths: readonly string[];
  readonly clearPaths: boolean;
}

const what = "staged change";

/**
 * Parses one `.change` file.
 *
 * @throws MetadataError `METADATA_MALFORMED`; EncodingError `TOO_LARGE`, `JSON_MALFORMED`, `BASE64_MALFORMED`
 */
export function parseStagedChange(bytes: Uint8Array): StagedChange {
  if (bytes.length > maxStagedChangeBytes) throw new EncodingError("TOO_LARGE", `a ${what} has ${bytes.length} bytes`);
  const change = Shape.of(what, parseJson(bytes), "it");
  const [type, action, role] = [change.name("type"), change.name("action"), change.name("role")];
  if (role !== "targets" && !isDelegation(role) && role !== allDelegations)
    throw malformed(what, `${JSON.stringify(role)} is not a role that can be changed`);
  if (type === "target" && role !== allDelegations) return targetChange(change, action, role);
  if (type === "delegation" && role !== "targets") return delegationChange(change, action, role);
  if (type === "witness" && action === "update" && role !== allDelegations) return { type, action, role };
  throw unknownChange(type, action, role);
}

function targetChange(change: Shape, action: string, role: RoleName): StagedChange {
  const name = change.name("path");
  if (action === "delete") return { type: "target", action, role, name };
  if (action !== "create") throw unknownChange("target", action, role);
  const data = contentOf(change);
  const length = data.get("length");
  if (!isLength(length)) throw data.fault("length must be a natural number");
  const hashes = data.child("hashes").object;
  const problem = hashesFault(hashes);
  if (problem !== undefined) throw data.fault(problem);
  const custom = data.get("custom") ?? null;
  const target = { length, hashes: receiveHashes(hashes), ...(custom === null ? {} : { custom }) };
  return { type: "target", action, role, name, target };
}

function delegationChange(change: Shape, action: string, role: RoleName): StagedChange {
  if (action === "delete" && role !== allDelegations) return { type: "delegation", action, role };
  if (action !== "create" && action !== "update") throw unknownChange("delegation", action, role);
  if (action === "create" && role === allDelegations) throw unknownChange("delegation", action, role);
  const data = contentOf(change);
  const keys = data.list("add_keys", maxKeys) ?? [];
  return {
    type: "delegation",
    action,
    role,
    threshold: (data.get("threshold") ?? null) === null ? undefined : data.integer("threshold"),
    addKeys: keys.map((key, index) => parseKey(Shape.of(what, key, `key ${index}`), String(index))),
    removeKeys: data.names("remove_keys", maxKeys) ?? [],
    addPaths: data.names("add_paths", maxDelegations) ?? [],
    removePaths: data.names("remove_paths", maxDelegations) ?? [],
    clearPaths: (data.get("clear_paths") ?? false) !== false && data.boolean("clear_paths"),
  };
}

/** The change itself: JSON, in base64. */
function contentOf(change: Shape): Shape {
  const data = change.get("data");
  // Not `change.base64`: the data of a change may be longer than a value in metadata.
  if (typeof data !== "string") throw change.fault("data must be base64");
  return Shape.of(what, parseJson(decodeBase64(data)), "its data");
}

function unknownChange(type: string, action: string, role: string): Error {
  return malformed(
    what,
    `${JSON.stringify(action)} of ${JSON.stringify(type)} in ${JSON.stringify(role)} is not known`,
  );
}
