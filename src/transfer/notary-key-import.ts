/** Imports the signer's keys, still sealed, and proves that those in use can be opened here. */

import { isServerRole } from "../tuf/role-name.ts";
import { hasCode } from "../errors.ts";
import { PublicKey } from "../crypto/public-key.ts";
import { gunFault } from "../server/http/gun.ts";
import type { KeyTable, SealedKey } from "../server/signer/key-table.ts";
import { openKey } from "../server/signer/signer-keys.ts";
import { findPassphrase, type GivenPassphrases } from "../server/signer/given-passphrases.ts";
import { type MoveProblem, problemOf } from "./move-report.ts";
import type { NotaryKey, NotarySignerDatabase } from "./notary-signer-database.ts";
import { type KeyUse, type KeyUses, mayServe } from "./server-key-uses.ts";
import { type AliasReport, maxNamed, type AliasCount, problemsOf } from "./alias-counts.ts";

/** The outcome for the keys. */
export interface KeysReport {
  /** keys now here, of the source's */
  readonly keys: number;
  /** of these, those that the newest root of a collection names, each opened once */
  readonly inUse: number;
  readonly aliases: readonly AliasReport[];
  readonly problems: readonly MoveProblem[];
}

const pageSize = 500;

/**
 * Imports all keys and opens those in use. A key that cannot be imported or opened is reported, and the rest continues.
 *
 * A server does not start when the passphrase of any of its keys is missing. Unused keys must not cause that, so they are not imported when theirs is
 * not given.
 *
 * @throws TagsealError `STORAGE_FAILED` when either side cannot be read or written
 */
export async function importKeys(
  source: NotarySignerDatabase,
  table: KeyTable,
  uses: KeyUses,
  passphrases: GivenPassphrases,
): Promise<KeysReport> {
  const keyImport = new KeyImport(table, uses, passphrases);
  for (let after = 0; ;) {
    const page = await source.keys(after, pageSize);
    for (const key of page) await keyImport.move(key);
    const last = page.at(-1);
    if (last === undefined || page.length < pageSize) return keyImport.report();
    after = last.id;
  }
}

class KeyImport {
  readonly #table: KeyTable;
  readonly #uses: KeyUses;
  readonly #passphrases: GivenPassphrases;
  readonly #problems: MoveProblem[] = [];
  readonly #aliases = new Map<string, AliasCount>();
  readonly #moved = new Map<string, SealedKey>();
  #inUse = 0;

  constructor(table: KeyTable, uses: KeyUses, passphrases: GivenPassphrases) {
    this.#table = table;
    this.#uses = uses;
    this.#passphrases = passphrases;
  }

  async move(row: NotaryKey): Promise<void> {
    const fault = faultOf(row);
    if (fault !== undefined) return this.#refuse(row, fault);
    const uses = this.#uses.find(row.keyId).filter((use) => mayServe(row, use));
    const isInUse = uses.some(({ isCurrent }) => isCurrent);
    const count = this.#count(row.alias);
    if (!isInUse && !this.#isKnown(row.alias)) return void count.leftOut++;
    const key = sealedKey(row, uses);
    if (!(await this.#table.insertKey(key))) return this.#refuse(row, "a key with this ID was deleted here");
    this.#moved.set(row.keyId, key);
    count.keys++;
    if (isInUse) await this.#prove(key, count);
    // as the server does when it starts
    else if (count.keys === 1) await this.#open(key, count);
  }

  report(): KeysReport {
    for (const use of this.#uses.required()) {
      const { keyId, gun, role } = use;
      const moved = this.#moved.get(keyId);
      if (moved !== undefined && mayServe(moved, use)) continue;
      const message = `the ${role} key ${keyId} of ${gun} was not found in the signer's database: nothing can be published there`;
      this.#problems.push({ code: "SIGNING_KEY_MISSING", message });
    }
    for (const [alias, count] of this.#aliases) this.#problems.push(...problemsOf(alias, count));
    const aliases = [...this.#aliases].map(([alias, { keys, leftOut }]) => ({ alias, keys, leftOut }));
    return { keys: this.#moved.size, inUse: this.#inUse, aliases, problems: this.#problems };
  }

  async #prove(key: SealedKey, count: AliasCount): Promise<void> {
    this.#inUse += 1;
    if (this.#isKnown(key.alias)) await this.#open(key, count);
    else count.locked += 1;
  }

  async #open(key: SealedKey, count: AliasCount): Promise<void> {
    try {
      await openKey(key, this.#passphrases);
      count.opened += 1;
    } catch (error) {
      if (!hasCode(error, "PASSPHRASE_WRONG")) return void this.#problems.push(problemOf(error, `key ${key.keyId}`));
      if (count.wrongKeyIds.length < maxNamed) count.wrongKeyIds.push(key.keyId);
      count.wrong += 1;
    }
  }

  #isKnown(alias: string): boolean {
    return findPassphrase(this.#passphrases.byAlias, alias) !== undefined;
  }

  #count(alias: string): AliasCount {
    const count = this.#aliases.get(alias) ?? { keys: 0, leftOut: 0, locked: 0, opened: 0, wrong: 0, wrongKeyIds: [] };
    this.#aliases.set(alias, count);
    return count;
  }

  #refuse({ keyId }: NotaryKey, fault: string): void {
    const shown = /^[0-9a-f]{1,64}$/u.test(keyId) ? keyId : JSON.stringify(keyId);
    this.#problems.push({ code: "KEY_MALFORMED", message: `key ${shown} was not imported: ${fault}` });
  }
}

/** Rows of the first signers do not name the key's purpose; the one collection that names the key does. */
function sealedKey(row: NotaryKey, uses: readonly KeyUse[]): SealedKey {
  const { keyId, algorithm, publicKey, sealed, alias, createdAt } = row;
  const own = isServerRole(row.role) ? { gun: row.gun, role: row.role } : ({ gun: "", role: "" } as const);
  const { gun, role } = (uses.length === 1 ? uses[0] : undefined) ?? own;
  return { keyId, gun, role, algorithm, publicKey, sealed, alias, createdAt };
}

function faultOf(key: NotaryKey): string | undefined {
  if (key.sealed.length === 0 || key.publicKey.length === 0) return "its row is empty, or too long for a key";
  if (!["ecdsa", "ed25519", "rsa"].includes(key.algorithm)) return `its algorithm is ${JSON.stringify(key.algorithm)}`;
  if (new PublicKey(key.algorithm, key.publicKey).keyId !== key.keyId) return "its ID is not that of its public key";
  return key.gun !== "" && gunFault(key.gun) !== undefined
    ? "it was made for a name that no collection may have"
    : undefined;
}
