import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it, type TestContext } from "node:test";
import { modeOf } from "../../../test/support/file-mode.ts";
import { type ClientCertificate, clientCertificate } from "../../../test/support/certificates.ts";
import { certificates, Scope, type Certificates } from "../../../test/support/peers.ts";
import { needsOpenssl } from "../../../test/support/openssl.ts";
import { PrivateKey } from "../../crypto/private-key.ts";
import { PublicKey } from "../../crypto/public-key.ts";
import { verifySignature } from "../../crypto/signature.ts";
import { healthStatus } from "./grpc/messages.ts";
import { methods } from "./grpc/methods.ts";
import { SignerClient } from "./grpc/signer-client.ts";
import { sealSecret } from "./sealed-secret.ts";
import type { SignerOptions } from "./signer-options.ts";
import type { SignerPassphrases } from "./signer-passphrases.ts";
import { SqliteKeyTable } from "./sqlite-key-table.ts";
import { startSigner, type RunningSigner } from "./start-signer.ts";

const gun = "docker.io/library/alpine";
const request = { algorithm: "ecdsa", gun, role: "timestamp" };
const payload = Buffer.from('{"signed":"by the signer"}');
const now = (): Date => new Date("2026-11-23T04:00:00Z");
const given: SignerPassphrases = { byAlias: new Map([["OURS", "a passphrase of ours"]]), defaultAlias: "ours" };
const scope = new Scope("signer-process");
let trusted: Certificates;

before(async () => {
  if (needsOpenssl === false) trusted = await certificates(scope);
});
after(() => scope.close());

interface Started {
  readonly signer: RunningSigner;
  readonly client: SignerClient;
  readonly dataDir: string;
  readonly lines: string[];
}

function optionsFor(dataDir: string): SignerOptions {
  const tls = { certFile: trusted.serverCertificate, keyFile: trusted.serverKey };
  return { host: "127.0.0.1", port: 0, tls, clientCaFile: trusted.ca, dataDir, now };
}

function freshDirectory(): string {
  return scope.path(`signer-${randomBytes(6).toString("hex")}`);
}

async function start(t: TestContext, options: Partial<SignerOptions> = {}): Promise<Started> {
  const dataDir = options.dataDir ?? freshDirectory();
  const lines: string[] = [];
  const log = (line: string): void => void lines.push(line);
  const signer = await startSigner({ ...optionsFor(dataDir), log, logLevel: "debug", ...options });
  t.after(() => signer.close());
  const certificate = { certFile: trusted.serverCertificate, keyFile: trusted.serverKey, caFile: trusted.ca };
  const client = await SignerClient.create({ host: "localhost", port: signer.port, ...certificate });
  t.after(() => client.close());
  return { signer, client, dataDir, lines };
}

/** Has a key sign and checks the signature. */
async function sign(client: SignerClient, keyId: string): Promise<void> {
  const key = await client.call(methods.getKeyInfo, keyId);
  const signature = await client.call(methods.sign, { keyId, content: payload });
  assert.ok(key && signature);
  const { method, content: value } = signature;
  assert.ok(verifySignature(new PublicKey(key.algorithm, key.publicKey), { keyId, method, value }, payload));
}

