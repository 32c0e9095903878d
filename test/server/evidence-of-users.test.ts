/** What an operator can prove from the log about users: who published, who was refused, and from where; and that no client can forge it. */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { hashSync } from "bcryptjs";
import { createPublicKey } from "node:crypto";
import type { AuthSettings } from "../../src/server/auth/auth-settings.ts";
import type { ServerOptions } from "../../src/server/run/server-options.ts";
import { HeldKeys } from "../support/held-keys.ts";
import { makeCertificate, signedToken } from "../support/token-maker.ts";
import { libtrustKeyId } from "../support/token-server.ts";
import { waitUntil } from "../support/processes.ts";
import { serve, temporaryDirectory, type TestServer } from "./running-server.ts";
import { post, serverKey, tufUrl, UploadingPublisher } from "./uploading-publisher.ts";

const gun = "example.com/team/app";
const rules = [
  { prefix: "*", users: ["alice"], actions: ["*"] },
  { prefix: "*", users: ["bob"], actions: ["pull"] },
] as const;

/** Passwords, and a proxy on this machine that is believed. */
async function guarded(t: TestContext, more: Partial<ServerOptions> = {}): Promise<TestServer> {
  const htpasswd = join(temporaryDirectory(t), "htpasswd");
  writeFileSync(htpasswd, `alice:${hashSync("wonderland", 4)}\nbob:${hashSync("builder", 4)}\n`, { mode: 0o600 });
  const basic = { htpasswd, tokenRealm: "https://trust.example.com/_tagseal/token" };
  return await serve(t, { auth: { basic, rules }, trustedProxies: ["127.0.0.1"], ...more });
}

const basic = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
const asAlice = { Authorization: basic("alice", "wonderland"), "X-Forwarded-For": "6.6.6.6, 203.0.113.7" };

async function aliceAt(server: TestServer, headers: Readonly<Record<string, string>> = asAlice) {
  const publisher = new UploadingPublisher(server.url, gun);
  publisher.headers = headers;
  return await publisher.begin();
}

function lastOf({ lines }: TestServer, name: string) {
  return lines.findLast(({ event }) => event === name) ?? assert.fail(`no line ${name}`);
}

const digest = "sha256:[0-9a-f]{64}";

describe("the log names the user, the client behind the proxy and the request", () => {
  it("of a publication, a rotation and a deletion by a user with a password", async (t) => {
    const server = await guarded(t);
    const publisher = await aliceAt(server);
    const answer = await publisher.addTag("v2");
    const published = lastOf(server, "published");
    assert.deepEqual([published["gun"], published["user"], published["remote"]], [gun, "alice", "203.0.113.7"]);
    assert.equal(published["requestId"], answer.headers.get("x-request-id"));
    assert.match(String(published["tagsAdded"]), new RegExp(`^v2@${digest}$`, "u"));

    const headers = { ...asAlice, "X-Request-Id": "ticket-4711" };
    const key = await serverKey(server.url, gun, "timestamp", "POST", headers);
    const rotated = lastOf(server, "a new server key was asked for");
    assert.deepEqual([rotated["keyId"], rotated["user"], rotated["requestId"]], [key.keyId, "alice", "ticket-4711"]);

    const deletion = await fetch(tufUrl(server.url, gun), { method: "DELETE", headers });
    assert.equal(deletion.headers.get("x-request-id"), "ticket-4711");
    const deleted = lastOf(server, "deleted");
    assert.deepEqual(
      [deleted["gun"], deleted["user"], deleted["remote"], deleted["requestId"]],
      [gun, "alice", "203.0.113.7", "ticket-4711"],
    );
  });

  it("of a publication by a user with a token, and of the token that this server issued", async (t) => {
    const server = await guarded(t);
    const answer = await fetch(`${server.url}/_tagseal/token`, { headers: asAlice });
    const { token } = (await answer.json()) as { token: string };
    await aliceAt(server, { Authorization: `Bearer ${token}` });
    assert.equal(lastOf(server, "published")["user"], "alice");
    assert.ok(!JSON.stringify(server.lines).includes(token));
  });

  it("of a publication with another issuer's token, and of a token that proves nothing", async (t) => {
    const { server, tokenFor } = await withTokens(t);
    await aliceAt(server, { Authorization: `Bearer ${tokenFor(300)}` });
    assert.equal(lastOf(server, "published")["user"], "carol");
    const expired = tokenFor(-300);
    const refused = await fetch(tufUrl(server.url, gun), {
      method: "DELETE",
      headers: { Authorization: `Bearer ${expired}` },
    });
    assert.equal(refused.status, 401);
    const line = lastOf(server, "access refused");
    assert.deepEqual(
      [line["gun"], line["refusal"], line["user"], line["method"]],
      [gun, "invalid", undefined, "DELETE"],
    );
    assert.ok(!JSON.stringify(server.lines).includes(expired));
  });
});

