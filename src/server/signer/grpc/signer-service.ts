/**
 * Serves each call to a signer process. Keys are known by their IDs alone, as in Notary's protocol: an accepted server may sign with every key, and
 * the server tracks which key belongs to which collection.
 */

import { isServerRole } from "../../../tuf/role-name.ts";
import type { PublicKey } from "../../../crypto/public-key.ts";
import type { SigningKey } from "../../../crypto/private-key.ts";
import { KeyStoreError, UsageError } from "../../../errors.ts";
import type { Probe } from "../../../service/probe.ts";
import type { DerivedAlgorithm } from "../derived-key.ts";
import { isPromise, type KeyTable } from "../key-table.ts";
import type { KeyPurpose, SignerKeyring } from "../signer-keys.ts";
import type { ObservedSignature, SignerMetrics } from "../signer-metrics.ts";
import {
  healthServices,
  healthStatus,
  type KeyDescription,
  type KeyInquiry,
  type KeyRequest,
  type SignatureReply,
  type SignatureRequest,
} from "./messages.ts";

/** What the service works with. */
export interface SignerServiceParts {
  readonly table: KeyTable;
  readonly keys: SignerKeyring;
  /** how many key requests are remembered; beyond it the oldest is forgotten */
  readonly maxPendingKeys: number;
  readonly now: () => Date;
  /** whether keys can be read and new ones stored */
  readonly probe: Pick<Probe, "look">;
  readonly metrics?: Pick<SignerMetrics, "observeSignature"> | undefined;
}

const maxGunBytes = 255;

/** The first time something happens to a key. */
export type KeyEvent = "promised a key" | "made a key" | "deleted a key";

/** A key, and its purpose as far as known. */
export interface AffectedKey {
  readonly keyId: string;
  readonly algorithm: string;
  readonly role: string;
  readonly gun: string;
}

/** Called at once, so that the log can name the caller. */
export type OnKey = (event: KeyEvent, key: AffectedKey) => void;

interface Found {
  readonly key: SigningKey;
  readonly role: string;
  readonly gun: string;
  /** true until it has signed */
  readonly isPending: boolean;
}

/** The signer's calls. Every method may throw TagsealError `STORAGE_FAILED`. */
export class SignerService {
  readonly #parts: SignerServiceParts;
  constructor(parts: SignerServiceParts) {
    this.#parts = parts;
  }

  /**
   * The key to use next for this role of this collection: the same one until it signs. Only the promise is stored; the key itself is computed again
   * when needed.
   *
   * @throws UsageError `USAGE` for a role or algorithm that servers have no keys for
   */
  async createKey(request: KeyRequest, onKey: OnKey = () => {}): Promise<KeyDescription> {
    const purpose = purposeOf(request);
    const publicKey = await this.#parts.keys.pending(purpose);
    await this.#remember(purpose, publicKey, onKey);
    return describe(publicKey, "");
  }

  /** @throws KeyStoreError `KEY_NOT_FOUND`; `PASSPHRASE_UNAVAILABLE`, `PASSPHRASE_WRONG` for a key that does not open */
  async getKeyInfo(keyId: string): Promise<KeyDescription> {
    const { key, role } = await this.#find(keyId);
    return describe(key.publicKey, role);
  }

  /**
   * The key, if it belongs to this role of this collection: stored, promised, or lost because it signed after the backup from which this signer was
   * restored; it is then promised again. A server that lost its records asks this to learn whether a key is its collection's.
   *
   * @throws KeyStoreError `KEY_NOT_FOUND`; UsageError `USAGE` for a role or algorithm that servers have no keys for
   */
  async findKey(inquiry: KeyInquiry, onKey: OnKey = () => {}): Promise<KeyDescription> {
    const { table, keys } = this.#parts;
    const { keyId } = inquiry;
    const purpose = purposeOf(inquiry);
    const kept = await table.keyById(keyId);
    const noted = kept === undefined || isPromise(kept) ? await table.assignments.find(keyId) : kept;
    if (noted !== undefined) {
      if (noted.gun !== purpose.gun || noted.role !== purpose.role) throw unknownKey(keyId);
      return { keyId, algorithm: noted.algorithm, publicKey: noted.publicKey, role: noted.role };
    }
    const pending = await keys.findPending(purpose, keyId);
    if (pending === undefined) throw unknownKey(keyId);
    await this.#remember(purpose, pending.publicKey, onKey);
    return describe(pending.publicKey, purpose.role);
  }

