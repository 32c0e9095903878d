/** Certificates that are replaced, expire, or do not match their keys while the server is running and gets no signal. */

import assert from "node:assert/strict";
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { connect } from "node:tls";
import { setTimeout as pause } from "node:timers/promises";
import { waitUntil } from "../support/processes.ts";
import { makeCertificate, type CertificateWish, type MadeCertificate } from "../support/token-maker.ts";
import { serve, temporaryDirectory, type TestServer } from "./running-server.ts";

const day = 86_400_000;
const inDays = (days: number): Date => new Date(Date.now() + days * day);

const authority = await makeCertificate({ name: "authority", isCa: true });
const keyOf = ({ key }: MadeCertificate): string => key.export({ type: "pkcs8", format: "pem" }) as string;

function forServer(more: Partial<CertificateWish> = {}): Promise<MadeCertificate> {
  return makeCertificate({ name: "localhost", dns: ["localhost"], issuer: authority, ...more });
}

interface Pair {
  readonly certFile: string;
  readonly keyFile: string;
}

function write({ certFile, keyFile }: Pair, certificate: MadeCertificate): void {
  writeFileSync(certFile, certificate.pem);
  writeFileSync(keyFile, keyOf(certificate), { mode: 0o600 });
}

function pairIn(directory: string): Pair {
  return { certFile: join(directory, "tls.crt"), keyFile: join(directory, "tls.key") };
}

async function serverWith(t: TestContext, certificate: MadeCertificate): Promise<{ server: TestServer; tls: Pair }> {
  const tls = pairIn(temporaryDirectory(t));
  write(tls, certificate);
  return { server: await serve(t, { tls }), tls };
}

/** DER of the certificate that a client is shown now. */
async function shown({ url }: TestServer): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const port = Number(new URL(url).port);
  const socket = connect({
    host: "127.0.0.1",
    port,
    servername: "localhost",
    ca: authority.pem,
    rejectUnauthorized: false,
  });
  socket.once("secureConnect", () => resolve(socket.getPeerCertificate().raw.toString("base64")));
  socket.once("error", reject);
  return await promise.finally(() => socket.destroy());
}

async function becomes(server: TestServer, { der }: MadeCertificate): Promise<void> {
  await waitUntil("the new certificate is shown", async () => (await shown(server)) === der.toString("base64"), 30_000);
}

/** Body of an answer, whatever the certificate: these are about what monitoring reads. */
async function read({ url }: TestServer, path: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const asked = request(`${url}${path}`, { rejectUnauthorized: false, agent: false }, (response) => {
    const chunks: Buffer[] = [];
    response.on("data", (chunk: Buffer) => chunks.push(chunk));
    response.on("end", () => resolve(Buffer.concat(chunks).toString()));
  });
  asked.on("error", reject).end();
  return await promise;
}

async function readiness(server: TestServer): Promise<{ status: string; reasons: Record<string, string> }> {
  return JSON.parse(await read(server, "/_tagseal/ready")) as { status: string; reasons: Record<string, string> };
}

async function secondsLeft(server: TestServer, purpose = "server_certificate"): Promise<number> {
  const line = new RegExp(`^tagseal_server_certificate_expiry_seconds\\{purpose="${purpose}"\\} (\\S+)$`, "mu");
  return Number(line.exec(await read(server, "/metrics"))?.[1]);
}

/** Besides that of having no logins, which none of these has. */
const complaints = ({ lines }: TestServer) =>
  lines.filter(({ event, level }) => (level === "error" || level === "warning") && !event.startsWith("NOBODY"));