describe("a signer process", { skip: needsOpenssl }, () => {
  it("makes keys, describes them and signs, also after a restart", async (t) => {
    const { signer, client, dataDir } = await start(t);
    const made = await client.call(methods.createKey, request);
    assert.ok(made);
    assert.deepEqual(await client.call(methods.createKey, request), made);
    assert.deepEqual(await client.call(methods.getKeyInfo, made.keyId), { ...made, role: "timestamp" });
    await signer.close();
    const again = await start(t, { dataDir });
    await sign(again.client, made.keyId);
    assert.notEqual((await again.client.call(methods.createKey, request))?.keyId, made.keyId);
    await sign(again.client, made.keyId);
  });

  it("reports keys that were never requested, or were deleted, as unknown", async (t) => {
    const { client } = await start(t);
    assert.equal(await client.call(methods.getKeyInfo, "a".repeat(64)), undefined);
    assert.equal(await client.call(methods.sign, { keyId: "", content: payload }), undefined);
    await client.call(methods.deleteKey, "a".repeat(64));
    const used = (await client.call(methods.createKey, request))?.keyId ?? "";
    await sign(client, used);
    await client.call(methods.deleteKey, used);
    assert.equal(await client.call(methods.sign, { keyId: used, content: payload }), undefined);
    assert.notEqual((await client.call(methods.createKey, request))?.keyId, used);
  });

  const refused = [
    { what: "the role of a publisher", asked: { ...request, role: "targets" } },
    { what: "no role", asked: { ...request, role: "" } },
    { what: "no name", asked: { ...request, gun: "" } },
    { what: "a name of 256 bytes", asked: { ...request, gun: "a".repeat(256) } },
    { what: "RSA", asked: { ...request, algorithm: "rsa" } },
    { what: "no algorithm", asked: { ...request, algorithm: "" } },
  ];
  for (const { what, asked } of refused) {
    it(`makes no key for ${what}`, async (t) => {
      const { client } = await start(t);
      await assert.rejects(client.call(methods.createKey, asked), { code: "SIGNING_SERVICE_FAILED" });
    });
  }

  it("serves metrics to Prometheus on a separate listener", async (t) => {
    const { signer, client, lines } = await start(t, { metrics: { host: "127.0.0.1", port: 0 } });
    const { keyId = "" } = (await client.call(methods.createKey, request)) ?? {};
    const url = `http://127.0.0.1:${signer.metricsPort}/metrics`;
    const before = await (await fetch(url)).text();
    assert.match(before, /^tagseal_signer_keys 0$/mu);
    assert.match(before, /^tagseal_signer_pending_keys 1$/mu);
    await sign(client, keyId);
    await client.call(methods.sign, { keyId: "a".repeat(64), content: payload });
    const response = await fetch(url);
    assert.equal(response.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    const text = await response.text();
    for (const line of [
      'tagseal_signer_calls_total{method="CreateKey",code="OK"} 1',
      'tagseal_signer_calls_total{method="Sign",code="OK"} 1',
      'tagseal_signer_calls_total{method="Sign",code="NOT_FOUND"} 1',
      'tagseal_signer_call_duration_seconds_count{method="Sign"} 2',
      'tagseal_signer_signatures_total{role="timestamp",algorithm="ecdsa",outcome="made"} 1',
      'tagseal_signer_signatures_total{role="unknown",algorithm="unknown",outcome="failed"} 1',
      "tagseal_signer_keys 1",
      "tagseal_signer_pending_keys 0",
    ])
      assert.ok(text.split("\n").includes(line), `${line}\n${text}`);
    for (const name of ["process_resident_memory_bytes", "tagseal_signer_heap_bytes"])
      assert.match(text, new RegExp(`^${name} \\d+$`, "mu"));
    for (const secret of [keyId, gun]) assert.ok(!text.includes(secret));
    assert.equal((await fetch(url.replace("/metrics", "/"))).status, 404);
    const probe = async (path: string): Promise<unknown> => (await fetch(url.replace("/metrics", path))).json();
    assert.deepEqual(await probe("/_tagseal/live"), { status: "live" });
    // By this test's clock the certificates were made in the future.
    assert.match(
      JSON.stringify(await probe("/_tagseal/ready")),
      /"degraded".*"signer_certificate":".*not valid before/u,
    );
    assert.equal((await fetch(url, { method: "POST" })).status, 405);
    assert.ok(lines.some((line) => line.includes(`"event":"listening for metrics"`)));
    await signer.close();
    await assert.rejects(fetch(url));
  });

  it("opens no metrics listener unless configured, and does not start when it cannot listen", async (t) => {
    const { signer } = await start(t);
    assert.equal(signer.metricsPort, undefined);
    const taken = { host: "127.0.0.1", port: signer.port };
    await assert.rejects(start(t, { metrics: taken }), { code: "SERVER_CONFIGURATION", message: /Cannot listen on/u });
  });

  it("I1: accepts no message beyond its bound", async (t) => {
    const { client } = await start(t, { limits: { maxMessageBytes: 4096 } });
    const keyId = (await client.call(methods.createKey, request))?.keyId ?? "";
    const content = Buffer.alloc(5000);
    await assert.rejects(client.call(methods.sign, { keyId, content }), { code: "SIGNING_SERVICE_FAILED" });
    await sign(client, keyId);
  });

  it("remembers a bounded number of key requests, and makes the same key when it is asked again", async (t) => {
    const { client, dataDir } = await start(t, { limits: { maxPendingKeys: 3 } });
    const first = await client.call(methods.createKey, request);
    assert.ok(first);
    for (let number = 0; number < 10; number += 1)
      await client.call(methods.createKey, { ...request, gun: `stranger/${number}` });
    const table = new SqliteKeyTable(join(dataDir, "signer.db"));
    t.after(() => table.close());
    assert.equal(await table.assignments.countPending(), 3);
    assert.equal(await client.call(methods.sign, { keyId: first.keyId, content: payload }), undefined);
    assert.deepEqual(await client.call(methods.createKey, request), first);
    await sign(client, first.keyId);
  });

  it("reports its health under the names Notary's server asks for", async (t) => {
    const { client } = await start(t);
    for (const service of ["", "grpc.health.v1.Health.KeyManagement", "grpc.health.v1.Health.Signer"])
      assert.equal(await client.call(methods.checkHealth, service), healthStatus.serving);
    assert.equal(await client.call(methods.checkHealth, "another"), undefined);
  });

  it("accepts only callers on its list, by common name, DNS name or URI: others of the same authority are refused", async (t) => {
    const named = await clientCertificate(scope, "trust-server");
    const dns = await clientCertificate(scope, "replica", ["DNS:replica.example.com"]);
    const uri = await clientCertificate(scope, "workload", ["URI:spiffe://example.com/trust"]);
    const other = await clientCertificate(scope, "backup-job", ["DNS:trust-server.example.com"]);
    const allowedCallers = ["trust-server", "replica.example.com", "spiffe://example.com/trust"];
    const { signer, lines } = await start(t, { allowedCallers });
    const callAs = async (certificate: ClientCertificate): Promise<unknown> => {
      const client = await SignerClient.create({
        host: "localhost",
        port: signer.port,
        ...certificate,
        caFile: trusted.ca,
      });
      t.after(() => client.close());
      return await client.call(methods.createKey, request);
    };
    const made = await callAs(named);
    assert.ok(made);
    for (const allowed of [dns, uri]) assert.deepEqual(await callAs(allowed), made);
    await assert.rejects(callAs(other), {
      code: "SIGNING_SERVICE_FAILED",
      message: `The signer at localhost:${signer.port} does not obey this server`,
      hint: /--caller/u,
    });
    const refused = lines.find((line) => line.includes('"call refused"'));
    assert.match(refused ?? "", /"level":"warning".*"caller":"backup-job"/u);
  });

  it("refuses a list of callers that names none", async () => {
    for (const allowedCallers of [[], ["trust-server", ""]]) {
      await assert.rejects(startSigner({ ...optionsFor(freshDirectory()), allowedCallers }), {
        code: "SERVER_CONFIGURATION",
        message: /server\.allowed_callers/u,
      });
    }
  });

  it("writes a line for each call: who, what, which key, and never what was signed", async (t) => {
    const { client, lines } = await start(t);
    const keyId = (await client.call(methods.createKey, request))?.keyId ?? "";
    await sign(client, keyId);
    const calls = lines
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ event }) => event === "call");
    assert.deepEqual(
      calls.map(({ call }) => call),
      ["/proto.KeyManagement/CreateKey", "/proto.KeyManagement/GetKeyInfo", "/proto.Signer/Sign"],
    );
    assert.deepEqual(
      calls.map(({ caller }) => caller),
      ["localhost", "localhost", "localhost"],
    );
    assert.equal(calls[0]?.["gun"], gun);
    assert.equal(calls[2]?.["keyId"], keyId);
    assert.doesNotMatch(lines.join("\n"), /by the signer/u);
  });
});