  /** @throws KeyStoreError `KEY_NOT_FOUND`; `PASSPHRASE_UNAVAILABLE`, `PASSPHRASE_WRONG` for a key that does not open */
  async sign({ keyId, content }: SignatureRequest, onKey: OnKey = () => {}): Promise<SignatureReply> {
    let [role, algorithm] = ["unknown", "unknown"];
    let outcome: ObservedSignature["outcome"] = "failed";
    try {
      const { key, isPending, ...found } = await this.#find(keyId);
      role = found.role === "" ? role : found.role;
      algorithm = key.publicKey.keyType;
      const { method, value } = await key.sign(content);
      // The key is stored now, and its row names its purpose.
      if (isPending) {
        onKey("made a key", { keyId, algorithm, role, gun: found.gun });
        await this.#parts.table.assignments.forget(keyId);
      }
      outcome = "made";
      return { keyId, algorithm, method, content: value };
    } finally {
      this.#parts.metrics?.observeSignature({ role, algorithm, outcome });
    }
  }

  /** Deletes a key permanently; succeeds also when there is none. */
  async deleteKey(keyId: string, onKey: OnKey = () => {}): Promise<undefined> {
    const { table, now } = this.#parts;
    const known = (await table.assignments.find(keyId)) ?? (await table.keyById(keyId));
    const isForgotten = await table.assignments.forget(keyId);
    const isRemoved = await table.removeKey(keyId, now());
    if (known !== undefined && (isForgotten || isRemoved)) onKey("deleted a key", affected(known));
  }

  /** @throws KeyStoreError `KEY_NOT_FOUND` for an unknown service name */
  async checkHealth(service: string): Promise<number> {
    if (!healthServices.some((name) => name === service))
      throw new KeyStoreError("KEY_NOT_FOUND", "There is no such service");
    return (await this.#parts.probe.look()) === undefined ? healthStatus.serving : healthStatus.notServing;
  }

  async #remember(purpose: KeyPurpose, { keyId, bytes: publicKey }: PublicKey, onKey: OnKey): Promise<void> {
    const { now, maxPendingKeys, table } = this.#parts;
    const { assignments } = table;
    if ((await assignments.find(keyId)) !== undefined) return;
    const stale = await assignments.pending(purpose);
    if (stale !== undefined) await assignments.forget(stale.keyId);
    await assignments.assign({ ...purpose, keyId, publicKey, assignedAt: now(), used: false });
    onKey("promised a key", affected({ ...purpose, keyId }));
    for (let excess = (await assignments.countPending()) - maxPendingKeys; excess > 0; excess -= 1) {
      const oldest = await assignments.oldestPending();
      if (oldest !== undefined) await assignments.forget(oldest.keyId);
    }
  }

  async #find(keyId: string): Promise<Found> {
    const { table, keys } = this.#parts;
    // In this order: another call may turn the promise into a kept key between the two questions.
    const promised = await table.assignments.find(keyId);
    const kept = await table.keyById(keyId);
    if (kept !== undefined && !isPromise(kept))
      return { key: await keys.open(kept), role: kept.role, gun: kept.gun, isPending: false };
    const purpose = promised && { ...promised, algorithm: algorithmOf(promised.algorithm) };
    const key = purpose && (await keys.findPending(purpose, keyId));
    if (purpose === undefined || key === undefined) throw unknownKey(keyId);
    return { key, role: purpose.role, gun: purpose.gun, isPending: true };
  }
}

function unknownKey(keyId: string): KeyStoreError {
  return new KeyStoreError("KEY_NOT_FOUND", `key ${JSON.stringify(keyId.slice(0, 64))} not found`);
}

function affected({ keyId, algorithm, role, gun }: AffectedKey): AffectedKey {
  return { keyId, algorithm, role, gun };
}

function describe({ keyId, keyType: algorithm, bytes: publicKey }: PublicKey, role: string): KeyDescription {
  return { keyId, algorithm, publicKey, role };
}

function purposeOf({ algorithm, gun, role }: KeyRequest): KeyPurpose {
  if (!isServerRole(role))
    throw new UsageError("USAGE", `There are no keys for the role ${JSON.stringify(role.slice(0, 64))} here`);
  const gunBytes = Buffer.byteLength(gun);
  if (gunBytes === 0 || gunBytes > maxGunBytes)
    throw new UsageError("USAGE", `The name of the collection has ${gunBytes} bytes, expected 1 to ${maxGunBytes}`);
  return { gun, role, algorithm: algorithmOf(algorithm) };
}

function algorithmOf(name: string): DerivedAlgorithm {
  if (name === "ecdsa" || name === "ed25519") return name;
  throw new UsageError("USAGE", `algorithm ${JSON.stringify(name.slice(0, 64))} not supported for create key`);
}