describe("a renewed certificate is used within seconds", { concurrency: true }, () => {
  for (const [order, first, second] of [
    ["key", "keyFile", "certFile"],
    ["certificate", "certFile", "keyFile"],
  ] as const) {
    it(`and there is no fault while only the ${order} has arrived`, async (t) => {
      const [old, young] = [await forServer(), await forServer()];
      const { server, tls } = await serverWith(t, old);
      const content = { certFile: young.pem, keyFile: keyOf(young) };
      writeFileSync(tls[first], content[first], { mode: 0o600 });
      await pause(4500);
      assert.equal(await shown(server), old.der.toString("base64"));
      writeFileSync(tls[second], content[second], { mode: 0o600 });
      await becomes(server, young);
      assert.deepEqual(complaints(server), []);
    });
  }

  it("when both files are renamed over the old ones", async (t) => {
    const [old, young] = [await forServer(), await forServer()];
    const { server, tls } = await serverWith(t, old);
    const next = { certFile: `${tls.certFile}.new`, keyFile: `${tls.keyFile}.new` };
    write(next, young);
    renameSync(next.keyFile, tls.keyFile);
    renameSync(next.certFile, tls.certFile);
    await becomes(server, young);
  });

  it("when the kubelet turns the link to a secret's directory", async (t) => {
    const volume = temporaryDirectory(t);
    const certificates = [await forServer(), await forServer(), await forServer()];
    const turnTo = (index: number): void => {
      const certificate = certificates[index];
      assert.ok(certificate);
      mkdirSync(join(volume, `..${index}`));
      write(pairIn(join(volume, `..${index}`)), certificate);
      symlinkSync(`..${index}`, join(volume, "..data_tmp"));
      renameSync(join(volume, "..data_tmp"), join(volume, "..data"));
      if (index > 0) rmSync(join(volume, `..${index - 1}`), { recursive: true });
    };
    turnTo(0);
    for (const name of ["tls.crt", "tls.key"]) symlinkSync(`..data/${name}`, join(volume, name));
    const server = await serve(t, { tls: pairIn(volume) });
    for (const index of [1, 2]) {
      turnTo(index);
      await becomes(server, certificates[index]!);
    }
    assert.deepEqual(complaints(server), []);
  });

  it("by clients' authorities, too, before any request", async (t) => {
    const [old, young] = [
      await makeCertificate({ name: "clients", isCa: true }),
      await makeCertificate({ name: "other clients", isCa: true }),
    ];
    const directory = temporaryDirectory(t);
    const [tls, caFile] = [pairIn(directory), join(directory, "clients.pem")];
    write(tls, await forServer());
    writeFileSync(caFile, old.pem);
    const rules = [{ prefix: "*", users: ["*"], actions: ["*"] }] as const;
    const server = await serve(t, { tls, auth: { mtls: { caFile, required: true }, rules } });
    const client = await makeCertificate({ name: "alice", issuer: young });
    const ask = (): Promise<number> => {
      const { promise, resolve } = Promise.withResolvers<number>();
      const options = {
        ca: authority.pem,
        servername: "localhost",
        agent: false,
        cert: client.pem,
        key: keyOf(client),
      };
      const sent = request(`${server.url}/v2/`, options, (response) => resolve(response.resume().statusCode ?? 0));
      sent.on("error", () => resolve(0)).end();
      return promise;
    };
    assert.equal(await ask(), 0);
    writeFileSync(caFile, young.pem);
    await waitUntil("the client of the new authority is let in", async () => (await ask()) === 200, 30_000);
  });
});

describe("a certificate that stays without its key", { concurrency: true }, () => {
  it("shows in log, readiness and metrics, is not used, and is no fault once the key is there", async (t) => {
    const [old, young] = [await forServer(), await forServer()];
    const { server, tls } = await serverWith(t, old);
    writeFileSync(tls.certFile, young.pem);
    await waitUntil("readiness says so", async () => (await readiness(server)).status === "degraded", 60_000);
    const { reasons } = await readiness(server);
    assert.match(reasons["server_certificate"] ?? "", /^SERVER_CONFIGURATION: what the files hold cannot be used/u);
    assert.doesNotMatch(JSON.stringify(reasons), /tls\.crt/u, "strangers learn no path");
    assert.match(await read(server, "/metrics"), /^tagseal_server_fault\{part="server_certificate"\} 1$/mu);
    const told = server.lines.filter(({ event }) => event === "kept the old state of a file");
    assert.equal(told.length, 1);
    assert.match(String(told[0]?.["file"]), /tls\.crt/u);
    assert.match(String(told[0]?.["error"]), /not a certificate and its private key/u);
    assert.equal(await shown(server), old.der.toString("base64"));
    writeFileSync(tls.keyFile, keyOf(young));
    await becomes(server, young);
    await waitUntil("readiness forgives", async () => (await readiness(server)).status === "ready", 30_000);
  });

  it("is as good as none when a file is gone: what was read is used on", async (t) => {
    const old = await forServer();
    const { server, tls } = await serverWith(t, old);
    rmSync(tls.keyFile);
    await waitUntil("readiness says so", async () => (await readiness(server)).status === "degraded", 60_000);
    assert.equal(await shown(server), old.der.toString("base64"));
    writeFileSync(tls.keyFile, keyOf(old));
    await waitUntil("readiness forgives", async () => (await readiness(server)).status === "ready", 30_000);
  });
});

