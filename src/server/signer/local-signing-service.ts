/** The signer inside the server's own process. */

import type { ServerRole } from "../../tuf/metadata.ts";
import type { SigningKey } from "../../crypto/private-key.ts";
import type { PublicKey } from "../../crypto/public-key.ts";
import { hasCode } from "../../errors.ts";
import type { KeyService } from "./key-service.ts";
import { isElsewhere, isPromise, type KeyTable, type SealedKey } from "./key-table.ts";
import { openSignerKeys, type KeyPurpose, type SignerKeyring } from "./signer-keys.ts";
import type { PassphraseSource } from "./signer-passphrases.ts";
import type { KeyPresence, NamesKey, SigningService } from "./signing-service.ts";

/** How to open the signer. */
export interface LocalSignerOptions {
  /** closed with the signer */
  readonly table: KeyTable;
  readonly passphrases: PassphraseSource;
  /** uses the keys that are kept elsewhere, and makes new ones there when it is to */
  readonly service?: KeyService | undefined;
  /** keys kept elsewhere that may be promised and unused at a time */
  readonly maxPendingKeys?: number | undefined;
  /** decides about keys whose rows do not name their purpose; without it they belong to no collection */
  readonly namesKey?: NamesKey | undefined;
  readonly now: () => Date;
}

/** File names inside a data directory. */
export const signerFiles = { database: "signer.db", passphrase: "signer.passphrase" } as const;

/**
 * Opens the signer, or sets it up on the first start. The table is closed when that fails.
 *
 * @throws KeyStoreError `PASSPHRASE_WRONG`, `PASSPHRASE_TOO_SHORT`, `PASSPHRASE_UNAVAILABLE`
 * @throws TagsealError `SERVER_CONFIGURATION` for a passphrase file that cannot be used, `STORAGE_FAILED`
 */
export async function openLocalSigningService(options: LocalSignerOptions): Promise<SigningService> {
  try {
    return new LocalSigningService(options, await openSignerKeys(options));
  } catch (error) {
    await options.table.close();
    throw error;
  }
}

/** how many opened keys are remembered with their purpose */
const maxFoundKeys = 4096;

/**
 * How long a key is assumed to be still in the table: another process may remove it. A check for every signature would cost each publication two
 * queries to a shared database.
 */
const believedMs = 5000;

interface FoundKey {
  readonly key: SigningKey;
  readonly at: number;
}

class LocalSigningService implements SigningService {
  readonly #options: LocalSignerOptions;
  readonly #keys: SignerKeyring;
  readonly #found = new Map<string, FoundKey>();
  readonly #missed = new Map<string, number>();

  constructor(options: LocalSignerOptions, keys: SignerKeyring) {
    this.#options = options;
    this.#keys = keys;
  }

  get isAvailable(): boolean {
    return this.#keys.isAvailable;
  }

  async pendingKey(gun: string, role: ServerRole): Promise<PublicKey> {
    return await this.#keys.pending(purpose(gun, role));
  }

  async find(gun: string, role: ServerRole, keyId: string): Promise<SigningKey | undefined> {
    const name = JSON.stringify([gun, role, keyId]);
    const now = this.#options.now().getTime();
    const found = this.#found.get(name);
    if (found !== undefined && Math.abs(now - found.at) < believedMs) return found.key;
    this.#found.delete(name);
    const kept = await this.#kept(gun, role, keyId);
    const key = kept && (await this.#opened(kept));
    if (key !== undefined) return this.#remember(name, { key, at: now });
    return await this.#pending(gun, role, keyId, { name, now });
  }

  async presence(gun: string, role: ServerRole, keyId: string): Promise<KeyPresence> {
    const kept = await this.#kept(gun, role, keyId);
    if (kept !== undefined) return await this.#presenceOf(kept);
    return (await this.#keys.findPending(purpose(gun, role), keyId)) === undefined ? "unknown" : "held";
  }

  async check(): Promise<void> {
    await this.#keys.check();
  }

  async close(): Promise<void> {
    this.#found.clear();
    await this.#keys.close();
  }

  /** Undefined for a key that its token has no more: its owner needs another one, as for a key that this table never had. */
  async #opened(kept: SealedKey): Promise<SigningKey | undefined> {
    try {
      return await this.#keys.open(kept);
    } catch (error) {
      if (isElsewhere(kept) && hasCode(error, "KEY_NOT_FOUND")) return undefined;
      throw error;
    }
  }

  async #presenceOf(kept: SealedKey): Promise<KeyPresence> {
    try {
      await this.#keys.proveOpens(kept);
      return "held";
    } catch (error) {
      // The token answers, and has it no more.
      if (hasCode(error, "KEY_NOT_FOUND")) return "lost";
      throw error;
    }
  }

  /** Publishers' own keys are looked up repeatedly too: the absence of a key is remembered as long as its presence. */
  async #pending(
    gun: string,
    role: ServerRole,
    keyId: string,
    { name, now }: { readonly name: string; readonly now: number },
  ): Promise<SigningKey | undefined> {
    const missedAt = this.#missed.get(name);
    if (missedAt !== undefined && Math.abs(now - missedAt) < believedMs) return undefined;
    this.#missed.delete(name);
    const pending = await this.#keys.findPending(purpose(gun, role), keyId);
    if (pending !== undefined) return pending;
    makeRoomIn(this.#missed);
    this.#missed.set(name, now);
    return undefined;
  }

  /** The oldest entry is dropped when full. */
  #remember(name: string, found: FoundKey): SigningKey {
    makeRoomIn(this.#found);
    this.#found.set(name, found);
    return found.key;
  }

  async #kept(gun: string, role: ServerRole, keyId: string): Promise<SealedKey | undefined> {
    const { table, namesKey } = this.#options;
    const own = await table.findKey(gun, role, keyId);
    if (own !== undefined) return own;
    const unnoted = await table.keyById(keyId);
    if (
      unnoted === undefined ||
      isPromise(unnoted) ||
      unnoted.gun !== "" ||
      (unnoted.role !== "" && unnoted.role !== role)
    )
      return undefined;
    return (await namesKey?.(gun, role, keyId)) === true ? unnoted : undefined;
  }
}

function makeRoomIn(remembered: Map<string, unknown>): void {
  const oldest = remembered.keys().next();
  if (remembered.size >= maxFoundKeys && oldest.done !== true) remembered.delete(oldest.value);
}

function purpose(gun: string, role: ServerRole): KeyPurpose {
  return { gun, role, algorithm: "ecdsa" };
}
