/**
 * The guides to databases and to backups: servers that find their database by the addresses shown, over TLS, and what comes back from a dump. The
 * servers' account may only read and write rows; the tables are made by their owner, as the guide to upgrades has it.
 */
import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { startMariadb, startPostgres, tlsSettings } from "../support/database.ts";
import { documentedLines } from "../support/documented-lines.ts";
import { documentedCertificate, startMachine, trustDocumented, type Machine } from "../support/machine.ts";
import { missingPeers, passphraseEnvironment, readText, Scope, type Running } from "../support/peers.ts";
import type { Environment } from "../support/processes.ts";

const gun = "registry.example.com/team/app";
const server = "https://trust.example.com:4443";

interface Story {
  readonly machine: Machine;
  /** has the lines' server speak TLS, which those lines leave out, and finds the database's authority */
  readonly env: Environment;
}

/** A machine with the passphrase where the guides have it. */
async function prepare(scope: Scope, databaseAuthority: string): Promise<Story> {
  const machine = await startMachine(scope);
  const known = await trustDocumented(scope, machine);
  const { serverCertificate, serverKey } = await documentedCertificate(scope);
  mkdirSync(machine.path("/etc/tagseal"));
  writeFileSync(machine.path("/etc/tagseal/passphrase"), "a passphrase that replicas share\n");
  const authorities = scope.path("authorities");
  writeFileSync(authorities, readText(databaseAuthority) + readText(known["NODE_EXTRA_CA_CERTS"] ?? ""));
  copyFileSync(serverKey, join(machine.directory, "note"));
  const env = {
    ...passphraseEnvironment,
    HOME: machine.directory,
    NODE_EXTRA_CA_CERTS: authorities,
    TAGSEAL_SERVER_SERVER_TLS_CERT_FILE: serverCertificate,
    TAGSEAL_SERVER_SERVER_TLS_KEY_FILE: serverKey,
  };
  return { machine, env };
}

/** Starts the last of the lines, a server, and waits until it can be used. */
function serve({ machine, env }: Story, lines: string): Promise<Running> {
  return machine.start("server", lines, { env, ready: () => machine.answers(`${server}/_tagseal/ready`, '"ready"') });
}

/** Publishes to it. */
async function publish({ machine, env }: Story): Promise<void> {
  await machine.run(`notary -s ${server} init -p ${gun}\nnotary -s ${server} add -p ${gun} v1 note`, { env });
}

/** A server on what was restored has what was published, and signs with the keys that came along. */
async function goesOn(story: Story, database: string): Promise<void> {
  const restored = await serve(story, `tagseal server --listen :4443 --database '${database}'`);
  const lines = [
    `notary -s ${server} list ${gun}`,
    `notary -s ${server} add -p ${gun} v2 note`,
    `notary -s ${server} list ${gun}`,
  ];
  const { stdout } = await story.machine.run(lines.join("\n"), { env: story.env });
  assert.deepEqual(
    [...stdout.matchAll(/^(v\d) /gmu)].map(([, tag]) => tag),
    ["v1", "v1", "v2"],
  );
  await restored.stop();
}

describe("a server on PostgreSQL", { skip: missingPeers(["postgres", "notary", "machine", "openssl"]) }, () => {
  const scope = new Scope("postgres-guide");
  after(async () => await scope.close());
  let story: Story;

  before(async () => {
    const { ca, settings } = await tlsSettings(scope, "postgres", ["db.example.com"]);
    story = await prepare(scope, ca);
    const database = await startPostgres(scope, settings, story.machine);
    const accounts = `create role owner login createdb; create role tagseal login password 'PASSWORD';
      alter default privileges for role owner grant select, insert, update, delete on tables to tagseal`;
    await database.create("tagseal", accounts);
    await database.run("postgres", "alter database tagseal owner to owner");
    await database.run("tagseal", "alter schema public owner to owner");
  });

  it("is one whose tables their owner has made", async () => {
    const { machine, env } = story;
    const { stdout } = await machine.run(documentedLines("docs/commands.md", "tagseal server migrate"), { env });
    assert.match(stdout, /^\S.*\d/u);
  });

  it("finds it, and serves from what was dumped", async () => {
    const running = await serve(story, documentedLines("docs/server-databases.md", "Connect a server to its database"));
    await publish(story);
    const account = (name: string, database: string): string => `postgres://${name}@db.example.com/${database}`;
    const env = {
      ...story.env,
      DATABASE_URL: account("owner", "tagseal"),
      RESTORED_URL: account("owner", "tagseal_restored"),
    };
    await story.machine.run(documentedLines("docs/server-backup.md", "PostgreSQL"), { env });
    assert.equal(await running.stop(), 0);
    story = { ...story, env: { ...story.env, TAGSEAL_SIGNER_PASSPHRASE_FILE: "/etc/tagseal/passphrase" } };
    await goesOn(story, account("tagseal:PASSWORD", "tagseal_restored"));
  });
});

describe("a server on MariaDB", { skip: missingPeers(["mariadb", "notary", "machine", "openssl"]) }, () => {
  const scope = new Scope("mariadb-guide");
  after(async () => await scope.close());

  it("finds it among several hosts, and serves from what was dumped", async () => {
    const { ca, settings } = await tlsSettings(scope, "mysql", ["db1.example.com"]);
    const prepared = await prepare(scope, ca);
    const env = { ...prepared.env, TAGSEAL_SIGNER_PASSPHRASE_FILE: "/etc/tagseal/passphrase" };
    const story = { ...prepared, env };
    const database = await startMariadb(scope, settings, story.machine);
    const grants = ["tagseal", "tagseal_restored"].map((name) => `grant all on ${name}.* to tagseal@localhost;`);
    await database.create(
      "tagseal",
      `create user tagseal@localhost identified by 'PASSWORD' require ssl; ${grants.join("")}`,
    );
    const client = ["[client]", "host=db1.example.com", "user=tagseal", "password=PASSWORD", "ssl=1", `ssl-ca=${ca}`];
    writeFileSync(join(story.machine.directory, ".my.cnf"), client.join("\n"));
    const running = await serve(
      story,
      documentedLines("docs/server-databases.md", "Connect a server to its database", 2),
    );
    await publish(story);
    await story.machine.run(documentedLines("docs/server-backup.md", "MariaDB and MySQL"), { env });
    assert.equal(await running.stop(), 0);
    await goesOn(story, "mysql://tagseal:PASSWORD@db1.example.com/tagseal_restored");
  });
});
