/** The runbooks about clocks and full disks, on a machine on which their symptoms are brought about before the commands are run. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { documentedLines } from "../support/documented-lines.ts";
import { placeCertificate, startMachine, trustDocumented, type Machine } from "../support/machine.ts";
import { movableClock } from "../support/movable-clock.ts";
import { missingPeers, passphraseEnvironment, Scope, waitUntil } from "../support/peers.ts";
import type { Environment, Running } from "../support/processes.ts";

const address = "https://trust.example.com:4443";
const gun = "registry.example.com/team/app";
const serverLine = "tagseal server --listen :4443 --data /var/lib/tagseal --tls-cert server.crt --tls-key server.key";

async function startServer(machine: Machine, env: Environment): Promise<Running> {
  return machine.start("server", serverLine, { env, ready: () => machine.answers(`${address}/_tagseal/live`) });
}

const says = (machine: Machine, text: string): Promise<void> =>
  waitUntil(`readiness says ${text}`, () => machine.answers(`${address}/_tagseal/ready`, text), 60_000);

describe("the runbook about clocks", { skip: missingPeers(["machine", "openssl", "notary", "faketime"]) }, () => {
  const scope = new Scope("clocks-runbook");
  after(async () => await scope.close());
  const clock = movableClock(scope, "server");
  let machine: Machine;

  before(async () => {
    machine = await startMachine(scope);
    const env = { HOME: machine.directory, ...(await trustDocumented(scope, machine)), ...passphraseEnvironment };
    await placeCertificate(scope, machine);
    await startServer(machine, { ...env, ...clock.env });
    await machine.run(`notary -s ${address} init -p ${gun}`, { env });
  });

  it("shows how far the server is behind, and when it is right again", async () => {
    clock.move(-3600);
    await says(machine, "the clock is behind");
    const { stdout } = await machine.run(documentedLines("docs/runbooks/clocks.md", "Find out which"));
    assert.match(stdout, /"clock":"this server's clock says \S+, but a timestamp was signed at/u);
    assert.match(stdout, /^tagseal_server_clock_skew_seconds -3[56]\d\d/mu);
    assert.match(stdout, /^tagseal_server_fault\{part="clock"\} 1$/mu);
    assert.match(stdout, /UTC/u);
    clock.move(0);
    await machine.run(documentedLines("docs/runbooks/clocks.md", "The server is behind"));
    const { stdout: skew } = await machine.run(
      documentedLines("docs/runbooks/clocks.md", "Server and database disagree"),
    );
    assert.match(skew, /^tagseal_server_clock_skew_seconds 0$/mu);
  });

  it("shows that what was signed ahead was signed again", async () => {
    clock.move(365 * 86_400);
    await machine.run(`curl -sf ${address}/v2/${gun}/_trust/tuf/timestamp.json`);
    clock.move(0);
    const { stdout } = await machine.run(documentedLines("docs/runbooks/clocks.md", "The server was ahead"));
    const [expires = ""] = stdout.split("\n");
    assert.ok(Date.parse(expires) - Date.now() < 2 * 86_400_000, expires);
  });

  it("compares a reader's clock with the server's", async () => {
    const { stdout } = await machine.run(documentedLines("docs/runbooks/clocks.md", "A reader's clock is wrong"));
    assert.match(stdout, /UTC[\s\S]*^date: .* GMT/imu);
  });
});

describe("the runbook about full disks", { skip: missingPeers(["machine", "openssl", "notary"]) }, () => {
  const scope = new Scope("disks-runbook");
  after(async () => await scope.close());
  let machine: Machine;
  let server: Running;

  before(async () => {
    machine = await startMachine(scope);
    await machine.run("mkdir -p /var/lib/tagseal && mount -t tmpfs -o size=72m,mode=700 tmpfs /var/lib/tagseal");
    await machine.run(documentedLines("docs/runbooks/full-disk.md", "Before it happens"));
    const env = { HOME: machine.directory, ...(await trustDocumented(scope, machine)), ...passphraseEnvironment };
    await placeCertificate(scope, machine);
    server = await startServer(machine, env);
    await machine.run(`notary -s ${address} init -p ${gun}`, { env });
  });

  it("finds the full disk", async () => {
    await machine.run("dd if=/dev/zero of=/var/lib/tagseal/ballast bs=4k || true");
    await says(machine, "STORAGE_FAILED");
    const { stdout } = await machine.run(documentedLines("docs/runbooks/full-disk.md", "Find out which"));
    assert.match(stdout, /"store":"STORAGE_FAILED"/u);
    assert.match(stdout, /100%/u);
    await waitUntil("the log tells", async () => /"event":"fault","part":"store".*disk is full/u.test(server.log()));
  });

  it("makes room, and sees what takes it", async () => {
    await machine.run(documentedLines("docs/runbooks/full-disk.md", "Make room"));
    const { stdout } = await machine.run(documentedLines("docs/runbooks/full-disk.md", "Make room", 2));
    assert.match(stdout, /metadata\.db$/mu);
    assert.match(stdout, /would be forgotten/u);
    await machine.run(documentedLines("docs/runbooks/full-disk.md", "The database's disk is full"));
  });

  it("distinguishes a disk that is read-only from one that is full", async () => {
    const { stdout } = await machine.run(
      documentedLines("docs/runbooks/full-disk.md", "The disk is read-only, or a quota is used up"),
    );
    assert.match(stdout, /^\/var\/lib\/tagseal rw,/mu);
  });

  it("finds a data directory that another file system covers", async () => {
    await machine.run("mount -t tmpfs tmpfs /var/lib/tagseal");
    await says(machine, "STORAGE_FAILED");
    const { stdout } = await machine.run(
      documentedLines("docs/runbooks/full-disk.md", "The data directory is not the one that was opened"),
    );
    assert.match(stdout, /^total 0$/mu);
    assert.equal(stdout.match(/^\/var\/lib\/tagseal tmpfs/gmu)?.length, 2);
    await waitUntil("the log tells", async () => /metadata\.db is no longer there/u.test(server.log()));
    await machine.run("umount /var/lib/tagseal");
    await says(machine, '"ready"');
  });

  it("finds what keeps new files out, and a lost passphrase", async () => {
    const { stdout } = await machine.run(
      documentedLines("docs/runbooks/full-disk.md", "The data directory takes no new files"),
    );
    assert.match(stdout, /^root drwx------$/mu);
    await machine.run("mv /var/lib/tagseal/signer.passphrase kept");
    await says(machine, "signer passphrase");
    await machine.run("mv kept /var/lib/tagseal/signer.passphrase");
    await machine.run(documentedLines("docs/runbooks/full-disk.md", "The passphrase file is gone"));
    await says(machine, '"ready"');
  });
});
