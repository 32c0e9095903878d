/** `tagseal signer` and `tagseal signer rekey` as an operator uses them, and what is left after the signer was killed. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type IncomingHttpHeaders } from "node:http2";
import { after, before, describe, it, type TestContext } from "node:test";
import { setTimeout } from "node:timers/promises";
import { PublicKey } from "../../src/crypto/public-key.ts";
import { verifySignature } from "../../src/crypto/signature.ts";
import { methods } from "../../src/server/signer/grpc/methods.ts";
import { SignerClient } from "../../src/server/signer/grpc/signer-client.ts";
import { needsOpenssl } from "../support/openssl.ts";
import {
  certificates,
  readText,
  run,
  runOk,
  Scope,
  startTagsealSigner,
  tagsealCommand,
  type Certificates,
  type TagsealSigner,
} from "../support/peers.ts";

const scope = new Scope("signer-process");
const payload = Buffer.from("{}");
let trusted: Certificates;

async function clientOf(t: TestContext, { port }: TagsealSigner): Promise<SignerClient> {
  const certificate = { certFile: trusted.serverCertificate, keyFile: trusted.serverKey, caFile: trusted.ca };
  const client = await SignerClient.create({ host: "localhost", port, ...certificate });
  t.after(() => client.close());
  return client;
}

/** Has a key sign and checks the signature; a new key of the collection `gun` unless one is named. @returns its ID */
async function sign(client: SignerClient, gun: string, keyId?: string): Promise<string> {
  const asked = { algorithm: "ecdsa", gun, role: "timestamp" };
  const key =
    keyId === undefined ? await client.call(methods.createKey, asked) : await client.call(methods.getKeyInfo, keyId);
  assert.ok(key);
  const signature = await client.call(methods.sign, { keyId: key.keyId, content: payload });
  assert.ok(signature);
  const { method, content: value } = signature;
  assert.ok(verifySignature(new PublicKey(key.algorithm, key.publicKey), { keyId: key.keyId, method, value }, payload));
  return key.keyId;
}

describe("tagseal signer", { skip: needsOpenssl }, () => {
  before(async () => (trusted = await certificates(scope)));
  after(() => scope.close());

  it("I7: still has every key it has signed with after it was killed", async (t) => {
    let signer = await startTagsealSigner(scope);
    const keyIds: string[] = [];
    for (let time = 1; time <= 5; time += 1) {
      const client = await clientOf(t, signer);
      keyIds.push(await sign(client, `example.com/killed/${time}`));
      await signer.process.stop("SIGKILL");
      signer = await startTagsealSigner(scope, signer);
    }
    const client = await clientOf(t, signer);
    for (const keyId of keyIds) await sign(client, "", keyId);
  });

  it("ends when it is asked to, with exit code 0", async (t) => {
    const signer = await startTagsealSigner(scope);
    await sign(await clientOf(t, signer), "example.com/ended");
    assert.equal(await signer.process.stop(), 0);
  });

  it("finishes a call that is under way before it ends", async (t) => {
    const signer = await startTagsealSigner(scope);
    const tls = {
      ca: readText(trusted.ca),
      cert: readText(trusted.serverCertificate),
      key: readText(trusted.serverKey),
    };
    const session = connect(`https://localhost:${signer.port}`, tls);
    t.after(() => session.destroy());
    const call = session.request({
      ":method": "POST",
      ":path": methods.createKey.path,
      "content-type": "application/grpc",
      te: "trailers",
    });
    const message = methods.createKey.request.encode({
      algorithm: "ecdsa",
      gun: "example.com/slow",
      role: "timestamp",
    });
    const frame = Buffer.concat([Buffer.from([0, 0, 0, 0, message.length]), message]);
    let outcome: IncomingHttpHeaders = {};
    call.on("trailers", (trailers) => (outcome = trailers));
    call.on("error", () => {}); // an outcome that did not come says enough
    const closed = once(call, "close");
    call.resume().write(frame.subarray(0, 10));
    await sign(await clientOf(t, signer), "example.com/quick");
    const ended = signer.process.stop();
    await setTimeout(1000);
    call.end(frame.subarray(10));
    await closed;
    assert.equal(outcome["grpc-status"], "0");
    assert.equal(await ended, 0);
  });

  it("shows its metrics to this machine alone when only a port is given", async () => {
    const signer = await startTagsealSigner(scope, { env: { TAGSEAL_SIGNER_METRICS_HTTP_ADDR: ":0" } });
    const line = signer.process.log().match(/^.*"listening for metrics".*$/mu)?.[0] ?? "{}";
    const { host, port } = JSON.parse(line) as { readonly host?: string; readonly port?: number };
    assert.equal(host, "127.0.0.1");
    assert.match(await (await fetch(`http://127.0.0.1:${port}/metrics`)).text(), /^tagseal_signer_keys 0$/mu);
    assert.equal(await signer.process.stop(), 0);
  });

  it("moves its keys to another passphrase while it runs, and then no longer needs the old one", async (t) => {
    const data = scope.path("rekeyed");
    const [old, next] = [{ NOTARY_SIGNER_OLD: "the old passphrase" }, { NOTARY_SIGNER_NEXT: "the next passphrase" }];
    const aliasOld = { NOTARY_SIGNER_DEFAULT_ALIAS: "old" };
    const aliasNext = { NOTARY_SIGNER_DEFAULT_ALIAS: "next" };

    const first = await startTagsealSigner(scope, { data, env: { ...old, ...aliasOld } });
    const keyId = await sign(await clientOf(t, first), "example.com/rekeyed");
    await first.process.stop();

    const second = await startTagsealSigner(scope, { data, port: first.port, env: { ...old, ...next, ...aliasNext } });
    const env = { HOME: scope.directory, ...old, ...next, ...aliasNext };
    const client = await clientOf(t, second);
    const rekey = ["signer", "rekey", "--data", data];
    assert.match(
      (await runOk(tagsealCommand, [...rekey, "--dry-run"], { env })).stdout,
      /Would move to "next": 1 from "old"/u,
    );
    assert.match((await runOk(tagsealCommand, rekey, { env })).stdout, /Moved to "next": 1 from "old"/u);
    assert.match((await runOk(tagsealCommand, rekey, { env })).stdout, /Nothing to move to "next"/u);
    const made = await sign(client, "example.com/made-meanwhile");
    await sign(client, "", keyId);
    await second.process.stop();

    const third = await startTagsealSigner(scope, { data, port: first.port, env: { ...next, ...aliasNext } });
    for (const kept of [keyId, made]) await sign(await clientOf(t, third), "", kept);
    await third.process.stop();

    const tls = ["--tls-cert", trusted.serverCertificate, "--tls-key", trusted.serverKey, "--client-ca", trusted.ca];
    const args = ["signer", "--listen", "127.0.0.1:0", "--data", data, ...tls];
    const refused = await run(tagsealCommand, args, { env: { HOME: scope.directory, ...old, ...aliasOld } });
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, /passphrase "next"[\s\S]*PASSPHRASE_UNAVAILABLE/u);
    assert.match(refused.stderr, /NOTARY_SIGNER_NEXT/u);
  });
});
