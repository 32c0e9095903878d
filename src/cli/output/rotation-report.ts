/** What a rotation did, as text and as members of JSON. */
import { mustSign } from "./key-words.ts";
import type { RetiredKey } from "../../trust/rotation/retired-keys.ts";
import type { RotateResult } from "../../trust/rotation/rotate.ts";

/** The result for one role, as `--json` shows it. */
export function rotationJson({
  role,
  outcome,
  holder,
  oldKeys,
  threshold,
  keyCount,
  ...ids
}: RotateResult): Readonly<Record<string, unknown>> {
  return {
    role,
    outcome,
    holder,
    threshold,
    keyCount,
    newKeys: pairs(ids.newKeyIds, ids.newCanonicalIds),
    replacedKeys: pairs(ids.oldKeyIds, ids.oldCanonicalIds),
    oldPrivateKeys: oldKeys.map(retiredJson),
  };
}

/** An old private key, as `--json` shows it. */
export function retiredJson({
  keyId,
  role,
  location,
  isRemoved,
  reason,
}: RetiredKey): Readonly<Record<string, unknown>> {
  return { keyId, role, location, removed: isRemoved, ...(reason === undefined ? {} : { reason }) };
}

/** Both IDs of each key: that of the private key, and the one in metadata, which differs for root certificates. */
function pairs(keyIds: readonly string[], canonicalIds: readonly string[]): readonly object[] {
  return canonicalIds.map((keyId, index) => ({ keyId, metadataId: keyIds[index] ?? keyId }));
}

/** Sentences for a person, notary's first. */
export function rotationText(repository: string, result: RotateResult): string {
  return `${[headline(repository, result), ...keyLines(result), ...result.oldKeys.map(retiredText)].join("\n")}\n`;
}

function headline(repository: string, { role, outcome, newKeyIds, oldKeyIds }: RotateResult): string {
  if (newKeyIds.length === 0 && oldKeyIds.length === 0)
    return outcome === "rotated"
      ? `Successfully changed the threshold of ${role} for repository ${repository}`
      : `The ${role} role of repository ${repository} has this threshold already`;
  if (outcome === "rotated") return `Successfully rotated ${role} key for repository ${repository}`;
  return outcome === "finished"
    ? `An earlier run had rotated the ${role} key for repository ${repository}, and is finished now`
    : `The ${role} role of repository ${repository} has ${newKeyIds.length > 1 ? "these keys" : "this key"} already`;
}

function keyLines(result: RotateResult): readonly string[] {
  const { role, holder, newKeyIds, newCanonicalIds, oldCanonicalIds, threshold, keyCount } = result;
  const whose = { server: " (held by the trust server)", publisher: "", signer: "" }[holder];
  const certificates = newKeyIds.filter((id) => !newCanonicalIds.includes(id));
  return [
    ...newCanonicalIds.map((id) => `  new key      ${id}${whose}`),
    ...certificates.map((id) => `  certificate  ${id} (as "trust inspect" shows it)`),
    ...oldCanonicalIds.map((id) => `  replaced     ${id}`),
    ...(keyCount > 1 ? [`  threshold    ${mustSign(threshold, keyCount)}`] : []),
    ...(role === "snapshot" && holder === "publisher"
      ? ["Every publisher of this repository needs the new key now."]
      : []),
  ];
}

/** One line about an old private key. */
export function retiredText({ keyId, location, isRemoved, reason }: RetiredKey): string {
  return isRemoved ? `Removed the old private key ${keyId}` : `The old private key is kept in ${location}: ${reason}`;
}
