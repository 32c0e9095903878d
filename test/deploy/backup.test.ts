/**
 * Backup and restore as docs/server-backup.md has them: taken from a running server in the middle of publications, restored into a new one on
 * the same address, where clients that remember the old one continue once it has got back what was lost.
 */
import assert from "node:assert/strict";
import { cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { startMariadb, startPostgres, type Database } from "../support/database.ts";
import {
  client,
  freePort,
  missingPeers,
  runOk,
  Scope,
  startTagsealServer,
  waitUntil,
  writeLayout,
  type Client,
  type Peer,
  type TagsealServerOptions,
} from "../support/peers.ts";
import { startSandbox } from "../support/sandbox.ts";

/** One way to keep a server's content: how to start on it, take it away, and start on what was taken. */
interface Storage {
  readonly original: TagsealServerOptions;
  backup(): Promise<void>;
  /** Puts the backup where nothing was before. */
  restore(): Promise<TagsealServerOptions>;
}

/** What `tagseal server raise --json` did to each repository. */
function outcomes(stdout: string): readonly string[] {
  return (JSON.parse(stdout) as readonly { readonly outcome: string }[]).map(({ outcome }) => outcome);
}

const passphrase = { TAGSEAL_SIGNER_PASSPHRASE: "kept apart from the backup" };

async function embedded(scope: Scope): Promise<Storage> {
  const [data, copy, restored] = [scope.path("data"), scope.path("copy"), scope.path("restored")];
  for (const directory of [copy, restored]) mkdirSync(directory);
  return {
    original: { data, env: passphrase },
    async backup() {
      for (const file of ["metadata.db", "signer.db"])
        await runOk("sqlite3", [join(data, file), `.backup ${join(copy, file)}`]);
    },
    async restore() {
      for (const file of ["metadata.db", "signer.db"]) cpSync(join(copy, file), join(restored, file));
      return { data: restored, env: passphrase };
    },
  };
}

/** Both tables, of metadata and of keys, are in one database, so that one dump has both as they were at one moment. */
function shared(
  url: (name: string) => string,
  commands: Pick<Storage, "backup"> & { restore(): Promise<void> },
): Storage {
  return {
    original: { args: ["--database", url("original")], env: passphrase },
    backup: () => commands.backup(),
    async restore() {
      await commands.restore();
      return { args: ["--database", url("restored")], env: passphrase };
    },
  };
}

async function withDatabases(database: Database): Promise<Database> {
  for (const name of ["original", "restored"]) await database.create(name, "select 1");
  return database;
}

async function postgres(scope: Scope): Promise<Storage> {
  const database = await withDatabases(await startPostgres(scope));
  const url = (name: string): string => database.url(name);
  const dump = scope.path("dump");
  return shared(url, {
    async backup() {
      await runOk("pg_dump", ["--format=custom", `--file=${dump}`, url("original")]);
    },
    async restore() {
      await runOk("pg_restore", ["--no-owner", "--exit-on-error", `--dbname=${url("restored")}`, dump]);
    },
  });
}

async function mariadb(scope: Scope): Promise<Storage> {
  const { port } = await withDatabases(await startMariadb(scope));
  const dump = scope.path("dump.sql");
  const server = ["--no-defaults", "--host=127.0.0.1", `--port=${port}`, "--user=notary"];
  const options = ["--single-transaction", "--no-tablespaces", `--result-file=${dump}`];
  return shared((name) => `mysql://notary@127.0.0.1:${port}/${name}`, {
    async backup() {
      await runOk("mariadb-dump", [...server, ...options, "original"]);
    },
    async restore() {
      await runOk("mariadb", [...server, "restored", `--execute=source ${dump}`]);
    },
  });
}

const storages: readonly (readonly [string, (scope: Scope) => Promise<Storage>, readonly Peer[]])[] = [
  ["sqlite3 .backup", embedded, ["sqlite3"]],
  ["pg_dump", postgres, ["postgres"]],
  ["mariadb-dump", mariadb, ["mariadb"]],
];

for (const [how, prepare, peers] of storages) {
  describe(`a backup by ${how}`, { skip: missingPeers([...peers, "openssl"]) }, () => {
    const scope = new Scope("backup");
    after(async () => await scope.close());
    let storage: Storage;
    let registry: string;
    let digest: string;
    let port: number;

    before(async () => {
      const [prepared, sandbox] = await Promise.all([prepare(scope), startSandbox(scope)]);
      storage = prepared;
      registry = sandbox.env["REGISTRY"] ?? "";
      port = await freePort();
    });

    const image = (tag: string): string => `${registry}/team/app:${tag}`;
    const sign = (owner: Client, tag: string): Promise<unknown> =>
      owner.tagsealOk(["sign", "-q", `${image(tag)}@${digest}`]);

    it("I7: holds what was acknowledged before it, and I3: people refuse what is older than they saw, until it is sent back", async () => {
      const server = await startTagsealServer(scope, { ...storage.original, port });
      const user = (name: string): Client => client(scope, { server, name });
      const [owner, early, late] = [user("owner"), user("early"), user("late")];
      const layout = await writeLayout(scope.path("layout"), "kept");
      digest = layout.manifest.digest;
      await owner.tagsealOk(["push", "-q", "--from", `oci:${layout.directory}`, image("v1")]);
      await early.tagsealOk(["verify", image("v1")]);

      const acknowledged: string[] = [];
      const enough = new AbortController();
      const publishing = (async () => {
        while (!enough.signal.aborted) {
          const tag = `n${acknowledged.length}`;
          await sign(owner, tag);
          acknowledged.push(tag);
        }
      })();
      await waitUntil("there was a publication", () => acknowledged.length > 0);
      const certain = [...acknowledged];
      await storage.backup();
      const then = acknowledged.length;
      await waitUntil("there were later publications", () => acknowledged.length > then + 1, 60_000);
      enough.abort();
      await publishing;
      await late.tagsealOk(["verify", image(acknowledged.at(-1) ?? "")]);
      await server.process.stop();

      const restored = await storage.restore();
      await startTagsealServer(scope, { ...restored, port });
      for (const reader of [early, user("new")]) {
        for (const tag of ["v1", ...certain])
          assert.equal((await reader.tagsealOk(["verify", image(tag)])).stdout.trim(), digest);
      }
      for (const ahead of [late, owner]) {
        const refused = await ahead.tagseal(["verify", image("v1")]);
        assert.notEqual(refused.code, 0);
        assert.match(refused.stderr, /METADATA_VERSION_ROLLBACK/u);
      }

      // Beside the server, on its database; then from a reader's memory, where all that was acknowledged still is.
      const where = restored.args ?? ["--data", restored.data ?? ""];
      const raise = ["server", "raise", ...where, "--backup-age", "1h", "--all", "--json"];
      const raised = await owner.tagsealOk(raise, { env: passphrase });
      assert.deepEqual(outcomes(raised.stdout), ["raised"]);
      assert.deepEqual(outcomes((await owner.tagsealOk(raise, { env: passphrase })).stdout), ["already"]);
      const sent = await late.tagsealOk(["trust", "recover-server", "--all"]);
      assert.match(sent.stdout, /: sent targets \d+$/mu);
      for (const tag of ["v1", ...acknowledged]) await late.tagsealOk(["verify", image(tag)]);
      await sign(owner, "later");
      for (const reader of [early, late])
        assert.equal((await reader.tagsealOk(["verify", image("later")])).stdout.trim(), digest);
    });
  });
}