describe("keys of Notary's signer in ours", { skip: needsOpenssl }, () => {
  /** Stores a key as an import does. */
  async function bring(dataDir: string, alias: string, passphrase: string): Promise<string> {
    const key = PrivateKey.generate("ecdsa");
    const { keyId, bytes: publicKey } = key.publicKey;
    const table = new SqliteKeyTable(join(dataDir, "signer.db"));
    const sealed = await sealSecret(key.toSec1(), passphrase);
    await table.insertKey({ keyId, gun: "", role: "", algorithm: "ecdsa", publicKey, createdAt: now(), sealed, alias });
    await table.close();
    return keyId;
  }

  it("sign for a server that knows them by ID, also when nothing else about them is recorded", async (t) => {
    const { signer, dataDir } = await start(t, { passphrases: given });
    await signer.close();
    const keyId = await bring(dataDir, "theirs", "a passphrase of theirs");
    const byAlias = new Map([...given.byAlias, ["THEIRS", "a passphrase of theirs"] as const]);
    const { client } = await start(t, { dataDir, passphrases: { ...given, byAlias } });
    await sign(client, keyId);
    assert.equal((await client.call(methods.getKeyInfo, keyId))?.role, "");
  });

  it("stop the start when the passphrase of their alias is missing", async (t) => {
    const { signer, dataDir } = await start(t, { passphrases: given });
    await signer.close();
    await bring(dataDir, "theirs", "a passphrase of theirs");
    await assert.rejects(start(t, { dataDir, passphrases: given }), {
      code: "PASSPHRASE_UNAVAILABLE",
      hint: /THEIRS/u,
    });
  });

  it("are an error, not unknown, when their passphrase is missing later", async (t) => {
    const { client, dataDir } = await start(t, { passphrases: given });
    const keyId = await bring(dataDir, "theirs", "a passphrase of theirs");
    for (const asked of [
      client.call(methods.getKeyInfo, keyId),
      client.call(methods.sign, { keyId, content: payload }),
    ])
      await assert.rejects(asked, { code: "SIGNING_SERVICE_FAILED", message: /"theirs"/u });
  });
});

