/** What the command reference shows of servers and signers, on one machine: they are started, looked after and started elsewhere. */
import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { documentedLines } from "../support/documented-lines.ts";
import { documentedCertificate, startMachine, trustDocumented, type Machine } from "../support/machine.ts";
import { missingPeers, passphraseEnvironment, Scope, type Running } from "../support/peers.ts";
import type { Environment } from "../support/processes.ts";

const gun = "registry.example.com/team/app";
const address = "https://trust.example.com:4443";

describe("the commands of servers", { skip: missingPeers(["notary", "machine", "openssl"]) }, () => {
  const scope = new Scope("server-commands");
  const secret = { TAGSEAL_SIGNER_PASSPHRASE: "the old one" };
  let machine: Machine;
  let env: Environment;
  let server: Running;

  before(async () => {
    machine = await startMachine(scope);
    env = { HOME: machine.directory, ...(await trustDocumented(scope, machine)), ...passphraseEnvironment };
    const { ca, serverCertificate, serverKey } = await documentedCertificate(scope);
    for (const [from, name] of [
      [ca, "servers.crt"],
      [serverCertificate, "server.crt"],
      [serverKey, "server.key"],
      [serverCertificate, "signer.crt"],
      [serverKey, "signer.key"],
    ] as const)
      copyFileSync(from, join(machine.directory, name));
    writeFileSync(join(machine.directory, "note"), "note");
  });
  after(async () => await scope.close());

  const serve = (lines: string, variables: Environment = {}): Promise<Running> =>
    machine.start("server", lines, {
      env: { ...env, ...variables },
      ready: () => machine.answers(`${address}/_tagseal/ready`, '"ready"'),
    });
  const notary = (commands: string): Promise<unknown> =>
    machine.run(commands.replaceAll("notary", `notary -s ${address}`), { env });

  it("start one, of README and reference alike, and forget what is old beside it", async () => {
    const line = documentedLines("README.md", "I run the server");
    assert.equal(documentedLines("docs/commands.md", "tagseal server"), line);
    server = await serve(line, secret);
    await notary(`notary init -p ${gun}\nnotary add -p ${gun} v1 note`);
    const { stdout } = await machine.run(documentedLines("docs/commands.md", "tagseal server gc"), { env });
    assert.match(stdout, /^1 repository, 0 superseded versions would be forgotten/mu);
  });

  it("list, show and check what it keeps beside it", async () => {
    const list = await machine.run(documentedLines("docs/commands.md", "tagseal server list"), { env });
    assert.match(list.stdout, /^registry\.example\.com\/team\/app +1 +\d+ /mu);
    const show = await machine.run(documentedLines("docs/commands.md", "tagseal server show"), { env });
    assert.match(show.stdout, /^Signed tags +1$/mu);
    const check = await machine.run(documentedLines("docs/commands.md", "tagseal server check"), { env });
    assert.equal(check.stdout, "");
  });

  it("bring back what was deleted", async () => {
    await notary(`notary delete ${gun} --remote`);
    const listed = await machine.run("tagseal server list --data /var/lib/tagseal --deleted", { env });
    assert.match(listed.stdout, /^registry\.example\.com\/team\/app +\d+ /mu);
    const back = await machine.run(documentedLines("docs/commands.md", "tagseal server undelete"), { env });
    assert.match(back.stdout, /^Brought back registry\.example\.com\/team\/app/u);
    await notary(`notary lookup ${gun} v1`);
  });

  it("check the configuration that it is to get, and see how much of its limits is used", async () => {
    mkdirSync(machine.path("/etc/tagseal"), { recursive: true });
    const limits = [{ prefix: "registry.example.com/team/", repositories: 10 }];
    const settings = { server: { data_directory: "/var/lib/tagseal" }, repositories: { limits } };
    writeFileSync(machine.path("/etc/tagseal/server.json"), JSON.stringify(settings));
    const lines = documentedLines("docs/commands.md", "tagseal server config check");
    assert.equal((await machine.run(lines, { env: { ...env, ...secret } })).stdout, "");
    const used = await machine.run(documentedLines("docs/commands.md", "tagseal server limits"), { env });
    assert.match(used.stdout, /^registry\.example\.com\/team +1 of 10 \(10 %\)/mu);
  });

  it("copy its databases", async () => {
    mkdirSync(machine.path("/media/backups"));
    await machine.run(documentedLines("docs/commands.md", "tagseal server backup"), { env });
    const copied = readdirSync(machine.path("/media/backups/tagseal-2026-11-23"));
    assert.deepEqual(copied.toSorted(), ["metadata.db", "signer.db"]);
  });

  it("say what would go to a signer", async () => {
    const lines = documentedLines("docs/commands.md", "tagseal signer import");
    const { stdout } = await machine.run(`${lines.trimEnd()} --dry-run`, { env: { ...env, ...secret } });
    assert.match(stdout, /^Would copy \d+ keys?; 0 were here already\.$/mu);
  });

  it("seal its keys under another passphrase, and bring its repositories to another one", async () => {
    const { stdout } = await machine.run(documentedLines("docs/commands.md", "tagseal signer rekey"), { env });
    assert.match(stdout, /^Moved to "y2027": 1 from "default"\.$/mu);
    mkdirSync(machine.path("/media/disk"));
    await machine.run("tagseal export --data /var/lib/tagseal --to /media/disk/signed.tar", { env });
    assert.equal(await server.stop(), 0);
    renameSync(machine.path("/var/lib/tagseal"), machine.path("/var/lib/moved-away"));
    const bundle = await machine.run(documentedLines("docs/commands.md", "tagseal import bundle"), { env });
    assert.match(bundle.stdout, /^Repositories +1 with 4 files, 4 of them new here$/mu);
  });

  it("start one by Notary's configuration, with a separate signer", async () => {
    renameSync(machine.path("/var/lib/tagseal"), machine.path("/var/lib/mirror"));
    await machine.start("signer", documentedLines("docs/commands.md", "tagseal signer"), {
      env,
      ready: (log) => log().includes('"listening"'),
    });
    const configuration = {
      server: { http_addr: ":4443", tls_cert_file: "server.crt", tls_key_file: "server.key" },
      trust_service: {
        type: "remote",
        hostname: "localhost",
        port: "7899",
        tls_ca_file: "servers.crt",
        tls_client_cert: "server.crt",
        tls_client_key: "server.key",
      },
      storage: { backend: "memory" },
    };
    writeFileSync(join(machine.directory, "server-config.json"), JSON.stringify(configuration));
    await machine.run(documentedLines("docs/commands.md", "tagseal signer backup"), { env });
    assert.deepEqual(readdirSync(machine.path("/media/backups/signer-2026-11-23")), ["signer.db"]);
    server = await serve(documentedLines("docs/commands.md", "tagseal server", 2));
    await notary(`notary init -p ${gun}-2\nnotary list ${gun}-2`);
    assert.equal(await server.stop(), 0);
  });
});
