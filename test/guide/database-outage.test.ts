/** The runbook for a database that is away: it hangs, it dies, and its commands are run as they stand. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { after, before, describe, it } from "node:test";
import { startPostgres, type Database } from "../support/database.ts";
import { documentedLines } from "../support/documented-lines.ts";
import { placeCertificate, startMachine, trustDocumented, type Machine } from "../support/machine.ts";
import { missingPeers, passphraseEnvironment, Scope, waitUntil, type Running } from "../support/peers.ts";
import type { Environment } from "../support/processes.ts";

const address = "https://trust.example.com:4443";
const app = "registry.example.com/team/app";

describe(
  "the runbook for a database that is away",
  {
    skip: missingPeers(["postgres", "notary", "machine", "openssl", "curl"]),
  },
  () => {
    const scope = new Scope("outage-guide");
    let machine: Machine;
    let env: Environment;
    let database: Database;
    let server: Running;

    before(async () => {
      machine = await startMachine(scope);
      const trusting = await trustDocumented(scope, machine);
      database = await startPostgres(scope, [], machine);
      await database.create("tagseal", "select 1");
      await placeCertificate(scope, machine);
      mkdirSync(machine.path("/etc/tagseal"));
      const settings = {
        server: {
          http_addr: ":4443",
          tls_cert_file: join(machine.directory, "server.crt"),
          tls_key_file: join(machine.directory, "server.key"),
        },
        storage: { backend: "postgres", db_url: "postgres://postgres@db.example.com/tagseal?sslmode=disable" },
      };
      writeFileSync(machine.path("/etc/tagseal/server.json"), JSON.stringify(settings));
      env = {
        ...trusting,
        ...passphraseEnvironment,
        HOME: machine.directory,
        TAGSEAL_SIGNER_PASSPHRASE: "a passphrase that replicas share",
        DOCKER_CONTENT_TRUST_SERVER: address,
      };
      server = await start();
      writeFileSync(join(machine.directory, "note"), "note");
      await machine.run(`notary -s ${address} init -p ${app}\nnotary -s ${address} add -p ${app} v1 note`, { env });
      // A server that starts looks at all repositories at once.
      await server.stop();
      server = await start();
      const known = /^tagseal_server_next_expiry_seconds \d/mu;
      await waitUntil("it has", async () => known.test(await documented(`curl -sk ${address}/metrics`)));
    });
    after(async () => await scope.close());

    const start = (lines = "tagseal server --config /etc/tagseal/server.json"): Promise<Running> =>
      machine.start("server", lines, { env, ready: () => machine.answers(`${address}/_tagseal/ready`, '"ready"') });
    const documented = async (lines: string): Promise<string> => (await machine.run(lines, { env })).stdout;

    it("names the database, how long readers can continue, and sees it return", async () => {
      database.hang();
      try {
        const said = await documented(documentedLines("docs/runbooks/database-outage.md", "Find out what is wrong"));
        assert.match(said, /"status":"degraded","reasons":\{"store":"(STORAGE_FAILED|does not answer)"/u);
        assert.match(said, /the database does not answer$/mu);
        assert.match(said, /^tagseal_server_store_lost 1$/mu);
        assert.match(said, /^tagseal_server_next_expiry_seconds \d{4,}/mu);
        assert.match(server.log(), /"event":"lost the store"/u);
        const waiting = documented(
          documentedLines("docs/runbooks/database-outage.md", "The database hangs, or is gone"),
        );
        await pause(1500);
        database.goOn();
        await waiting;
      } finally {
        database.goOn();
      }
      assert.match(server.log(), /"event":"found the store again"/u);
      const said = await documented(documentedLines("docs/runbooks/database-outage.md", "After it is back"));
      assert.match(said, /^\{\}/mu);
      assert.match(said, /v1/u);
    });

    it("sees no server start without it, and starts one with it", async () => {
      await server.stop();
      await database.stop("SIGKILL");
      await assert.rejects(
        machine.run("tagseal server --config /etc/tagseal/server.json", { env }),
        /STORAGE_FAILED|Cannot use postgres/u,
      );
      const starting = start(documentedLines("docs/runbooks/database-outage.md", "Servers do not start"));
      await database.start();
      await starting;
      assert.match(await documented(`tagseal list ${app}`), /v1/u);
    });
  },
);
