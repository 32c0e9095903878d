/** Serialises Notary v1 files: bodies to bytes, exactly as a reference sender writes them, since other programs hash their own serialisation. */

import type { PublicKey } from "../../crypto/public-key.ts";
import type { Signature } from "../../crypto/signature.ts";
import { encodeBase64 } from "../../encoding/base64.ts";
import { compareUtf8, fileJson, jsonObject } from "../../encoding/json.ts";
import type { JsonObject } from "../../encoding/json.ts";
import type { AnyBody, DelegatedRole, FileMeta, MetadataFile, RoleKeys, RootBody, TargetsBody } from "../metadata.ts";
import { wireTypes } from "./signed-body.ts";
import { hashesJson } from "./hashes-json.ts";
import { targetsJson, writtenTargets } from "./targets-json.ts";
import { referenceTime } from "./time.ts";

/**
 * The `signed` member of a body. Its canonical form is what signatures cover.
 *
 * @see Notary v1: shapes
 */
export function serialiseBody(body: AnyBody): JsonObject {
  return {
    _type: wireTypes[body.type],
    expires: referenceTime(body.expires),
    version: body.version,
    ...ownMembers(body),
  };
}

/**
 * The `signed` member of a body in file form. Received entries that would be written the same way are not serialised
 * again: their text is reused.
 *
 * @throws EncodingError `JSON_MALFORMED` for text that cannot be signed, such as a control character in a target name
 */
export function signedFileForm(body: AnyBody): Uint8Array {
  const written = body.type === "targets" ? writtenTargets(body.targets) : undefined;
  if (body.type !== "targets" || written === undefined) return Buffer.from(fileJson(serialiseBody(body)), "utf8");
  const members = Object.entries(serialiseBody({ ...body, targets: new Map() })).sort(([a], [b]) => compareUtf8(a, b));
  const texts = members.map(([name, value]) => `"${name}":${name === "targets" ? written : fileJson(value)}`);
  return Buffer.from(`{${texts.join(",")}}`, "utf8");
}

/**
 * A whole file, byte for byte as a reference sender writes it: no white space, `signed` first, no final newline.
 *
 * @param signed the result of {@link signedFileForm} for the body
 * @see Notary v1: file bytes
 */
export function fileOf(signed: Uint8Array, signatures: readonly Signature[]): Uint8Array {
  const list = signatures.map(({ keyId, method, value }) =>
    fileJson({ keyid: keyId, method, sig: encodeBase64(value) }),
  );
  return Buffer.concat([Buffer.from('{"signed":'), signed, Buffer.from(`,"signatures":[${list.join(",")}]}`)]);
}

/** {@link fileOf} a body. @throws as {@link signedFileForm} */
export function fileBytes(body: AnyBody, signatures: readonly Signature[]): Uint8Array {
  return fileOf(signedFileForm(body), signatures);
}

/**
 * True when the bytes of a file are those that a reference sender would have written for its content. Other programs hash their own
 * serialisation of it, so a server that stored anything else would give them a hash that no file can match.
 *
 * @see Notary v1: file bytes (the most expensive trap of the format)
 */
export function isReferenceSerialisation(file: MetadataFile): boolean {
  return Buffer.from(fileBytes(file.body, file.signatures)).equals(file.bytes);
}

function ownMembers(body: AnyBody): JsonObject {
  if (body.type === "root") return rootMembers(body);
  if (body.type === "targets") return targetsMembers(body);
  return { meta: jsonObject([...body.meta].map(([name, meta]) => [name, fileMetaJson(meta)])) };
}

function rootMembers(body: RootBody): JsonObject {
  return {
    consistent_snapshot: body.consistentSnapshot,
    keys: keysJson(body.keys),
    roles: jsonObject([...body.roles].map(([name, role]) => [name, roleKeysJson(role)])),
  };
}

function targetsMembers({ targets, targetsWereNull, delegations }: TargetsBody): JsonObject {
  const isNull = targets.size === 0 && targetsWereNull === true;
  return { delegations: delegationsJson(delegations), targets: isNull ? null : targetsJson(targets) };
}

function delegationsJson(delegations: TargetsBody["delegations"]): JsonObject {
  return { keys: keysJson(delegations.keys), roles: delegations.roles?.map(delegatedRoleJson) ?? null };
}

function delegatedRoleJson(role: DelegatedRole): JsonObject {
  const json: JsonObject = { name: role.name, ...roleKeysJson(role) };
  if (role.paths !== undefined && role.paths.length > 0) json["paths"] = [...role.paths];
  return json;
}

function roleKeysJson(role: RoleKeys): JsonObject {
  return { keyids: role.keyIds === null ? null : [...role.keyIds], threshold: role.threshold };
}

function keysJson(keys: ReadonlyMap<string, PublicKey>): JsonObject {
  return jsonObject([...keys].map(([id, key]) => [id, key.toJson()]));
}

function fileMetaJson(meta: FileMeta): JsonObject {
  return { hashes: hashesJson(meta.hashes), length: meta.length };
}
