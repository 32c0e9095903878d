/** The signer's rows in an SQLite file: sealed keys, and the sealed secret of pending keys. */

import type { SQLOutputValue } from "node:sqlite";
import type { ServerRole } from "../../tuf/metadata.ts";
import { TagsealError } from "../../errors.ts";
import { SqliteFile } from "../storage/sqlite-database.ts";
import type { KeyAssignments } from "./key-assignments.ts";
import type { KeyTable, Sealed, SealedKey } from "./key-table.ts";
import { sealing } from "./sealed-secret.ts";
import { serverRole } from "./server-role.ts";
import { SqliteKeyAssignments } from "./sqlite-key-assignments.ts";
import { prepareKeyStatements } from "./sqlite-key-statements.ts";

type Row = Record<string, SQLOutputValue>;

/** What the health probe writes: more than a new key and its assignment, which touch a page of each table and index, so that a full disk shows. */
const probeBytes = 65_536;

/** Keeps everything in one file. */
export class SqliteKeyTable implements KeyTable {
  readonly assignments: KeyAssignments;
  readonly #path: string;
  readonly #file: SqliteFile;
  readonly #statements: ReturnType<typeof prepareKeyStatements>;

  /** @throws TagsealError `STORAGE_FAILED`, `SERVER_CONFIGURATION` */
  constructor(path: string) {
    this.#path = path;
    this.#file = new SqliteFile({ path, migrations: ["0001-signer.sql", "0002-signer.sql"] });
    this.#file.database.exec("PRAGMA secure_delete = ON"); // a removed or replaced seal is overwritten in the file
    this.#statements = prepareKeyStatements(this.#file.database);
    this.assignments = new SqliteKeyAssignments(this.#file);
  }

  async derivationSecret(): Promise<Sealed | undefined> {
    const row = this.#read(() => this.#statements.secret.get());
    return row && { sealed: String(row["sealed"]), alias: String(row["passphrase_alias"]) };
  }

  async keepDerivationSecret({ sealed, alias }: Sealed): Promise<Sealed> {
    await this.#write(() => this.#statements.insertSecret.run(sealed, alias));
    const kept = await this.derivationSecret();
    if (kept === undefined)
      throw new TagsealError("STORAGE_FAILED", `${this.#path} did not keep what was written to it`);
    return kept;
  }

  async resealDerivationSecret(from: Sealed, to: Sealed): Promise<boolean> {
    return (
      (await this.#write(() => this.#statements.resealSecret.run(to.sealed, to.alias, from.sealed, from.alias))) > 0
    );
  }

  async findKey(gun: string, role: ServerRole, keyId: string): Promise<SealedKey | undefined> {
    return optionalKey(this.#read(() => this.#statements.findKey.get(keyId, gun, role)));
  }

  async keyById(keyId: string): Promise<SealedKey | undefined> {
    return optionalKey(this.#read(() => this.#statements.keyById.get(keyId)));
  }

  async countKeys(gun: string, role: ServerRole): Promise<number> {
    return Number(this.#read(() => this.#statements.countKeys.get(gun, role))?.["count"]);
  }

  async count(): Promise<number> {
    return Number(this.#read(() => this.#statements.count.get())?.["count"]);
  }

  async insertKey(key: SealedKey): Promise<boolean> {
    const { keyId, gun, role, algorithm, publicKey, sealed, alias } = key;
    const at = key.createdAt.getTime();
    const seal = [sealing.encryption, sealing.keyWrap, algorithm, alias] as const;
    await this.#write(() => this.#statements.insertKey.run(at, keyId, ...seal, publicKey, sealed, gun, role, at));
    return (await this.keyById(keyId)) !== undefined;
  }

  async keepFor(keyId: string, gun: string, role: ServerRole): Promise<boolean> {
    await this.#write(() => this.#statements.keepFor.run(gun, role, keyId));
    return (await this.findKey(gun, role, keyId)) !== undefined;
  }

  async keys(afterKeyId: string, limit: number): Promise<readonly SealedKey[]> {
    return this.#read(() => this.#statements.keys.all(afterKeyId, limit)).map(keyOf);
  }

  async oneKeyPerAlias(): Promise<readonly SealedKey[]> {
    return this.#read(() => this.#statements.onePerAlias.all()).map(keyOf);
  }

  async resealKey(keyId: string, from: Sealed, to: Sealed): Promise<boolean> {
    const values = [to.sealed, to.alias, keyId, from.sealed, from.alias] as const;
    return (await this.#write(() => this.#statements.resealKey.run(...values))) > 0;
  }

  async removeKey(keyId: string, at: Date): Promise<boolean> {
    return (await this.#write(() => this.#statements.removeKey.run(at.getTime(), keyId))) > 0;
  }

  async removedKeys(afterKeyId: string, limit: number): Promise<readonly SealedKey[]> {
    return this.#read(() => this.#statements.removedKeys.all(afterKeyId, limit)).map(keyOf);
  }

  async dropKey(keyId: string, { sealed, alias }: Sealed): Promise<boolean> {
    return (await this.#write(() => this.#statements.dropKey.run(keyId, sealed, alias))) > 0;
  }

  async dropDerivationSecret({ sealed, alias }: Sealed): Promise<boolean> {
    return (await this.#write(() => this.#statements.dropSecret.run(sealed, alias))) > 0;
  }

  /** SQLite can leave WAL mode, and return to it, only while no other process has the file open. */
  async requireAlone(): Promise<void> {
    if (this.#read(() => this.#file.isAlone())) return;
    throw new TagsealError("STORAGE_CONFLICT", `Another process works with the keys in ${this.#path}`, {
      hint: "Stop the server or signer that uses them first; copying them, without --move, needs no stop.",
    });
  }

  /** Deleted rows are overwritten in the database, but remain in its log until that is emptied. */
  async scrub(): Promise<void> {
    this.#read(() => this.#file.database.exec("PRAGMA wal_checkpoint(TRUNCATE)"));
  }

  async check(): Promise<void> {
    await this.derivationSecret();
    await this.#file.probe(() => {
      this.#statements.fillProbe.run(probeBytes);
      this.#statements.emptyProbe.run();
    });
  }

  async close(): Promise<void> {
    this.#file.close();
  }

  #read<T>(statement: () => T): T {
    return this.#file.read(statement);
  }

  async #write(statement: () => { readonly changes: number | bigint }): Promise<number> {
    return Number((await this.#file.write(statement)).changes);
  }
}

function optionalKey(row: Row | undefined): SealedKey | undefined {
  return row && keyOf(row);
}

function keyOf(row: Row): SealedKey {
  return {
    keyId: String(row["key_id"]),
    gun: String(row["gun"]),
    role: row["role"] === "" ? "" : serverRole(row["role"]),
    algorithm: String(row["algorithm"]),
    publicKey: new Uint8Array(row["public"] as Uint8Array), // a BLOB column
    sealed: String(row["private"]),
    alias: String(row["passphrase_alias"]),
    createdAt: new Date(Number(row["created_at"])),
  };
}
