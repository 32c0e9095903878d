/**
 * Moves a signer's keys from one table to another: from a server's own table to that of a signer in another process, or back. Every key is opened,
 * sealed under the target's passphrase and read back there before anything is dropped, so that this may be interrupted and repeated.
 *
 * The secret that pending keys are derived from moves too, to a table without one: publishers who were promised a key then still get it.
 */

import { TagsealError } from "../../errors.ts";
import { isElsewhere, type KeyTable, type Sealed, type SealedKey } from "./key-table.ts";
import { openKey, sealUnderDefault, unseal } from "./signer-keys.ts";
import type { SignerPassphrases } from "./signer-passphrases.ts";

/** One table, and what its keys are sealed with. */
export interface KeyMoveEnd {
  /** stays open */
  readonly table: KeyTable;
  readonly passphrases: SignerPassphrases;
}

/** How to move. */
export interface KeyMove {
  readonly from: KeyMoveEnd;
  /** undefined in a dry run when there is no such table yet */
  readonly to: KeyMoveEnd | undefined;
  /** remove from the source what the target has */
  readonly drop: boolean;
  /** open everything and change nothing */
  readonly isDryRun: boolean;
  readonly now: Date;
  /** called after each key, for a progress line */
  readonly onKey?: ((keys: number) => void) | undefined;
  /** ends the work after the key under way */
  readonly signal?: AbortSignal | undefined;
}

/** A key that was not moved, and why. */
export interface UnmovedKey {
  readonly keyId: string;
  readonly alias: string;
  readonly error: TagsealError;
}

/** What was done, or what a dry run would do. */
export interface KeyMoveReport {
  readonly isDryRun: boolean;
  readonly copied: number;
  /** keys that the target had already */
  readonly alreadyThere: number;
  /** keys that are no longer in the source */
  readonly dropped: number;
  readonly failed: readonly UnmovedKey[];
  /**
   * the secret of pending keys: `copied`, the `same` on both sides, `another` in the target (publishers who were promised a key must ask again), or
   * `none` in the source
   */
  readonly secret: "copied" | "same" | "another" | "none";
}

const pageSize = 200;

/**
 * Moves everything.
 *
 * @throws KeyStoreError `PASSPHRASE_UNAVAILABLE`, `PASSPHRASE_WRONG` when the derivation secret does not open; TagsealError `STORAGE_FAILED`.
 *   Keys moved before the failure stay moved. `STORAGE_CONFLICT` before anything is changed when keys are to be dropped and another process has them
 */
export async function moveKeys(move: KeyMove): Promise<KeyMoveReport> {
  return await new Move(move).run();
}

class Move {
  readonly #move: KeyMove;
  readonly #failed: UnmovedKey[] = [];
  readonly #counts = { copied: 0, alreadyThere: 0, dropped: 0 };

  constructor(move: KeyMove) {
    this.#move = move;
  }

  async run(): Promise<KeyMoveReport> {
    const { from, drop, isDryRun, now } = this.#move;
    if (drop && !isDryRun) await from.table.requireAlone();
    const secret = await this.#secret();
    for await (const removed of pages((after) => from.table.removedKeys(after, pageSize)))
      await this.#bury(removed, now);
    for await (const key of pages((after) => from.table.keys(after, pageSize))) await this.#key(key);
    // While a key remains, the signer may be in use.
    if (drop && !isDryRun && this.#failed.length === 0) await this.#dropSecret();
    if (drop && !isDryRun) await from.table.scrub();
    return { isDryRun, ...this.#counts, failed: this.#failed, secret };
  }

  async #secret(): Promise<KeyMoveReport["secret"]> {
    const { from, to, isDryRun } = this.#move;
    const kept = await from.table.derivationSecret();
    if (kept === undefined) return "none";
    const secret = await unseal(kept, from.passphrases);
    const there = await to?.table.derivationSecret();
    if (there === undefined && isDryRun) return "copied";
    if (to === undefined) throw new TagsealError("INTERNAL", "There is no table to move keys to");
    const counts = there ?? (await to.table.keepDerivationSecret(await sealUnderDefault(secret, to.passphrases)));
    const isSame = Buffer.from(secret).equals(await unseal(counts, to.passphrases));
    return there === undefined && isSame ? "copied" : isSame ? "same" : "another";
  }

  /** An ID that must not be reused in the source must not be reused in the target. */
  async #bury(removed: SealedKey, now: Date): Promise<void> {
    const { to, isDryRun } = this.#move;
    if (to === undefined || isDryRun) return;
    if (await to.table.insertKey(removed)) await to.table.removeKey(removed.keyId, now);
  }

  async #key(key: SealedKey): Promise<void> {
    this.#move.signal?.throwIfAborted();
    try {
      await this.#moveKey(key);
    } catch (error) {
      // One damaged key must not stop the others; the report names it.
      if (!(error instanceof TagsealError) || error.code === "STORAGE_FAILED") throw error;
      this.#failed.push({ keyId: key.keyId, alias: key.alias, error });
    }
    this.#move.onKey?.(this.#counts.copied + this.#counts.alreadyThere);
  }

  async #moveKey(key: SealedKey): Promise<void> {
    const { from, to, drop, isDryRun } = this.#move;
    await proveOpens(key, from);
    const isThere = await this.#hasIt(key);
    if (!isThere && !isDryRun) await this.#copy(key);
    this.#counts[isThere ? "alreadyThere" : "copied"] += 1;
    if (!drop || isDryRun || to === undefined) return;
    if (await from.table.dropKey(key.keyId, key)) this.#counts.dropped += 1;
    else
      throw new TagsealError("STORAGE_CONFLICT", `Key ${key.keyId} was changed meanwhile, and stays: run this again`);
  }

  async #copy(key: SealedKey): Promise<void> {
    const { from, to } = this.#move;
    if (to === undefined) throw new TagsealError("INTERNAL", "There is no table to move keys to");
    // Of a key that is kept elsewhere only its address is here.
    const seal = isElsewhere(key) ? key : await sealUnderDefault(await unseal(key, from.passphrases), to.passphrases);
    if (!(await to.table.insertKey({ ...key, sealed: seal.sealed, alias: seal.alias })) || !(await this.#hasIt(key)))
      throw new TagsealError("KEY_NOT_FOUND", `Key ${key.keyId} was deleted from the signer that it is to move to`);
  }

  /** True when the target holds the key and can open it. */
  async #hasIt({ keyId }: SealedKey): Promise<boolean> {
    const { to } = this.#move;
    const there = await to?.table.keyById(keyId);
    if (there === undefined || to === undefined) return false;
    await proveOpens(there, to);
    return true;
  }

  async #dropSecret(): Promise<void> {
    const { table } = this.#move.from;
    const kept: Sealed | undefined = await table.derivationSecret();
    if (kept !== undefined) await table.dropDerivationSecret(kept);
  }
}

async function proveOpens(key: SealedKey, { passphrases }: KeyMoveEnd): Promise<void> {
  if (!isElsewhere(key)) await openKey(key, passphrases);
}

async function* pages(read: (after: string) => Promise<readonly SealedKey[]>): AsyncGenerator<SealedKey> {
  for (let page = await read(""); page.length > 0; page = await read(page.at(-1)?.keyId ?? "")) yield* page;
}
