/** The runbook for keys and passphrases, command by command, on one machine that stands for all: server, signer and publisher. */
import assert from "node:assert/strict";
import { chmodSync, cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { documentedLines } from "../support/documented-lines.ts";
import { placeCertificate, startMachine, trustDocumented, type Machine } from "../support/machine.ts";
import { missingPeers, passphraseEnvironment, Scope, waitUntil, type Running } from "../support/peers.ts";
import type { Environment } from "../support/processes.ts";

const address = "https://trust.example.com:4443";
const app = "registry.example.com/team/app";
const tls = "--tls-cert server.crt --tls-key server.key";
const usual = `tagseal server --listen 0.0.0.0:4443 ${tls} --data /var/lib/tagseal`;

describe("the runbook for keys and passphrases", { skip: missingPeers(["notary", "machine", "openssl"]) }, () => {
  const scope = new Scope("keys-guide");
  let machine: Machine;
  let env: Environment;
  let server: Running;

  const data = (name: string): string => machine.path(`/var/lib/tagseal/${name}`);
  const backup = (name: string): string => machine.path(`/media/backups/${name}`);
  const documented = async (lines: string): Promise<string> => (await machine.run(lines, { env })).stdout;
  const notary = (commands: string): Promise<string> =>
    documented(commands.replaceAll("notary", `notary -s ${address} -d ~/.docker/trust`));
  const isReady = (word: string): Promise<boolean> =>
    machine.answers(`${address}/_tagseal/ready`, `"status":"${word}"`);

  async function start(lines = usual, word = "ready"): Promise<void> {
    server = await machine.start("server", lines, { env, ready: () => isReady(word) });
  }

  /** What a server says that does not start. */
  async function refusal(line = usual): Promise<string> {
    let said = "";
    await assert.rejects(documented(line), (error: Error) => {
      said = error.message;
      return true;
    });
    return said;
  }

  async function publishes(tag: string): Promise<void> {
    await notary(`notary add -p ${app} ${tag} note`);
    assert.match(await notary(`notary list ${app}`), new RegExp(`^${tag}\\s`, "mu"));
  }

  before(async () => {
    machine = await startMachine(scope);
    const trusting = await trustDocumented(scope, machine);
    env = { HOME: machine.directory, ...trusting, ...passphraseEnvironment };
    await placeCertificate(scope, machine);
    writeFileSync(join(machine.directory, "note"), "note");
    await start();
    // Both of the server's roles, as docker has it.
    await notary(`notary init -p ${app}\nnotary key rotate ${app} snapshot -r\nnotary add -p ${app} 1.0 note`);
    mkdirSync(backup(""), { recursive: true });
    await documented("tagseal server backup --data /var/lib/tagseal --to /media/backups/tagseal");
    cpSync(data("signer.passphrase"), backup("signer.passphrase"));
  });
  after(async () => await scope.close());

  it("puts the right passphrase back", async () => {
    await server.stop();
    writeFileSync(data("signer.passphrase"), "not the one\n");
    assert.match(await refusal(), /the passphrase "default" is wrong[\s\S]*\[PASSPHRASE_WRONG\]/u);
    assert.match(await refusal("tagseal signer rekey --data /var/lib/tagseal --dry-run"), /PASSPHRASE_WRONG/u);
    rmSync(data("signer.passphrase"));
    assert.match(await refusal(), /was not given the passphrase "default"[\s\S]*\[PASSPHRASE_UNAVAILABLE\]/u);
    const said = await documented(
      documentedLines("docs/runbooks/keys-and-passphrases.md", "A passphrase is missing or wrong"),
    );
    assert.match(said, /^Nothing to move to "default"\.$/mu);
    await start();
    await publishes("1.1");
  });

  it("puts signer.db back", async () => {
    await server.stop();
    for (const name of ["signer.db", "signer.db-wal", "signer.db-shm"]) rmSync(data(name), { force: true });
    assert.match(await refusal(), /there are no signer keys[\s\S]*\[SERVER_CONFIGURATION\]/u);
    await start(documentedLines("docs/runbooks/keys-and-passphrases.md", "signer.db is lost"));
    await publishes("1.2");
  });

  it("continues with new keys when a passphrase is lost: the owner names them", async () => {
    await server.stop();
    await start(documentedLines("docs/runbooks/keys-and-passphrases.md", "A passphrase is lost"), "degraded");
    assert.match(
      server.log(),
      new RegExp(`"part":"signer keys".*${app} timestamp [0-9a-f]{64} \\(was never here\\)`, "u"),
    );
    assert.match(await notary(`notary list ${app}`), /^1\.2\s/mu, "readers are served");
    await assert.rejects(notary(`notary add -p ${app} 2.0 note`));
    const said = await documented(
      documentedLines("docs/runbooks/keys-and-passphrases.md", "The keys are gone for good"),
    );
    assert.match(said, /^Handed \S+\/team\/app over: timestamp, snapshot$/mu);
    await waitUntil("the fault ends", async () => await isReady("ready"), 90_000);
    await server.stop();
    await start();
    assert.match(await notary(`notary list ${app}`), /^1\.2\s/mu, "a reader with a memory follows");
    // What could not be published is still staged.
    await notary(`notary publish ${app}`);
    await publishes("2.1");
  });
});

describe("the runbook for a signer that lacks keys", { skip: missingPeers(["notary", "machine", "openssl"]) }, () => {
  it("restores what the signer had", async () => {
    await using scope = new Scope("signer-guide");
    const machine = await startMachine(scope);
    const trusting = await trustDocumented(scope, machine);
    const env = { HOME: machine.directory, ...trusting, ...passphraseEnvironment };
    await placeCertificate(scope, machine);
    writeFileSync(join(machine.directory, "note"), "note");
    const remote = { type: "remote", hostname: "trust.example.com", port: "7899", tls_ca_file: "ca.crt" };
    const trust_service = { ...remote, tls_client_cert: "server.crt", tls_client_key: "server.key" };
    writeFileSync(join(machine.directory, "server.json"), JSON.stringify({ trust_service }));
    chmodSync(join(machine.directory, "server.key"), 0o600);
    const startSigner = (directory: string): Promise<Running> =>
      machine.start("signer", `tagseal signer --listen 0.0.0.0:7899 ${tls} --client-ca ca.crt --data ${directory}`, {
        env,
        ready: (log) => log().includes('"listening"'),
      });
    const line = `${usual} --config server.json`;
    const isReady = (word: string): Promise<boolean> =>
      machine.answers(`${address}/_tagseal/ready`, `"status":"${word}"`);
    let signer = await startSigner("/var/lib/tagseal-signer");
    const server = await machine.start("server", line, { env, ready: () => isReady("ready") });
    const run = async (lines: string): Promise<string> => (await machine.run(lines, { env })).stdout;
    await run(`notary -s ${address} init -p ${app}\nnotary -s ${address} add -p ${app} 1.0 note`);
    await run(
      "mkdir -p /media/backups && tagseal signer backup --data /var/lib/tagseal-signer --to /media/backups/tagseal-signer",
    );
    await signer.stop();
    signer = await startSigner("/var/lib/empty-signer");
    await waitUntil("the fault begins", async () => await isReady("degraded"), 90_000);
    assert.match(server.log(), new RegExp(`"part":"signer keys".*${app} timestamp [0-9a-f]{64} \\(not found\\)`, "u"));
    const another = `tagseal server --listen 127.0.0.1:4444 --config server.json --data /var/lib/tagseal`;
    await assert.rejects(run(another), /\[SIGNING_KEY_MISSING\]/u);
    await signer.stop();
    rmSync(machine.path("/var/lib/tagseal-signer/signer.db"));
    await run(documentedLines("docs/runbooks/keys-and-passphrases.md", "The signer lacks keys", 2));
    assert.match(
      await run(documentedLines("docs/runbooks/keys-and-passphrases.md", "The signer lacks keys")),
      /^1 were there already\.$/mu,
    );
    await startSigner("/var/lib/tagseal-signer");
    await waitUntil("the fault ends", async () => await isReady("ready"), 90_000);
    await run(`notary -s ${address} add -p ${app} 2.0 note`);
  });
});
