/** Logging in with client certificates, over real TLS. */

import assert from "node:assert/strict";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { request, type RequestOptions } from "node:https";
import { join } from "node:path";
import { after, describe, it, type TestContext } from "node:test";
import { hashSync } from "bcryptjs";
import type { ClientCertificateSettings } from "../../src/login/login-settings.ts";
import type { AuthSettings } from "../../src/server/auth/auth-settings.ts";
import { certificates } from "../support/certificates.ts";
import { ask as askOver } from "../support/https-request.ts";
import { missingPeers } from "../support/requirements.ts";
import { Scope } from "../support/processes.ts";
import { makeCertificate, type MadeCertificate } from "../support/token-maker.ts";
import { serve, temporaryDirectory, type TestServer } from "./running-server.ts";

const scope = new Scope("client-certificates");
after(async () => await scope.close());

const authority = await makeCertificate({ name: "clients", isCa: true });
const stranger = await makeCertificate({ name: "clients", isCa: true });
const alice = await makeCertificate({ name: "alice", issuer: authority });
const privateKey = ({ key }: MadeCertificate): string => key.export({ type: "pkcs8", format: "pem" }) as string;

const rules: AuthSettings["rules"] = [{ prefix: "*", users: ["alice", "spiffe://example.com/alice"], actions: ["*"] }];

interface World {
  readonly server: TestServer;
  readonly caFile: string;
  readonly clock: { now: Date };
}

async function guarded(
  t: TestContext,
  mtls: Partial<ClientCertificateSettings> = {},
  more: Partial<AuthSettings> = {},
): Promise<World> {
  const { serverCertificate: certFile, serverKey: keyFile } = await certificates(scope);
  const caFile = join(temporaryDirectory(t), "clients.pem");
  writeFileSync(caFile, authority.pem);
  const clock = { now: new Date() };
  const auth: AuthSettings = { mtls: { caFile, ...mtls }, rules, ...more };
  return { server: await serve(t, { tls: { certFile, keyFile }, auth, now: () => clock.now }), caFile, clock };
}

/** Status of an administrator's request; 0 when the connection is refused. */
async function ask(
  { server }: World,
  certificate?: MadeCertificate,
  options: RequestOptions & { readonly session?: Buffer } = {},
  onSession: (session: Buffer) => unknown = () => {},
): Promise<number> {
  const ca = readFileSync((await certificates(scope)).ca);
  const shown = certificate && { cert: certificate.pem, key: privateKey(certificate) };
  const { promise, resolve } = Promise.withResolvers<number>();
  const url = `${server.url}/v2/_trust/changefeed?records=1`;
  const sent = request(url, { ca, agent: false, servername: "localhost", ...shown, ...options }, (response) => {
    response.resume();
    resolve(response.statusCode ?? 0);
  });
  sent.on("socket", (socket) => socket.on("session", onSession));
  sent.on("error", () => resolve(0)).end();
  return promise;
}