async function withTokens(t: TestContext) {
  const issuer = await makeCertificate({ name: "issuer", isCa: true });
  const rootcertbundle = join(temporaryDirectory(t), "issuer.pem");
  writeFileSync(rootcertbundle, issuer.pem);
  const token = {
    realm: "https://auth.example.com/token",
    service: "the service",
    issuer: "the issuer",
    rootcertbundle,
  };
  const server = await serve(t, { auth: { token } satisfies AuthSettings });
  const kid = libtrustKeyId(createPublicKey(issuer.key).export({ type: "spki", format: "der" }));
  const tokenFor = (seconds: number): string => {
    const now = Math.floor(Date.now() / 1000);
    const access = [{ type: "repository", name: gun, actions: ["*"] }];
    const claims = { iss: "the issuer", aud: "the service", sub: "carol", iat: now - 600, nbf: now - 600, access };
    return signedToken({ ...claims, exp: now + seconds }, { kid }, issuer.key);
  };
  return { server, tokenFor };
}

describe("the log names users who were refused", () => {
  it("for a wrong password, with the name that was claimed, also where tokens are given", async (t) => {
    const server = await guarded(t);
    const headers = { Authorization: basic("bob", "s3cret-guess"), "X-Forwarded-For": "198.51.100.9" };
    for (const path of [`/v2/${gun}/_trust/tuf/targets.json`, "/_tagseal/token"]) {
      const answer = await fetch(`${server.url}${path}`, { headers });
      assert.equal(answer.status, 401);
      const line = lastOf(server, "access refused");
      assert.deepEqual(
        [line["claimedUser"], line["user"], line["remote"], line["refusal"], line["path"]],
        ["bob", undefined, "198.51.100.9", "invalid", path],
      );
      assert.equal(line["requestId"], answer.headers.get("x-request-id"));
    }
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    assert.match(metrics, /^tagseal_server_access_invalid_total 2$/mu);
    assert.doesNotMatch(JSON.stringify(server.lines), /s3cret-guess/u);
  });

  it("for a password that was typed where the name belongs, without it", async (t) => {
    const server = await guarded(t);
    for (const path of [`/v2/${gun}/_trust/tuf/targets.json`, "/_tagseal/token"]) {
      const answer = await fetch(`${server.url}${path}`, { headers: { Authorization: basic("wonderland", "alice") } });
      assert.equal(answer.status, 401);
      assert.equal(lastOf(server, "access refused")["claimedUser"], "(no such user)");
    }
    assert.doesNotMatch(JSON.stringify(server.lines), /wonderland/u);
  });

  it("for a repository that she may only read", async (t) => {
    const server = await guarded(t);
    const headers = { Authorization: basic("bob", "builder") };
    assert.equal((await fetch(tufUrl(server.url, gun), { method: "DELETE", headers })).status, 401);
    const line = lastOf(server, "access refused");
    assert.deepEqual([line["user"], line["refusal"], line["gun"]], ["bob", "insufficient", gun]);
  });

  it("but not of clients that begin without credentials, as all do", async (t) => {
    const server = await guarded(t);
    assert.equal((await fetch(`${server.url}/v2/`)).status, 401);
    assert.equal(
      server.lines.find(({ event }) => event === "access refused"),
      undefined,
    );
  });

  it("for a publication that readers would take for an attack: an old version, a foreign signature, a role that there is not", async (t) => {
    const server = await guarded(t);
    const publisher = await aliceAt(server);
    const old = await publisher.signed((editor) => void editor.removeTarget("targets", "v1"));
    await publisher.addTag("v2");
    const stranger = new UploadingPublisher(server.url, gun, undefined, new HeldKeys());
    stranger.headers = asAlice;
    const attempts = [
      { what: "rollback", files: old, code: /^(?:VERSION|INVALID_UPDATE)$/u },
      { what: "foreign signature", files: await stranger.firstUpload(), code: /^INVALID_UPDATE$/u },
      { what: "no role", files: new Map([["no role", Buffer.from("{}")]]), code: /^INVALID_ROLE$/u },
    ];
    for (const { what, files, code } of attempts) {
      const answer = await post(server.url, gun, files, asAlice);
      assert.equal(answer.status, 400, what);
      const line = lastOf(server, "publication refused");
      assert.deepEqual([line["gun"], line["user"], line["remote"]], [gun, "alice", "203.0.113.7"], what);
      assert.equal(line["requestId"], answer.headers.get("x-request-id"), what);
      assert.match(String(line["wireCode"]), code, what);
      assert.match(String(line["error"]), /\S/u, what);
    }
    assert.equal(server.lines.filter(({ event }) => event === "published").length, 2);
  });
});

