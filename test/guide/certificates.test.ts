/** The runbook about certificates, on a machine on which each of its symptoms is brought about before its commands are run. */
import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { documentedLines } from "../support/documented-lines.ts";
import { startMachine, type Machine } from "../support/machine.ts";
import { certificates, missingPeers, Scope, waitUntil, type Certificates, type Running } from "../support/peers.ts";
import { makeCertificate, type CertificateWish, type MadeCertificate } from "../support/token-maker.ts";

const day = 86_400_000;
const inDays = (days: number): Date => new Date(Date.now() + days * day);

describe("the runbook about certificates", { skip: missingPeers(["machine", "openssl", "curl"]) }, () => {
  const scope = new Scope("certificates-runbook");
  after(async () => await scope.close());
  let machine: Machine;
  let server: Running;
  let signer: Running;
  let authority: MadeCertificate;
  let old: Certificates;
  let young: Certificates;

  const etc = (name: string): string => machine.path(`/etc/tagseal/${name}`);
  const here = (name: string): string => join(machine.directory, name);
  const keyOf = ({ key }: MadeCertificate): string => key.export({ type: "pkcs8", format: "pem" }) as string;
  const make = (wish: Partial<CertificateWish> = {}): Promise<MadeCertificate> =>
    makeCertificate({ name: "trust.example.com", dns: ["trust.example.com"], issuer: authority, ...wish });

  function put(made: MadeCertificate, path: (name: string) => string, name: string): void {
    writeFileSync(path(`${name}.key`), keyOf(made));
    writeFileSync(path(`${name}.crt`), made.pem);
  }

  const answer = (): Promise<string> =>
    machine.run("curl -sk https://trust.example.com:4443/_tagseal/ready").then(({ stdout }) => stdout);
  const says = (text: string): Promise<void> =>
    waitUntil(`readiness says ${text}`, async () => (await answer()).includes(text), 60_000);

  before(async () => {
    machine = await startMachine(scope);
    mkdirSync(machine.path("/etc/tagseal"));
    authority = await makeCertificate({ name: "authority", isCa: true });
    writeFileSync(here("ca.crt"), authority.pem);
    put(await make({ from: inDays(-70), to: inDays(20) }), etc, "tls");
    [old, young] = [await certificates(scope, "old"), await certificates(scope, "young")];
    for (const [from, to] of [
      [old.ca, etc("signer-clients.crt")],
      [old.ca, etc("signer-ca.crt")],
      [old.serverCertificate, etc("signer-tls.crt")],
      [old.serverKey, etc("signer-tls.key")],
      [old.serverCertificate, etc("client.crt")],
      [old.serverKey, etc("client.key")],
      [old.ca, here("old-ca.crt")],
      [young.ca, here("new-ca.crt")],
      [young.serverCertificate, here("new-signer.crt")],
      [young.serverKey, here("new-signer.key")],
      [young.serverCertificate, here("new-client.crt")],
      [young.serverKey, here("new-client.key")],
    ] as const)
      copyFileSync(from, to);
    const signerFiles = "--tls-cert /etc/tagseal/signer-tls.crt --tls-key /etc/tagseal/signer-tls.key";
    const clients = "--client-ca /etc/tagseal/signer-clients.crt";
    const line = `tagseal signer --listen 127.0.0.1:7899 --data /var/lib/signer ${signerFiles} ${clients}`;
    signer = await machine.start("signer", line, { ready: (log) => log().includes('"listening"') });
    const trustService = {
      type: "remote",
      hostname: "localhost",
      tls_ca_file: "/etc/tagseal/signer-ca.crt",
      tls_client_cert: "/etc/tagseal/client.crt",
      tls_client_key: "/etc/tagseal/client.key",
    };
    writeFileSync(etc("server.json"), JSON.stringify({ trust_service: trustService }));
    const serverFiles = "--tls-cert /etc/tagseal/tls.crt --tls-key /etc/tagseal/tls.key";
    const listen = `tagseal server --listen :4443 --data /var/lib/tagseal --config /etc/tagseal/server.json ${serverFiles}`;
    server = await machine.start("server", listen, {
      ready: () => machine.answers("https://trust.example.com:4443/_tagseal/live"),
    });
  });

  it("finds the certificate that ends soon, and how long it lasts", async () => {
    const { stdout } = await machine.run(documentedLines("docs/runbooks/certificates.md", "Find out which"));
    assert.match(stdout, /"status":"degraded".*"server_certificate":"the certificate expires at .*: renew it"/u);
    const seconds = Number(/\{purpose="server_certificate"\} (\d+)$/mu.exec(stdout)?.[1]);
    assert.ok(Math.abs(seconds - (20 * day) / 1000) < 600);
    assert.match(server.log(), /"level":"warning","event":"fault","part":"server_certificate"/u);
  });

  it("renews one that has ended, without a restart", async () => {
    put(await make({ from: inDays(-30), to: inDays(10 / 86_400) }), etc, "tls");
    await says("the certificate expired at");
    const { stdout } = await machine.run(documentedLines("docs/runbooks/certificates.md", "Find out which"));
    assert.match(stdout, /\{purpose="server_certificate"\} -\d+$/mu);
    put(await make(), here, "renewed");
    const look = await machine.run(
      documentedLines("docs/runbooks/certificates.md", "A certificate ends soon, or has ended"),
    );
    assert.match(look.stdout, /^notAfter=/mu);
    await machine.run(documentedLines("docs/runbooks/certificates.md", "A certificate ends soon, or has ended", 2));
  });

  it("finds a certificate whose key is another one, and brings the right one", async () => {
    const next = await make();
    writeFileSync(etc("tls.crt"), next.pem);
    await says("what the files hold cannot be used, and what they held before is used on");
    const compare = documentedLines("docs/runbooks/certificates.md", "A new certificate is not used");
    await assert.rejects(machine.run(compare), /exit code 1/u);
    put(next, here, "renewed");
    await machine.run(documentedLines("docs/runbooks/certificates.md", "A new certificate is not used", 2));
    assert.equal((await machine.run(compare)).stdout, "");
    assert.equal(server.log().split('"kept the old state of a file"').length, 2, "said once");
  });

  it("reports a new certificate that has expired already, which is not used", async () => {
    const before = ["tls.crt", "tls.key"].map((name) => [name, readFileSync(etc(name))] as const);
    put(await make({ from: inDays(-30), to: inDays(-1) }), etc, "tls");
    await says("the new certificate expired at");
    const { stdout } = await machine.run(
      documentedLines("docs/runbooks/certificates.md", "A new certificate is not used", 3),
    );
    assert.match(stdout, /^notBefore=[\s\S]*^notAfter=/mu);
    for (const [name, bytes] of before) writeFileSync(etc(name), bytes);
    await says('"status":"ready"');
  });

  it("distinguishes a certificate for later from a clock that is behind", async () => {
    const before = ["tls.crt", "tls.key"].map((name) => [name, readFileSync(etc(name))] as const);
    put(await make({ from: inDays(2) }), etc, "tls");
    await says("the new certificate is not valid before");
    const { stdout } = await machine.run(
      documentedLines("docs/runbooks/certificates.md", "A certificate is not valid yet"),
    );
    assert.match(stdout, /UTC[\s\S]*^notBefore=/mu);
    for (const [name, bytes] of before) writeFileSync(etc(name), bytes);
    await says('"status":"ready"');
  });

  it("changes the authority of signer and server while both are running", async () => {
    await machine.run(documentedLines("docs/runbooks/certificates.md", "The authority changes"));
    const taken = ({ log }: { log: () => string }): number => log().split('"read a changed file"').length - 1;
    const alreadyTaken = taken({ log: () => server.log() });
    await waitUntil("the signer has both", () => taken({ log: () => signer.log() }) === 1);
    assert.ok(alreadyTaken >= 1);
    await machine.run(documentedLines("docs/runbooks/certificates.md", "The authority changes", 2));
    await machine.run(documentedLines("docs/runbooks/certificates.md", "The authority changes", 3));
    await waitUntil("the signer obeys the new one alone", () => taken({ log: () => signer.log() }) === 3);
    await says('"status":"ready"');
    assert.doesNotMatch(server.log(), /the signer does not answer/u);
    assert.doesNotMatch(signer.log(), /"fault"|"kept the old state/u);
  });
});
