/** The guide to moving from Notary: a reference server and signer with a past, the guide's lines, and a client of theirs that continues. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { type Database, startMariadb, startPostgres } from "../support/database.ts";
import { documentedLines } from "../support/documented-lines.ts";
import { placeCertificate, startMachine, trustDocumented, type Machine } from "../support/machine.ts";
import { serverSchema, signerSchema } from "../support/notary-schema.ts";
import { missingPeers, passphraseEnvironment, Scope, type Running } from "../support/peers.ts";
import type { Environment } from "../support/processes.ts";

const gun = "registry.example.com/team/app";
const address = "https://trust.example.com:4443";
const passphrase = { NOTARY_SIGNER_ALIAS1: "its passphrase", NOTARY_SIGNER_DEFAULT_ALIAS: "alias1" };

/** A machine on which a Notary server and signer have run for a while, and a client of theirs. */
class NotarySite {
  readonly #machine: Machine;
  /** of operator and client alike: passphrases, but those of the signer */
  readonly env: Environment;
  #old: readonly Running[] = [];

  private constructor(machine: Machine, env: Environment) {
    this.#machine = machine;
    this.env = env;
  }

  /** With Notary's configuration files where its operator works, and one repository. */
  static async start(scope: Scope, startDatabase = startPostgres): Promise<NotarySite> {
    const machine = await startMachine(scope);
    const known = await trustDocumented(scope, machine);
    await placeCertificate(scope, machine);
    const database = await startDatabase(scope, [], machine);
    await database.create("notaryserver", serverSchema(database.kind));
    await database.create("notarysigner", signerSchema(database.kind));
    await database.create("tagseal", "select 1");
    const configurations = notaryConfigurations(database);
    for (const [name, content] of Object.entries({ ...configurations, note: "note" }))
      writeFileSync(join(machine.directory, name), JSON.stringify(content));
    const site = new NotarySite(machine, { HOME: machine.directory, ...known, ...passphraseEnvironment });
    await site.#startNotary();
    await site.notary(`init -p ${gun}`, `add -p ${gun} v1 note`);
    return site;
  }

  async #startNotary(): Promise<void> {
    const signer = await this.#machine.start("notary-signer", "notary-signer -config signer-config.json", {
      env: { ...this.env, ...passphrase },
      ready: async () => (await this.#machine.run("ss -Hltn sport = :7899")).stdout !== "",
    });
    const line = "notary-server -config server-config.json";
    const server = await this.#machine.start("notary-server", line, { ready: () => this.#serves() });
    this.#old = [server, signer];
  }

  #serves(): Promise<boolean> {
    return this.#machine.answers(`${address}/_notary_server/health`);
  }

  async stopNotary(): Promise<void> {
    for (const running of this.#old) await running.stop();
  }

  async run(lines: string, env: Environment = {}): Promise<string> {
    return (await this.#machine.run(lines, { env: { ...this.env, ...env } })).stdout;
  }

  /** The last of the lines is a server of ours, in the place of the old one. */
  async serve(lines: string, env: Environment = {}): Promise<Running> {
    return await this.#machine.start("server", lines, {
      env: { ...this.env, ...env },
      ready: () => this.#serves(),
    });
  }

  /** What Notary's client prints, which keeps everything where docker and Tagseal do. */
  async notary(...commands: readonly string[]): Promise<string> {
    return await this.run(commands.map((words) => `notary -s ${address} -d ~/.docker/trust ${words}`).join("\n"));
  }

  async tags(): Promise<string[]> {
    const listed = await this.notary(`list ${gun}`);
    return [...listed.matchAll(/^(\S+) .* \d+ /gmu)].map(([, tag = ""]) => tag);
  }

  /** It publishes, also with a key that only the server in place can have made. */
  async goesOn(): Promise<void> {
    const before = await this.tags();
    await this.notary(`add -p ${gun} w1 note`, `key rotate ${gun} timestamp -r`, `add -p ${gun} w2 note`);
    assert.deepEqual(await this.tags(), [...before, "w1", "w2"]);
  }
}