describe("the start of a signer process", { skip: needsOpenssl }, () => {
  it("keeps a passphrase it makes, and everything else, for its owner only", async (t) => {
    const { dataDir } = await start(t);
    assert.equal(modeOf(dataDir), 0o700);
    for (const name of ["signer.db", "signer.passphrase"]) assert.equal(modeOf(join(dataDir, name)), 0o600);
  });

  it("needs a list of authorities for its callers", async () => {
    const dataDir = freshDirectory();
    const noList = scope.path("no-list");
    writeFileSync(noList, "not a certificate\n");
    for (const clientCaFile of [noList, trusted.serverKey, scope.path("absent")])
      await assert.rejects(startSigner({ ...optionsFor(dataDir), clientCaFile }), { code: "SERVER_CONFIGURATION" });
  });

  it("needs a certificate and the key that belongs to it", async () => {
    const other = await certificates(scope, "other");
    const tls = { certFile: trusted.serverCertificate, keyFile: other.serverKey };
    await assert.rejects(startSigner({ ...optionsFor(freshDirectory()), tls }), { code: "SERVER_CONFIGURATION" });
  });

  it("names the address that is in use", async (t) => {
    const { signer } = await start(t);
    await assert.rejects(startSigner({ ...optionsFor(freshDirectory()), port: signer.port }), {
      code: "SERVER_CONFIGURATION",
      message: new RegExp(`127\\.0\\.0\\.1:${signer.port}`, "u"),
    });
  });

  it("never generates a passphrase for keys that have another", async (t) => {
    const { signer, dataDir } = await start(t);
    const passphrase = readFileSync(join(dataDir, "signer.passphrase"), "utf8").trim();
    await signer.close();
    writeFileSync(join(dataDir, "signer.passphrase"), "another passphrase\n");
    await assert.rejects(start(t, { dataDir }), { code: "PASSPHRASE_WRONG" });
    await start(t, { dataDir, passphrases: { byAlias: new Map([["default", passphrase]]), defaultAlias: "default" } });
  });

  it("may be closed twice", async (t) => {
    const { signer } = await start(t);
    await Promise.all([signer.close(), signer.close()]);
    await signer.close();
  });
});
