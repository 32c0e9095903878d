/** What an operator can prove from a signer's log: what runs, who may call it, whose keys it made and deleted, and for which request of a server. */

import assert from "node:assert/strict";
import { after, before, describe, it, type TestContext } from "node:test";
import { methods } from "../../src/server/signer/grpc/methods.ts";
import { SignerClient } from "../../src/server/signer/grpc/signer-client.ts";
import type { SignerOptions } from "../../src/server/signer/signer-options.ts";
import { startSigner } from "../../src/server/signer/start-signer.ts";
import { clientCertificate } from "../support/certificates.ts";
import { needsOpenssl } from "../support/openssl.ts";
import { certificates, Scope, type Certificates } from "../support/peers.ts";
import { serve, temporaryDirectory, type TestServer } from "./running-server.ts";
import { serverKey, tufUrl, UploadingPublisher } from "./uploading-publisher.ts";

const scope = new Scope("signer-evidence");
let trusted: Certificates;

async function signer(t: TestContext, options: Partial<SignerOptions> = {}) {
  const lines: TestServer["lines"] = [];
  const log = (line: string): void => void lines.push(JSON.parse(line) as TestServer["lines"][number]);
  const tls = { certFile: trusted.serverCertificate, keyFile: trusted.serverKey };
  const place = { host: "127.0.0.1", port: 0, dataDir: temporaryDirectory(t), metrics: { host: "127.0.0.1", port: 0 } };
  const running = await startSigner({ ...place, tls, clientCaFile: trusted.ca, log, ...options });
  t.after(() => running.close());
  return { ...running, lines };
}

describe("a signer's log", { skip: needsOpenssl }, () => {
  before(async () => (trusted = await certificates(scope)));
  after(() => scope.close());

  it("begins with the version and who may call it, in capitals where no caller is named, as a metric does", async (t) => {
    const dataDir = temporaryDirectory(t);
    const { lines, metricsPort } = await signer(t, { version: "1.2.3", dataDir });
    const line = lines.find(({ event }) => event === "listening");
    assert.partialDeepStrictEqual(line, {
      version: "1.2.3",
      storage: "sqlite",
      dataDirectory: dataDir,
      certificate: trusted.serverCertificate,
      clientAuthorities: trusted.ca,
      mayCall: "EVERYBODY with a certificate of these authorities",
    });
    assert.equal(lines.find(({ event }) => event === "listening for metrics")?.["mayRead"], "this machine");
    const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
    assert.match(text, /^tagseal_signer_build_info\{version="1\.2\.3",node="24\.[^"]+",storage="sqlite"\} 1$/mu);
  });

  it("names the callers that are obeyed, and says in capitals that all clients may read its metrics", async (t) => {
    const { lines } = await signer(t, {
      allowedCallers: ["trust-1", "trust-2"],
      metrics: { host: "0.0.0.0", port: 0 },
    });
    assert.equal(lines.find(({ event }) => event === "listening")?.["mayCall"], "trust-1, trust-2");
    const door = lines.find(({ event }) => event === "listening for metrics");
    assert.equal(door?.["mayRead"], "EVERYBODY, BY PLAIN HTTP");
  });

  it("says whose keys were promised and made, for which server's request, and which one a caller deleted", async (t) => {
    const { port, lines } = await signer(t);
    const pair = await clientCertificate(scope, "trust-server-1");
    const address = { host: "localhost", port, caFile: trusted.ca, ...pair };
    const server = await serve(t, { remoteSigner: address });
    const publisher = new UploadingPublisher(server.url, "a/app");
    publisher.headers = { "X-Request-Id": "first-publication" };
    await publisher.begin();
    const eventsOf = (name: string) => lines.filter(({ event }) => event === name);
    assert.deepEqual(
      eventsOf("promised a key").map(({ gun, role, caller, requestId }) => [gun, role, caller, requestId]),
      ["snapshot", "timestamp"].map((role) => ["a/app", role, "trust-server-1", "first-publication"]),
    );
    const made = eventsOf("made a key");
    assert.deepEqual(new Set(made.map(({ role }) => role)), new Set(["snapshot", "timestamp"]));
    for (const line of made) {
      assert.partialDeepStrictEqual(line, { gun: "a/app", algorithm: "ecdsa", caller: "trust-server-1" });
      assert.equal(line["requestId"], "first-publication");
      assert.match(String(line["keyId"]), /^[0-9a-f]{64}$/u);
      assert.match(String(line["remote"]), /^127\.0\.0\.1:\d+$/u);
    }
    // The two logs tell one story: what the signer made is what the publication named.
    const published = String(server.lines.find(({ event }) => event === "published")?.["keysAdded"]);
    for (const { role, keyId } of made) assert.ok(published.includes(`${String(role)} ${String(keyId)}`));

    const rotated = await serverKey(server.url, "a/app", "timestamp", "POST", { "X-Request-Id": "rotation-1" });
    assert.deepEqual(
      eventsOf("promised a key")
        .map(({ keyId, requestId }) => [keyId, requestId])
        .at(-1),
      [rotated.keyId, "rotation-1"],
    );

    const client = await SignerClient.create(address);
    t.after(() => client.close());
    const keyId = String(made[0]?.["keyId"]);
    await client.call(methods.deleteKey, keyId);
    await client.call(methods.deleteKey, keyId);
    await client.call(methods.deleteKey, "a".repeat(64));
    const deleted = eventsOf("deleted a key");
    assert.equal(deleted.length, 1, "what was not there was not deleted");
    assert.partialDeepStrictEqual(deleted[0], { keyId, gun: "a/app", algorithm: "ecdsa", caller: "trust-server-1" });
    assert.match(String(deleted[0]?.["requestId"]), /\S/u, "every call has a name");
    assert.equal((await fetch(tufUrl(server.url, "a/app"), { method: "DELETE" })).status, 200);
  });

  it("I6: stays one plain line whatever a caller names", async (t) => {
    const raw: string[] = [];
    const { port } = await signer(t, { log: (line) => void raw.push(line), logLevel: "debug" });
    const pair = { certFile: trusted.serverCertificate, keyFile: trusted.serverKey };
    const client = await SignerClient.create({ host: "localhost", port, caFile: trusted.ca, ...pair });
    t.after(() => client.close());
    const hostile = `a\r\n{"event":"made a key"}\u2028\u202e${"x".repeat(10_000)}`;
    for (const asked of [
      { algorithm: hostile, gun: "a", role: "timestamp" },
      { algorithm: "ecdsa", gun: hostile, role: hostile },
    ])
      await assert.rejects(client.call(methods.createKey, asked));
    await client.call(methods.sign, { keyId: hostile, content: Buffer.from("{}") });
    await client.call(methods.createKey, { algorithm: "ecdsa", gun: "a\n\u2028b", role: "timestamp" });
    for (const line of raw) {
      assert.doesNotMatch(line, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
      assert.ok(line.length < 4000, line);
    }
    assert.equal(raw.filter((line) => (JSON.parse(line) as { event: string }).event === "made a key").length, 0);
  });
});
