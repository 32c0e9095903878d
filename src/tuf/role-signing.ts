/**
 * Signs one role file. The result is checked by the same `verifyThreshold` that every reader uses, before it is returned:
 * a key store that returns the wrong key is detected here and not by the readers.
 */

import type { SigningKey } from "../crypto/private-key.ts";
import type { PublicKey } from "../crypto/public-key.ts";
import type { Signature } from "../crypto/signature.ts";
import { fileFormToCanonical } from "../encoding/json.ts";
import { hasCode, KeyStoreError } from "../errors.ts";
import type { AnyBody, MetadataFile, RoleKeys, RoleName } from "./metadata.ts";
import { fileOf, signedFileForm } from "./notary-v1/serialise.ts";
import { keysOf } from "./role-signers.ts";
import { countDistinct, verifyThreshold } from "./threshold.ts";

/** Finds the private key for a public key, by its canonical ID; `undefined` when it is not held. May ask for a passphrase. */
export type SigningKeys = (key: PublicKey) => Promise<SigningKey | undefined>;

/** Keys whose threshold the signatures must reach. */
export interface SigningRequirement {
  readonly roleKeys: RoleKeys;
  readonly keys: ReadonlyMap<string, PublicKey>;
}

/** Caches the results of `keys`, so that one key is requested (and its passphrase typed) once, however many roles need it. */
export function rememberingKeys(keys: SigningKeys): SigningKeys {
  const answers = new Map<string, Promise<SigningKey | undefined>>();
  return (key) => {
    const known = answers.get(key.keyId) ?? keys(key);
    answers.set(key.keyId, known);
    return known;
  };
}

/**
 * Signs `body` with every private key that `keys` has for it, and checks the result as a reader would.
 *
 * @param requirements each of them must be met: a new root is signed by its own keys and by its predecessor's
 * @param extraKeys sign too where held, and are not required: keys of older roots, for readers that stopped there
 * @throws KeyStoreError `SIGNING_KEY_MISSING` when a threshold cannot be reached with the keys held
 * @see Notary v1: publish, step by step
 */
export async function signRole<B extends AnyBody>(
  role: RoleName,
  body: B,
  requirements: readonly SigningRequirement[],
  keys: SigningKeys,
  extraKeys: readonly PublicKey[] = [],
): Promise<MetadataFile<B>> {
  const fileForm = signedFileForm(body);
  const signedBytes = fileFormToCanonical(fileForm);
  const candidates = [...requirements.flatMap(keysOf), ...extraKeys];
  const signatures = await signaturesBy(candidates, signedBytes, keys);
  const file = { role, body, signedBytes, signatures, bytes: fileOf(fileForm, signatures) };
  for (const requirement of requirements) requireThreshold(file, requirement);
  return file;
}

/** The first of several signatures: one key of any of the requirements is enough. */
export function anyKeyOf(requirements: readonly SigningRequirement[]): SigningRequirement {
  const keys = new Map(requirements.flatMap((requirement) => [...requirement.keys]));
  return { roleKeys: { keyIds: requirements.flatMap(({ roleKeys }) => roleKeys.keyIds ?? []), threshold: 1 }, keys };
}

/** True when `keys` holds enough private keys to reach the threshold. */
export async function canSign(requirement: SigningRequirement, keys: SigningKeys): Promise<boolean> {
  let held = 0;
  for (const key of keysOf(requirement)) {
    if ((await keys(key)) !== undefined) held += 1;
  }
  return held >= requirement.roleKeys.threshold;
}

/** True when `keys` holds at least one private key of the role. */
export async function holdsAnyKey(requirement: SigningRequirement, keys: SigningKeys): Promise<boolean> {
  return canSign({ ...requirement, roleKeys: { ...requirement.roleKeys, threshold: 1 } }, keys);
}

/** Signs with each of the candidates that `keys` has, once. */
export async function signaturesBy(
  candidates: readonly PublicKey[],
  payload: Uint8Array,
  keys: SigningKeys,
): Promise<Signature[]> {
  const signatures = new Map<string, Signature>();
  // one after the other: each may ask for a passphrase
  for (const key of candidates) {
    if (signatures.has(key.keyId)) continue;
    const signingKey = await keys(key);
    if (signingKey !== undefined) signatures.set(key.keyId, { keyId: key.keyId, ...(await signingKey.sign(payload)) });
  }
  return [...signatures.values()];
}

function requireThreshold(file: MetadataFile, requirement: SigningRequirement): void {
  try {
    verifyThreshold(file, requirement.roleKeys, requirement.keys);
  } catch (error) {
    if (!hasCode(error, "METADATA_THRESHOLD_NOT_MET")) throw error;
    const signers = new Set(file.signatures.map(({ keyId }) => keyId));
    const held = keysOf(requirement).filter((key) => signers.has(key.keyId));
    throw keysMissingFor(file.role, requirement, held, error);
  }
}

/**
 * Refuses to sign a role that too few of its keys are held for, before any of them is unlocked.
 *
 * @param holds whether a private key is held; asks for no passphrase
 * @throws KeyStoreError `SIGNING_KEY_MISSING`
 */
export async function requireHeldKeys(
  role: RoleName,
  requirement: SigningRequirement,
  holds: (key: PublicKey) => Promise<boolean>,
): Promise<void> {
  const held: PublicKey[] = [];
  for (const key of keysOf(requirement)) {
    if (await holds(key)) held.push(key);
  }
  if (countDistinct(held) < requirement.roleKeys.threshold) throw keysMissingFor(role, requirement, held);
}

function keysMissingFor(
  role: RoleName,
  requirement: SigningRequirement,
  held: readonly PublicKey[],
  cause?: unknown,
): KeyStoreError {
  const ids = keysOf(requirement).map((key) => key.canonicalKeyId);
  const { threshold } = requirement.roleKeys;
  return new KeyStoreError("SIGNING_KEY_MISSING", `could not sign ${role}: ${keysMissing(threshold, ids)}`, {
    hint: missingKeysHint(keysOf(requirement), held, threshold),
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Which keys of a role are missing, and the way on. @param held those that can sign here */
export function missingKeysHint(keys: readonly PublicKey[], held: readonly PublicKey[], threshold: number): string {
  if (threshold === 1) return "Load the missing key, or let someone who holds it publish this change.";
  const missing = keys.filter((key) => !held.includes(key)).map((key) => key.canonicalKeyId);
  const here = `This machine has ${held.length === 0 ? "none" : held.length} of the ${threshold} keys that must sign`;
  return held.length === 0
    ? `${here}. Let someone who holds enough publish this change: ${missing.join(", ")}.`
    : `${here}. Add --propose to the command, if it has that: the holders of the other keys then approve the change. Or bring more of these here: ${missing.join(", ")}.`;
}

/** docker's words for keys that are not held. */
export function keysMissing(threshold: number, keyIds: readonly string[]): string {
  return `could not find necessary signing keys, at least ${countWord(threshold)} of these keys must be available: ${keyIds.join(", ")}`;
}

function countWord(threshold: number): string {
  return threshold === 1 ? "one" : String(threshold);
}
