/** The signer's rows on disk: sealed keys that have signed, and the sealed secret that pending keys come from. */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import { TagsealError } from "../../errors.ts";
import { explained, openDatabase } from "../storage/sqlite-database.ts";
import { sealing } from "./sealed-secret.ts";
import type { ServerRole } from "./signing-service.ts";

/** One key that has signed. */
export interface SealedKey {
  readonly keyId: string;
  readonly gun: string;
  readonly role: ServerRole;
  /** SubjectPublicKeyInfo, DER */
  readonly publicKey: Uint8Array;
  /** compact JWE of the SEC1 private key */
  readonly sealed: string;
  readonly at: Date;
}

/** Rows written before aliases mean anything carry this one: Notary's name for the first passphrase. */
const passphraseAlias = "default";

function prepareAll(database: DatabaseSync) {
  return {
    secret: database.prepare("SELECT sealed FROM derivation_secret WHERE id = 1"),
    insertSecret: database.prepare("INSERT OR IGNORE INTO derivation_secret (id, sealed) VALUES (1, ?)"),
    key: database.prepare("SELECT private FROM private_keys WHERE key_id = ? AND gun = ? AND role = ?"),
    countKeys: database.prepare("SELECT count(*) AS count FROM private_keys WHERE gun = ? AND role = ?"),
    insertKey: database.prepare(
      `INSERT OR IGNORE INTO private_keys (created_at, key_id, encryption_alg, keywrap_alg, algorithm, passphrase_alias,
        public, private, gun, role, last_used) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
  } satisfies Record<string, StatementSync>;
}

/** Reads and writes the signer's database file. Every method may throw TagsealError `STORAGE_FAILED`. */
export class SealedKeyTable {
  readonly #path: string;
  readonly #database: DatabaseSync;
  readonly #statements: ReturnType<typeof prepareAll>;

  /** @throws TagsealError `STORAGE_FAILED`, `SERVER_CONFIGURATION` */
  constructor(path: string) {
    this.#path = path;
    this.#database = openDatabase({ path, migrations: ["0001-signer.sql"] });
    this.#statements = prepareAll(this.#database);
  }

  /** The sealed derivation secret; undefined before the first start has written one. */
  derivationSecret(): string | undefined {
    const row = explained(this.#path, "read", () => this.#statements.secret.get());
    return row === undefined ? undefined : String(row["sealed"]);
  }

  /** Writes the derivation secret unless there is one, and returns the one that counts: two first starts may race. */
  keepDerivationSecret(sealed: string): string {
    explained(this.#path, "write to", () => this.#statements.insertSecret.run(sealed));
    const kept = this.derivationSecret();
    if (kept === undefined)
      throw new TagsealError("STORAGE_FAILED", `${this.#path} did not keep what was written to it`);
    return kept;
  }

  /** The sealed private key, if it was made for this role of this collection. */
  findKey(gun: string, role: ServerRole, keyId: string): string | undefined {
    const row = explained(this.#path, "read", () => this.#statements.key.get(keyId, gun, role));
    return row === undefined ? undefined : String(row["private"]);
  }

  /** How many keys of this role have signed. */
  countKeys(gun: string, role: ServerRole): number {
    return Number(explained(this.#path, "read", () => this.#statements.countKeys.get(gun, role))?.["count"]);
  }

  /** Keeps a key durably; does nothing when it is kept already. */
  insertKey({ keyId, gun, role, publicKey, sealed, at }: SealedKey): void {
    const { encryption, keyWrap } = sealing;
    const algorithms = [encryption, keyWrap, "ecdsa", passphraseAlias] as const;
    explained(this.#path, "write to", () =>
      this.#statements.insertKey.run(at.getTime(), keyId, ...algorithms, publicKey, sealed, gun, role, at.getTime()),
    );
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }
}