function notaryConfigurations(database: Database): Readonly<Record<string, object>> {
  const backend = database.kind;
  const tls = { tls_cert_file: "server.crt", tls_key_file: "server.key" };
  const signerTls = { tls_ca_file: "ca.crt", tls_client_cert: "server.crt", tls_client_key: "server.key" };
  return {
    "server-config.json": {
      server: { http_addr: ":4443", ...tls },
      trust_service: { type: "remote", hostname: "localhost", port: "7899", key_algorithm: "ecdsa", ...signerTls },
      storage: { backend, db_url: database.url("notaryserver") },
    },
    "signer-config.json": {
      server: { grpc_addr: ":7899", client_ca_file: "ca.crt", ...tls },
      storage: { backend, db_url: database.url("notarysigner"), default_alias: "alias1" },
    },
  };
}

/** What an import of one repository reports. */
function added(report: string): { readonly files: number; readonly added: number } {
  const found = /^Repositories +1 with (\d+) files, (\d+) of them new here$/mu.exec(report);
  assert.ok(found !== null, report);
  return { files: Number(found[1]), added: Number(found[2]) };
}

describe("moving from Notary by the guide", { skip: missingPeers(["notary", "postgres", "machine"]) }, () => {
  const copy = documentedLines("docs/migration.md", "From Notary's databases");
  const start = documentedLines("docs/migration.md", "From Notary's databases", 2);

  it("copies its databases while it serves, and again when it has stopped, and takes its place", async () => {
    await using scope = new Scope("migration-guide");
    const site = await NotarySite.start(scope);
    const first = added(await site.run(copy));
    assert.equal(first.added, first.files);
    await site.notary(`add -p ${gun} late note`);
    await site.stopNotary();
    const second = added(await site.run(documentedLines("docs/commands.md", "tagseal import notary-db"), passphrase));
    assert.ok(second.added > 0 && second.added < second.files);
    await site.serve(copy + start);
    assert.deepEqual(await site.tags(), ["late", "v1"]);
    await site.goesOn();
  });

  it("takes its place in the same database, by its own configuration", async () => {
    await using scope = new Scope("migration-guide");
    const site = await NotarySite.start(scope);
    await site.stopNotary();
    await site.serve(documentedLines("docs/migration.md", "From Notary's databases", 3), {
      NOTARY_SIGNER_ALIAS1: passphrase.NOTARY_SIGNER_ALIAS1,
    });
    assert.deepEqual(await site.tags(), ["v1"]);
    await site.goesOn();
  });

  it("starts on a shared database with the old passphrases alone: step 4 with --database", async () => {
    await using scope = new Scope("migration-guide");
    const site = await NotarySite.start(scope, startMariadb);
    await site.stopNotary();
    const lines = documentedLines("docs/migration.md", "From Notary's databases", 4);
    await site.serve(lines.replaceAll("mysql://tagseal@db/", "mysql://notary@127.0.0.1/"));
    assert.deepEqual(await site.tags(), ["v1"]);
    await site.goesOn();
  });

  it("moves what clients can read of a running server, and its publishers hand it over", async () => {
    await using scope = new Scope("migration-guide");
    const site = await NotarySite.start(scope);
    const report = await site.run(documentedLines("docs/commands.md", "tagseal import notary-server"));
    assert.match(report, /^Handed over +0$/mu);
    await site.stopNotary();
    await site.serve(start);
    assert.deepEqual(await site.tags(), ["v1"]);
    const handOver = documentedLines("docs/migration.md", "From a running server");
    const handedOver = await site.run(handOver, { DOCKER_CONTENT_TRUST_SERVER: address });
    assert.match(handedOver, /^Handed \S+\/team\/app over: timestamp$/mu);
    await site.notary(`add -p ${gun} v2 note`);
    await site.goesOn();
  });
});
