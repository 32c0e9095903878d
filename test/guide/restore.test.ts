/** The runbook for a restore, command by command, on one machine that stands for all: server, publisher and readers. */
import assert from "node:assert/strict";
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { documentedLines } from "../support/documented-lines.ts";
import { placeCertificate, startMachine, trustDocumented, type Machine } from "../support/machine.ts";
import { missingPeers, passphraseEnvironment, Scope, type Running } from "../support/peers.ts";
import type { Environment } from "../support/processes.ts";

const address = "https://trust.example.com:4443";
const app = "registry.example.com/team/app";
const old = "registry.example.com/team/old";

describe("the runbook for a restore", { skip: missingPeers(["notary", "machine", "openssl", "sqlite3"]) }, () => {
  const scope = new Scope("restore-guide");
  let machine: Machine;
  let env: Environment;
  let server: Running;

  const data = (): string => machine.path("/var/lib/tagseal");

  async function start(): Promise<void> {
    const tls = "--tls-cert server.crt --tls-key server.key";
    server = await machine.start("server", `tagseal server --listen 0.0.0.0:4443 --data /var/lib/tagseal ${tls}`, {
      env,
      ready: () => machine.answers(`${address}/_tagseal/ready`, '"ready"'),
    });
  }

  async function backUp(): Promise<void> {
    await machine.run("rm -rf backup && tagseal server backup --data /var/lib/tagseal --to backup", { env });
  }

  async function restore(): Promise<void> {
    await server.stop();
    for (const name of ["metadata.db", "signer.db"]) {
      for (const ending of ["", "-wal", "-shm"]) rmSync(join(data(), name + ending), { force: true });
      cpSync(join(machine.directory, "backup", name), join(data(), name));
    }
    await start();
  }

  const notary = async (commands: string): Promise<string> =>
    (await machine.run(commands.replaceAll("notary", `notary -s ${address} -d ~/.docker/trust`), { env })).stdout;
  const documented = async (lines: string): Promise<string> => (await machine.run(lines, { env })).stdout;

  before(async () => {
    machine = await startMachine(scope);
    const trusting = await trustDocumented(scope, machine);
    const variables = { TAGSEAL_SIGNER_PASSPHRASE: "kept apart", DOCKER_CONTENT_TRUST_SERVER: address };
    env = { HOME: machine.directory, ...trusting, ...passphraseEnvironment, ...variables };
    await placeCertificate(scope, machine);
    mkdirSync(join(machine.directory, ".docker"));
    writeFileSync(join(machine.directory, "note"), "note");
    await start();
    for (const gun of [app, old]) await notary(`notary init -p ${gun}\nnotary add -p ${gun} 1.0 note`);
  });
  after(async () => await scope.close());

  it("sends back what a machine has seen", async () => {
    await backUp();
    await notary(`notary add -p ${app} 2.0 note\nnotary list ${app}`);
    await restore();
    await assert.rejects(notary(`notary list ${app}`));
    const said = await documented(documentedLines("docs/runbooks/restore.md", "Readers report an attack"));
    assert.match(said, /team\/app: would send targets \d, snapshot \d; would raise the versions above timestamp \d$/mu);
    assert.match(said, /team\/app: sent targets \d, snapshot \d; raised the versions above timestamp \d$/mu);
    assert.match(said, /team\/old: already up to date$/mu);
    assert.match(await notary(`notary list ${app}`), /^2\.0\s/mu);
  });

  it("sends back what another machine has seen, that may not push itself", async () => {
    await restore();
    await documented(documentedLines("docs/runbooks/restore.md", "Readers report an attack", 2));
    await documented("mv ~/.docker ~/.docker-of-the-reader && mkdir ~/.docker");
    const said = await documented(documentedLines("docs/runbooks/restore.md", "Readers report an attack", 3));
    assert.match(said, /team\/app: sent targets \d, snapshot \d/mu);
    await documented("rm -r ~/.docker && mv ~/.docker-of-the-reader ~/.docker");
    assert.match(await notary(`notary list ${app}`), /^2\.0\s/mu);
  });

  it("raises what the server signs by itself", async () => {
    const lines = documentedLines("docs/runbooks/restore.md", "Some readers still refuse");
    const said = await documented(lines);
    assert.match(said, /team\/app: would raise timestamp \d to 936\d\d;/mu);
    assert.match(said, /team\/app: raised timestamp \d to 936\d\d;/mu);
    assert.match(await documented(lines), /team\/app: raised already$/mu);
    const byHand = documentedLines("docs/commands.md", "tagseal server raise");
    assert.match(await documented(byHand), /team\/app: raised already$/mu);
    assert.match(await notary(`notary list ${app}`), /^2\.0\s/mu);
  });

  it("deletes again what was deleted", async () => {
    await documented(documentedLines("docs/runbooks/restore.md", "A deleted repository is back"));
    await assert.rejects(documented(`tagseal trust recover-server ${old}`), /was deleted on trust\.example\.com/u);
  });

  it("names other keys for a server that lost its own", async () => {
    await backUp();
    // Another secret than the backup has: keys that are made from it cannot be made again.
    await server.stop();
    const other = "tagseal server --listen 127.0.0.1:0 --data other";
    const elsewhere = await machine.start("other", other, { env, ready: (log) => log().includes('"listening"') });
    await elsewhere.stop();
    const secrets = "DELETE FROM derivation_secret; INSERT INTO derivation_secret SELECT * FROM o.derivation_secret";
    await documented(`sqlite3 /var/lib/tagseal/signer.db "ATTACH 'other/signer.db' AS o; ${secrets}"`);
    await start();
    await notary(`notary key rotate ${app} timestamp -r`);
    assert.match(await notary(`notary list ${app}`), /^2\.0\s/mu);
    await restore();
    await assert.rejects(notary(`notary list ${app}`));
    const refused = `tagseal trust recover-server ${app}`;
    await assert.rejects(
      documented(refused),
      /does not have the timestamp key that root 2 names[\s\S]*RECOVERY_REFUSED/u,
    );
    const said = await documented(documentedLines("docs/runbooks/restore.md", "The server lost its keys"));
    assert.match(said, /team\/app: sent root 2, root 3, .*snapshot \d; raised the versions above timestamp \d+$/mu);
    assert.match(await notary(`notary list ${app}`), /^2\.0\s/mu);
  });
});