describe("a renewed certificate that is not valid now", { concurrency: true }, () => {
  for (const [what, wish, reason] of [
    ["has expired", { from: inDays(-90), to: inDays(-1) }, /: the new certificate expired at \d{4}-/u],
    ["is for later", { from: inDays(1) }, /: the new certificate is not valid before \d{4}-/u],
  ] as const) {
    it(`because it ${what}, is not used while the old one is good, and readiness, metrics and log say so`, async (t) => {
      const [old, bad, good] = [await forServer(), await forServer(wish), await forServer()];
      const { server, tls } = await serverWith(t, old);
      write(tls, bad);
      await waitUntil("readiness says so", async () => (await readiness(server)).status === "degraded", 30_000);
      const { reasons } = await readiness(server);
      assert.match(reasons["server_certificate"] ?? "", /^CERTIFICATE_INVALID: .* the one before is used on, until /u);
      assert.match(reasons["server_certificate"] ?? "", reason);
      assert.match(await read(server, "/metrics"), /^tagseal_server_fault\{part="server_certificate"\} 1$/mu);
      assert.equal(await shown(server), old.der.toString("base64"));
      await assert.rejects(server.reload(), { code: "CERTIFICATE_INVALID" });
      assert.equal(await shown(server), old.der.toString("base64"));
      const told = server.lines.filter(({ event }) => event === "kept the old state of a file");
      assert.deepEqual(
        told.map((line) => [line["level"], line["code"]]),
        [["error", "CERTIFICATE_INVALID"]],
      );
      write(tls, good);
      await becomes(server, good);
      await waitUntil("readiness forgives", async () => (await readiness(server)).status === "ready", 30_000);
    });
  }

  it("is used once it is valid", async (t) => {
    const old = await forServer({ from: inDays(-30), to: inDays(60) });
    const from = new Date(Math.ceil(Date.now() / 1000) * 1000 + 7000);
    const later = await forServer({ from });
    const { server, tls } = await serverWith(t, old);
    write(tls, later);
    await becomes(server, later);
    assert.ok(Date.now() >= from.getTime());
    await waitUntil("readiness forgives", async () => (await readiness(server)).status === "ready", 30_000);
  });

  it("is used when the old one is no better", async (t) => {
    const old = await forServer({ from: inDays(-90), to: inDays(-2) });
    const newer = await forServer({ from: inDays(-60), to: inDays(-1) });
    const { server, tls } = await serverWith(t, old);
    write(tls, newer);
    await becomes(server, newer);
    assert.match((await readiness(server)).reasons["server_certificate"] ?? "", /^the certificate expired at /u);
  });

  it("is used once the old one has ended as well, by its clock", async (t) => {
    const clock = { now: new Date() };
    const tls = pairIn(temporaryDirectory(t));
    write(tls, await forServer({ from: inDays(-60), to: inDays(30) }));
    const server = await serve(t, { tls, now: () => clock.now });
    const expired = await forServer({ from: inDays(-90), to: inDays(-1) });
    write(tls, expired);
    await waitUntil("readiness says so", async () => (await readiness(server)).status === "degraded", 30_000);
    assert.notEqual(await shown(server), expired.der.toString("base64"));
    clock.now = inDays(31);
    await becomes(server, expired);
  });
});

describe("a renewed certificate for other hosts", { concurrency: true }, () => {
  it("is used, and the log has a warning with both names", async (t) => {
    const { server, tls } = await serverWith(t, await forServer());
    const moved = await forServer({ dns: ["signer.example.com"] });
    write(tls, moved);
    await becomes(server, moved);
    const [line] = complaints(server);
    assert.equal(line?.event, "the new certificate is for other hosts");
    assert.deepEqual([line?.["before"], line?.["after"]], ["dns:localhost", "dns:signer.example.com"]);
  });

  it("is nothing to talk about while one of the names remains", async (t) => {
    const { server, tls } = await serverWith(t, await forServer());
    const more = await forServer({ dns: ["trust.example.com", "localhost"] });
    write(tls, more);
    await becomes(server, more);
    assert.deepEqual(complaints(server), []);
  });
});