describe("client certificates", { skip: missingPeers(["openssl"]) }, () => {
  it("I10: name their user, who gets what the rules allow", async (t) => {
    const world = await guarded(t);
    assert.equal(await ask(world, alice), 200);
    assert.equal(await ask(world, await makeCertificate({ name: "bob", issuer: authority })), 401);
    const requests = world.server.lines.filter(({ event, user }) => event === "request" && user !== undefined);
    assert.deepEqual(
      requests.map(({ user }) => user),
      ["bob"],
    );
  });

  it("I9: prove nothing when they are missing, another authority's, out of time, or an authority's own", async (t) => {
    const world = await guarded(t);
    const yesterday = new Date(Date.now() - 86_400_000);
    assert.equal(await ask(world), 401);
    assert.equal(await ask(world, await makeCertificate({ name: "alice", issuer: stranger })), 401);
    assert.equal(await ask(world, await makeCertificate({ name: "alice" })), 401);
    assert.equal(await ask(world, await makeCertificate({ name: "alice", issuer: authority, to: yesterday })), 401);
    assert.equal(await ask(world, { ...alice, ...stranger }), 401);
  });

  it("may open the door and say nothing about who comes in", async (t) => {
    const htpasswd = join(temporaryDirectory(t), "htpasswd");
    writeFileSync(htpasswd, `alice:${hashSync("wonderland", 4)}\n`);
    const world = await guarded(t, { required: true, userFrom: "nobody" }, { basic: { htpasswd } });
    const headers = { authorization: `Basic ${Buffer.from("alice:wonderland").toString("base64")}` };
    assert.equal(await ask(world, alice), 401);
    assert.equal(await ask(world, alice, { headers }), 200);
    assert.equal(await ask(world, undefined, { headers }), 0);
  });

  it("may be the only way in", async (t) => {
    const world = await guarded(t, { required: true });
    assert.equal(await ask(world, alice), 200);
    assert.equal(await ask(world), 0);
    assert.equal(await ask(world, await makeCertificate({ name: "alice", issuer: stranger })), 0);
  });

  it("I9: stop counting on open connections once their time is over", async (t) => {
    const world = await guarded(t);
    assert.equal(await ask(world, alice), 200);
    world.clock.now = new Date(Date.now() + 2 * 365 * 86_400_000);
    assert.equal(await ask(world, alice), 401);
  });

  it("may name users by their only URI or DNS name", async (t) => {
    const [one, two] = ["spiffe://example.com/alice", "spiffe://example.com/bob"];
    const byUri = await guarded(t, { userFrom: "uri" });
    assert.equal(
      await ask(byUri, await makeCertificate({ name: "x", issuer: authority, uris: [one], dns: ["bob"] })),
      200,
    );
    assert.equal(await ask(byUri, await makeCertificate({ name: "alice", issuer: authority, uris: [two] })), 401);
    assert.equal(await ask(byUri, await makeCertificate({ name: "alice", issuer: authority, uris: [one, two] })), 401);
    assert.equal(await ask(byUri, alice), 401);
    const byDns = await guarded(t, { userFrom: "dns" });
    assert.equal(await ask(byDns, await makeCertificate({ name: "x", issuer: authority, dns: ["alice"] })), 200);
    assert.equal(await ask(byDns, await makeCertificate({ name: "x", issuer: authority, uris: ["alice"] })), 401);
  });

  it("follow the file of authorities", async (t) => {
    const world = await guarded(t);
    const newcomer = await makeCertificate({ name: "alice", issuer: stranger });
    writeFileSync(world.caFile, stranger.pem);
    await world.server.reload();
    assert.equal(await ask(world, newcomer), 200);
    assert.equal(await ask(world, alice), 401);
    writeFileSync(world.caFile, "rubbish");
    await assert.rejects(world.server.reload(), { code: "SERVER_CONFIGURATION" });
    assert.equal(await ask(world, newcomer), 200);
    writeFileSync(world.caFile, authority.pem);
    world.clock.now = new Date(Date.now() + 10_000);
    await ask(world);
    assert.equal(await ask(world, alice), 200);
  });

  it("I9: are not remembered by TLS once their authority is gone", async (t) => {
    const world = await guarded(t);
    const sessions: Buffer[] = [];
    assert.equal(await ask(world, alice, {}, (session) => sessions.push(session)), 200);
    assert.ok(sessions[0]);
    assert.equal(await ask(world, undefined, { session: sessions[0] }), 200, "a session is resumed at all");
    writeFileSync(world.caFile, stranger.pem);
    await world.server.reload();
    assert.equal(await ask(world, undefined, { session: sessions[0] }), 401);
    assert.equal(await ask(world, alice, { session: sessions[0] }), 401);
  });

  it("give way to a password that is shown as well", async (t) => {
    const htpasswd = join(temporaryDirectory(t), "htpasswd");
    writeFileSync(htpasswd, "");
    const world = await guarded(t, {}, { basic: { htpasswd } });
    const headers = { authorization: `Basic ${Buffer.from("alice:wonderland").toString("base64")}` };
    assert.equal(await ask(world, alice), 200);
    assert.equal(await ask(world, alice, { headers }), 401);
  });

  it("come with a reload that also takes up a renewed certificate of the server", async (t) => {
    await using other = new Scope("renewed-certificate");
    const [first, second] = [await certificates(scope), await certificates(other)];
    const directory = temporaryDirectory(t);
    const tls = { certFile: join(directory, "server.crt"), keyFile: join(directory, "server.key") };
    copyFileSync(first.serverCertificate, tls.certFile);
    copyFileSync(first.serverKey, tls.keyFile);
    const server = await serve(t, { tls });
    const ping = async (ca: string): Promise<number> => (await askOver(ca, "GET", `${server.url}/v2/`)).status;
    assert.deepEqual([await ping(first.ca), await ping(second.ca)], [200, 0]);
    copyFileSync(second.serverCertificate, tls.certFile);
    await assert.rejects(server.reload(), { code: "SERVER_CONFIGURATION" });
    assert.deepEqual([await ping(first.ca), await ping(second.ca)], [200, 0]);
    copyFileSync(second.serverKey, tls.keyFile);
    await server.reload();
    assert.deepEqual([await ping(first.ca), await ping(second.ca)], [0, 200]);
  });

  it("need a server with a certificate, authorities and rules", async (t) => {
    const caFile = join(temporaryDirectory(t), "clients.pem");
    writeFileSync(caFile, authority.pem);
    const start = (auth: AuthSettings) => serve(t, { auth });
    await assert.rejects(start({ mtls: { caFile }, rules }), {
      code: "SERVER_CONFIGURATION",
      message: /certificate itself/u,
    });
    await assert.rejects(start({ mtls: { caFile } }), { code: "SERVER_CONFIGURATION", message: /no rules/u });
    await assert.rejects(start({ rules }), { code: "SERVER_CONFIGURATION", message: /no way to log in/u });
    const door: AuthSettings = { mtls: { caFile, userFrom: "nobody" }, rules };
    await assert.rejects(start(door), { code: "SERVER_CONFIGURATION", message: /no way to log in/u });
    writeFileSync(caFile, "rubbish");
    await assert.rejects(start({ mtls: { caFile }, rules }), {
      code: "SERVER_CONFIGURATION",
      message: /no certificate/u,
    });
    await assert.rejects(start({ mtls: { caFile, userFrom: "email" as "dns" }, rules }), {
      code: "SERVER_CONFIGURATION",
    });
  });
});