describe("no client makes the log say something that did not happen", () => {
  /** One request, byte for byte as an attacker sends it. */
  async function send({ url }: TestServer, request: string): Promise<void> {
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    socket.on("error", () => {});
    socket.end(Buffer.from(request, "latin1"));
    await new Promise((closed) => socket.once("close", closed).resume());
  }

  const forged = '{"event":"published","user":"alice"}';
  const hostile: Readonly<Record<string, string>> = {
    "a user name": `GET /v2/ HTTP/1.1\r\nHost: x\r\nAuthorization: ${basic(`a\n${forged}`, "x")}\r\n`,
    "a user name with marks of direction": `GET /v2/ HTTP/1.1\r\nHost: x\r\nAuthorization: ${basic("a\u202e\u2028", "x")}\r\n`,
    "a user agent": `GET /v2/ HTTP/1.1\r\nHost: x\r\nUser-Agent: a\x85\x1b[2K${forged}\r\n`,
    "a huge user agent": `GET /v2/ HTTP/1.1\r\nHost: x\r\nUser-Agent: ${"u".repeat(14_000)}\r\n`,
    "a request ID": `GET /v2/ HTTP/1.1\r\nHost: x\r\nX-Request-Id: a", "event": "published\r\n`,
    "an address": `GET /v2/ HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 1.2.3.4${forged}\r\n`,
    "a repository": `DELETE /v2/a%0a${encodeURIComponent(forged)}/_trust/tuf/ HTTP/1.1\r\nHost: x\r\n`,
    "a huge repository": `DELETE /v2/${"g".repeat(15_000)}/_trust/tuf/ HTTP/1.1\r\nHost: x\r\n`,
    "a line end in a header": `GET /v2/ HTTP/1.1\r\nHost: x\r\nUser-Agent: a\n${forged}\r\n`,
  };
  for (const [what, request] of Object.entries(hostile)) {
    it(`with ${what}`, async (t) => {
      const raw: string[] = [];
      const server = await guarded(t, { log: (line) => void raw.push(line) });
      const before = raw.length;
      await send(server, `${request}Connection: close\r\n\r\n`);
      for (const line of raw.slice(before)) {
        assert.doesNotMatch(line, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
        assert.ok(line.length < 4000, `${line.length}`);
        assert.match(
          (JSON.parse(line) as { event: string }).event,
          /^(?:request|access refused|deletion refused|requests come)/u,
        );
      }
    });
  }

  it("nor puts a password of a whole URL into it", async (t) => {
    const server = await guarded(t);
    await send(server, "GET http://alice:pa55word@x/v2/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    await waitUntil("the request is in the log", () => server.lines.some(({ event }) => event === "request"));
    assert.doesNotMatch(JSON.stringify(server.lines), /pa55word/u);
  });
});
