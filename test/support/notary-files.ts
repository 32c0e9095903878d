/** The databases of Notary's server and signer as SQLite files, filled with what a server of ours holds: the same content in their tables. */
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { SqliteKeyTable } from "../../src/server/signer/sqlite-key-table.ts";
import { SqliteMetadataStore } from "../../src/server/storage/sqlite-metadata-store.ts";

/** Paths of the two files, and ways to spoil them. */
export interface NotaryFiles {
  readonly server: string;
  readonly signer: string;
  /** Runs SQL in the server's file. */
  inServer(sql: string, ...values: readonly (string | number | Uint8Array)[]): void;
  /** Runs SQL in the signer's file. */
  inSigner(sql: string, ...values: readonly (string | number | Uint8Array)[]): void;
}

const stamps = "id integer primary key autoincrement, created_at datetime, updated_at datetime, deleted_at datetime";

const serverTables = `
  create table tuf_files (${stamps}, gun varchar(255) not null, role varchar(255) not null, version integer not null,
    sha256 varchar(64), data blob not null, unique (gun, role, version));
  create table changefeed (id integer primary key autoincrement, created_at datetime, gun varchar(255) not null,
    version integer not null, sha256 varchar(64), category varchar(20) not null);`;

const signerTables = `
  create table private_keys (${stamps}, key_id varchar(255) not null unique, encryption_alg varchar(255) not null,
    keywrap_alg varchar(255) not null, algorithm varchar(50) not null, passphrase_alias varchar(50) not null,
    public blob not null, private blob not null, gun varchar(255) not null, role varchar(255) not null, last_used datetime);`;

/** Copies a data directory of ours into files of Notary's kind in `directory`. The server must be stopped. */
export async function notaryFiles(dataDir: string, directory: string): Promise<NotaryFiles> {
  const [server, signer] = [join(directory, "notary-server.db"), join(directory, "notary-signer.db")];
  await copyMetadata(dataDir, server);
  await copyKeys(dataDir, signer);
  const run =
    (path: string) =>
    (sql: string, ...values: readonly (string | number | Uint8Array)[]): void => {
      const database = new DatabaseSync(path);
      database.prepare(sql).run(...values);
      database.close();
    };
  return { server, signer, inServer: run(server), inSigner: run(signer) };
}

async function copyMetadata(dataDir: string, path: string): Promise<void> {
  const store = new SqliteMetadataStore({ path: join(dataDir, "metadata.db") });
  const database = new DatabaseSync(path);
  database.exec(`${serverTables} begin`);
  const file = database.prepare(
    "insert into tuf_files (created_at, gun, role, version, sha256, data) values (?, ?, ?, ?, ?, ?)",
  );
  for (const gun of await store.guns("", 10_000)) {
    for (const { role, version } of await store.versions(gun)) {
      const stored = await store.byVersion(gun, role, version);
      if (stored === undefined) throw new Error(`${role} ${version} of ${gun} is gone`);
      file.run(goTime(stored.createdAt), gun, role, version, stored.sha256, stored.bytes);
    }
  }
  const change = database.prepare(
    "insert into changefeed (id, created_at, gun, version, sha256, category) values (?, ?, ?, ?, ?, ?)",
  );
  for (const { id, createdAt, gun, version, sha256, category } of await store.changes({
    from: 0,
    limit: 100_000,
    backwards: false,
  }))
    change.run(id, goTime(createdAt), gun, version, sha256, category);
  database.exec("commit");
  database.close();
  await store.close();
}

async function copyKeys(dataDir: string, path: string): Promise<void> {
  const table = new SqliteKeyTable(join(dataDir, "signer.db"));
  const database = new DatabaseSync(path);
  database.exec(signerTables);
  const insert = database.prepare(
    `insert into private_keys (created_at, key_id, encryption_alg, keywrap_alg, algorithm, passphrase_alias, public, private, gun, role)
      values (?, ?, 'A256GCM', 'PBES2-HS256+A128KW', ?, ?, ?, ?, ?, ?)`,
  );
  for (const key of await table.keys("", 10_000)) {
    const sealed = Buffer.from(key.sealed);
    insert.run(goTime(key.createdAt), key.keyId, key.algorithm, key.alias, key.publicKey, sealed, key.gun, key.role);
  }
  database.close();
  await table.close();
}

/** As Go's SQLite driver writes a time. */
function goTime(at: Date): string {
  return at.toISOString().replace("T", " ").replace("Z", "000+00:00");
}
