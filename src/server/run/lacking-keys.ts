/** Keys that a signer lacks or cannot open, in the words of faults, logs and the refusal to start. */

import { TagsealError } from "../../errors.ts";
import type { ServerRole } from "../../tuf/metadata.ts";
import type { Fault } from "../../service/faults.ts";
import type { LogFields } from "../../service/log.ts";
import type { KeyPresence } from "../signer/signing-service.ts";

/** `locked`: the signer has the key and cannot open it. */
type Lack = Exclude<KeyPresence, "held"> | "locked";

/** A key of a role of a collection, and what the signer lacks of it. */
export interface LackingKey {
  readonly gun: string;
  readonly role: ServerRole;
  readonly keyId: string;
  readonly lack: Lack;
}

/** One key of a role, and what the signer lacks of it. */
export type KeyLack = Pick<LackingKey, "keyId" | "lack">;

/** collections in one sentence */
const maxNamed = 5;

const words: Readonly<Record<Lack, string>> = {
  lost: "not found",
  unknown: "was never here",
  locked: "does not open",
};

const lockedHint =
  "Give the signer the passphrase that these keys are sealed under (NOTARY_SIGNER_<ALIAS>), and start the server again.";

const lostHint =
  "Check that the server uses the signer, and the signer the database, that these keys are in. Notary's signer also reports this when it lacks the passphrase of their alias. If they are lost, start with --accept-lost-keys and follow docs/runbooks/keys-and-passphrases.md.";

/** The fault of these keys; undefined without any. */
export function lackFault(found: readonly LackingKey[]): Fault | undefined {
  if (found.length === 0) return undefined;
  const isHurting = found.some(({ lack }) => lack !== "unknown");
  return { reason: reasonOf(found), details: lackDetails(found), level: isHurting ? "error" : "warning" };
}

function reasonOf(found: readonly LackingKey[]): string {
  const collections = new Set(found.map(({ gun }) => gun)).size;
  const whose = `the keys of ${collections} ${collections === 1 ? "repository" : "repositories"}`;
  return found.every(({ lack }) => lack === "locked") ? `the signer cannot open ${whose}` : `the signer lacks ${whose}`;
}

/** What logs say about these keys. */
export function lackDetails(found: readonly LackingKey[]): LogFields {
  return { keys: named(found), count: found.length };
}

function named(found: readonly LackingKey[]): string {
  const shown = found
    .slice(0, maxNamed)
    .map(({ gun, role, keyId, lack }) => `${gun} ${role} ${keyId} (${words[lack]})`);
  return `${shown.join(", ")}${found.length > maxNamed ? `, and ${found.length - maxNamed} more` : ""}`;
}

/** The refusal to start: `SIGNING_KEY_MISSING`. */
export function lackRefusal(found: readonly LackingKey[]): TagsealError {
  const isLocked = found.every(({ lack }) => lack === "locked");
  const message = `The signer ${isLocked ? "cannot open" : "lacks"} the keys of this server's repositories: ${named(found)}`;
  return new TagsealError("SIGNING_KEY_MISSING", message, { hint: isLocked ? lockedHint : lostHint });
}