describe("how long a certificate lasts", () => {
  it("is a number of seconds, and nothing to talk about while there is time", async (t) => {
    const { server } = await serverWith(t, await forServer({ from: inDays(-60), to: inDays(30) }));
    assert.ok(Math.abs((await secondsLeft(server)) - (30 * day) / 1000) < 120);
    assert.deepEqual((await readiness(server)).reasons, {});
  });

  it("shows in log and readiness from three weeks before the end", async (t) => {
    const { server } = await serverWith(t, await forServer({ from: inDays(-70), to: inDays(20) }));
    const { status, reasons } = await readiness(server);
    assert.equal(status, "degraded");
    assert.match(reasons["server_certificate"] ?? "", /^the certificate expires at \d{4}-.*: renew it$/u);
    const [line] = complaints(server);
    assert.deepEqual([line?.event, line?.["level"], line?.["part"]], ["fault", "warning", "server_certificate"]);
  });

  it("is measured by its own life when that is short", async (t) => {
    const fresh = await serverWith(t, await forServer({ from: inDays(-0.5), to: inDays(0.5) }));
    assert.deepEqual((await readiness(fresh.server)).reasons, {});
    const late = await serverWith(t, await forServer({ from: inDays(-0.8), to: inDays(0.2) }));
    assert.equal((await readiness(late.server)).status, "degraded");
  });

  it("is negative once it is over, which a warning becomes an error by", async (t) => {
    const tls = pairIn(temporaryDirectory(t));
    write(tls, await forServer({ from: inDays(-70), to: inDays(20) }));
    const clock = { now: new Date() };
    const server = await serve(t, { tls, now: () => clock.now });
    clock.now = inDays(25);
    assert.match((await readiness(server)).reasons["server_certificate"] ?? "", /^the certificate expired at /u);
    assert.ok(Math.abs((await secondsLeft(server)) + (5 * day) / 1000) < 120);
    const levels = server.lines.filter(({ event }) => event === "fault").map(({ level }) => level);
    assert.deepEqual(levels, ["warning", "error"]);
  });

  it("is nothing yet before it begins", async (t) => {
    const { server } = await serverWith(t, await forServer({ from: inDays(2) }));
    assert.match(
      (await readiness(server)).reasons["server_certificate"] ?? "",
      /^the certificate is not valid before /u,
    );
  });

  it("is that of the first in its chain to expire", async (t) => {
    const intermediate = await makeCertificate({ name: "between", isCa: true, issuer: authority, to: inDays(3) });
    const leaf = await forServer({ issuer: intermediate });
    const { server } = await serverWith(t, { ...leaf, pem: leaf.pem + intermediate.pem });
    assert.ok(Math.abs((await secondsLeft(server)) - (3 * day) / 1000) < 120);
    assert.equal((await readiness(server)).status, "degraded");
  });

  it("is that of the last of several authorities, since an old one stays beside its successor for a while", async (t) => {
    const directory = temporaryDirectory(t);
    const [tls, caFile] = [pairIn(directory), join(directory, "clients.pem")];
    write(tls, await forServer());
    const [old, young] = [
      await makeCertificate({ name: "old", isCa: true, to: inDays(-1) }),
      await makeCertificate({ name: "young", isCa: true, to: inDays(100) }),
    ];
    const rules = [{ prefix: "*", users: ["*"], actions: ["*"] }] as const;
    writeFileSync(caFile, old.pem + young.pem);
    const server = await serve(t, { tls, auth: { mtls: { caFile }, rules } });
    assert.ok(Math.abs((await secondsLeft(server, "client_authorities")) - (100 * day) / 1000) < 120);
    assert.deepEqual((await readiness(server)).reasons, {});
    writeFileSync(caFile, old.pem);
    await server.reload();
    const isTold = async (): Promise<boolean> =>
      /expired/u.test((await readiness(server)).reasons["client_authorities"] ?? "");
    await waitUntil("readiness says so", isTold);
  });
});
