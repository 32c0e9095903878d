import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, it, type TestContext } from "node:test";
import { temporaryDirectory } from "../../../test/support/temporary-directory.ts";
import { keyTableContract } from "../../../test/contract/key-table.ts";
import { SqliteKeyTable } from "./sqlite-key-table.ts";

function temporaryPath(t: TestContext): string {
  const directory = temporaryDirectory(t);
  return join(directory, "signer.db");
}

function open(t: TestContext, path = temporaryPath(t)): SqliteKeyTable {
  const table = new SqliteKeyTable(path);
  t.after(() => table.close());
  return table;
}

/** A file as the first release left it. */
function firstSchema(path: string): DatabaseSync {
  const database = new DatabaseSync(path);
  database.exec(readFileSync(new URL("../storage/migrations/0001-signer.sql", import.meta.url), "utf8"));
  database.exec("PRAGMA user_version = 1");
  return database;
}

keyTableContract("SqliteKeyTable", open);

describe("SqliteKeyTable on disk", () => {
  it("takes over a file of the first release, whose secret was sealed under the alias `default`", async (t) => {
    const path = temporaryPath(t);
    const old = firstSchema(path);
    old.exec("INSERT INTO derivation_secret (id, sealed) VALUES (1, 'as it was')");
    old.exec(`INSERT INTO private_keys (created_at, key_id, encryption_alg, keywrap_alg, algorithm, passphrase_alias, public,
      private, gun, role) VALUES (1, 'abc', 'A256GCM', 'PBES2-HS256+A128KW', 'ecdsa', 'default', x'00', 'as it was', 'g', 'snapshot')`);
    old.close();
    const table = open(t, path);
    assert.deepEqual(await table.derivationSecret(), { sealed: "as it was", alias: "default" });
    assert.equal((await table.findKey("g", "snapshot", "abc"))?.sealed, "as it was");
    assert.deepEqual(await table.assignments.oldestPending(), undefined);
  });

  it("fails, without an answer, when a row has a role that no server signs for", async (t) => {
    const path = temporaryPath(t);
    const table = open(t, path);
    const other = new DatabaseSync(path);
    t.after(() => other.close());
    other.exec(`INSERT INTO private_keys (created_at, key_id, encryption_alg, keywrap_alg, algorithm, passphrase_alias, public,
      private, gun, role) VALUES (1, 'abc', 'a', 'b', 'ecdsa', 'default', x'00', 'x', 'g', 'root')`);
    await assert.rejects(table.keyById("abc"), { code: "STORAGE_FAILED", message: /"root"/u });
  });
});
