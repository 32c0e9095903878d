import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { copyFileSync, cpSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:http2";
import { after, before, describe, it, type TestContext } from "node:test";
import { signingServiceContract, signOnce, type Reopen } from "../../../test/contract/signing-service.ts";
import { certificates, Scope, waitUntil, type Certificates } from "../../../test/support/peers.ts";
import { makeCertificate } from "../../../test/support/token-maker.ts";
import { needsOpenssl } from "../../../test/support/openssl.ts";
import { PrivateKey } from "../../crypto/private-key.ts";
import { TagsealError } from "../../errors.ts";
import type { KeyDescription, SignatureReply, SignatureRequest } from "./grpc/messages.ts";
import { startGrpcServer } from "./grpc/grpc-server.ts";
import { SignerService } from "./grpc/signer-service.ts";
import { openRemoteSigningService, type RemoteSignerOptions } from "./remote-signing-service.ts";
import { ServerLog } from "../../service/log.ts";
import { FileWatch } from "../../service/watching/file-watch.ts";
import { openSignerKeys } from "./signer-keys.ts";
import { defaultSignerLimits, type SignerOptions } from "./signer-options.ts";
import type { NamesKey, SigningService } from "./signing-service.ts";
import { onePassphrase } from "./signer-passphrases.ts";
import { SqliteKeyTable } from "./sqlite-key-table.ts";
import { startSigner, type RunningSigner } from "./start-signer.ts";

const gun = "docker.io/library/alpine";
const now = (): Date => new Date("2026-11-23T04:00:00Z");
const silent = new ServerLog({ sink: () => {}, level: "error", now });
const scope = new Scope("remote-signer");
let trusted: Certificates;
let strange: Certificates;

before(async () => {
  if (needsOpenssl !== false) return;
  trusted = await certificates(scope);
  strange = await certificates(scope, "strange");
});
after(() => scope.close());

/** An unused path below the scope. */
function fresh(name: string): string {
  return scope.path(`${name}-${randomBytes(6).toString("hex")}`);
}

async function signerAt(t: TestContext, dataDir: string, options: Partial<SignerOptions> = {}): Promise<RunningSigner> {
  const tls = { certFile: trusted.serverCertificate, keyFile: trusted.serverKey };
  const signer = await startSigner({
    host: "127.0.0.1",
    port: 0,
    tls,
    clientCaFile: trusted.ca,
    dataDir,
    now,
    ...options,
  });
  t.after(() => signer.close());
  return signer;
}

interface Using extends Partial<RemoteSignerOptions> {
  readonly port: number;
  /** the using server's own table */
  readonly tablePath: string;
  readonly namesKey?: NamesKey;
}

async function use(t: TestContext, { tablePath, ...options }: Using): Promise<SigningService> {
  const certificate = { certFile: trusted.serverCertificate, keyFile: trusted.serverKey, caFile: trusted.ca };
  const table = new SqliteKeyTable(tablePath);
  const namesKey: NamesKey = async () => false;
  const service = await openRemoteSigningService({
    host: "localhost",
    ...certificate,
    table,
    namesKey,
    now,
    ...options,
  });
  t.after(() => service.close());
  return service;
}

async function start(t: TestContext, options: Partial<RemoteSignerOptions> = {}): Promise<Reopen> {
  const { port } = await signerAt(t, fresh("signer"));
  const tablePath = fresh("server.db");
  return (namesKey = async () => false) => use(t, { port, tablePath, namesKey, ...options });
}

describe("a signer in another process", { skip: needsOpenssl }, () => {
  signingServiceContract("a remote signer with ECDSA keys", (t) => start(t));
  signingServiceContract("a remote signer with Ed25519 keys", (t) => start(t, { algorithm: "ed25519" }));

  it("makes keys of the configured algorithm", async (t) => {
    const signer = await (await start(t, { algorithm: "ed25519" }))();
    assert.equal((await signer.pendingKey(gun, "timestamp")).keyType, "ed25519");
  });

  it("I10: answers no caller with a certificate of another authority", async (t) => {
    const { port } = await signerAt(t, fresh("signer"));
    const stranger = { certFile: strange.serverCertificate, keyFile: strange.serverKey };
    const signer = await use(t, { port, tablePath: fresh("server.db"), ...stranger });
    await assert.rejects(signer.pendingKey(gun, "timestamp"), { code: "SIGNING_SERVICE_UNREACHABLE" });
    await assert.rejects(signer.check(), { code: "SIGNING_SERVICE_UNREACHABLE" });
  });

  it("I10: answers no caller without a certificate", async (t) => {
    const { port } = await signerAt(t, fresh("signer"));
    const session = connect(`https://localhost:${port}`, { ca: readFileSync(trusted.ca) });
    t.after(() => session.destroy());
    const request = session.request({
      ":method": "POST",
      ":path": "/proto.Signer/Sign",
      "content-type": "application/grpc",
    });
    const refused = Promise.withResolvers<Error>();
    session.on("error", refused.resolve);
    request.on("error", refused.resolve);
    request.on("response", (headers) => refused.reject(new Error(`it answered ${headers[":status"]}`)));
    assert.match((await refused.promise).message, /certificate required|socket|closed|reset/iu);
  });

  it("I9: is not believed when its certificate is of another authority", async (t) => {
    const { port } = await signerAt(t, fresh("signer"));
    const signer = await use(t, { port, tablePath: fresh("server.db"), caFile: strange.ca });
    await assert.rejects(signer.pendingKey(gun, "timestamp"), { code: "SIGNING_SERVICE_UNREACHABLE" });
  });

  it("is reported while it is down, and used again, with the same keys, once it is back", async (t) => {
    const [dataDir, tablePath] = [fresh("signer"), fresh("server.db")];
    const first = await signerAt(t, dataDir);
    const told: (TagsealError | undefined)[] = [];
    const server = await use(t, { port: first.port, tablePath, onReachable: (failure) => told.push(failure) });
    const { keyId } = await server.pendingKey(gun, "timestamp");
    await signOnce(server, gun, keyId);
    await first.close();
    const key = await server.find(gun, "timestamp", keyId);
    await assert.rejects(async () => key?.sign(Buffer.from("{}")), { code: "SIGNING_SERVICE_UNREACHABLE" });
    await assert.rejects(server.check(), { code: "SIGNING_SERVICE_UNREACHABLE" });
    await signerAt(t, dataDir, { port: first.port });
    await waitUntil("the server uses the signer again", () =>
      server.check().then(
        () => true,
        () => false,
      ),
    );
    await signOnce(server, gun, keyId);
    assert.deepEqual(
      told.map((failure) => failure?.code),
      ["SIGNING_SERVICE_UNREACHABLE", undefined],
    );
  });
});

describe("a signer that cannot write", { skip: needsOpenssl }, () => {
  it("is reported once, however often it is asked and whatever else it answers, and once more when it can write", async (t) => {
    const keyTable = new SqliteKeyTable(fresh("signer.db"));
    let isFull = true;
    keyTable.check = async () => {
      if (isFull) throw new TagsealError("STORAGE_FAILED", "the disk is full");
    };
    const { port } = await signerAt(t, "", { keyTable, passphrases: onePassphrase("a passphrase of the test") });
    const told: (string | undefined)[] = [];
    const onReachable = (failure: TagsealError | undefined): void => void told.push(failure?.code);
    const server = await use(t, { port, tablePath: fresh("server.db"), onReachable });
    for (let look = 0; look < 3; look += 1) {
      await assert.rejects(server.check(), { code: "SIGNING_SERVICE_FAILED" });
      await server.pendingKey(gun, "timestamp");
      assert.equal(server.isAvailable, false);
    }
    isFull = false;
    await waitUntil("the signer reports that it can write", () =>
      server.check().then(
        () => true,
        () => false,
      ),
    );
    assert.deepEqual(told, ["SIGNING_SERVICE_FAILED", undefined]);
  });
});

describe("certificates of signer and server", { skip: needsOpenssl }, () => {
  /** Files that can be replaced, with one authority's certificate in them. */
  function copies(of: Certificates): Certificates {
    const made = { ca: fresh("ca"), serverCertificate: fresh("certificate"), serverKey: fresh("key") };
    replace(made, of);
    return made;
  }

  function replace(files: Certificates, by: Certificates): void {
    copyFileSync(by.ca, files.ca);
    copyFileSync(by.serverCertificate, files.serverCertificate);
    copyFileSync(by.serverKey, files.serverKey);
  }

  /** A signer and a server on it, each with its files; `connect` makes another server with the files as they are then. */
  async function connected(t: TestContext) {
    const [ofSigner, ofServer] = [copies(trusted), copies(trusted)];
    const tls = { certFile: ofSigner.serverCertificate, keyFile: ofSigner.serverKey };
    const running = await signerAt(t, fresh("signer"), { tls, clientCaFile: ofSigner.ca });
    const { serverCertificate: certFile, serverKey: keyFile, ca: caFile } = ofServer;
    const watch = new FileWatch(now);
    const connect = (more: Pick<Parameters<typeof use>[1], "watching"> = {}): ReturnType<typeof use> =>
      use(t, { port: running.port, tablePath: fresh("server.db"), certFile, keyFile, caFile, ...more });
    const server = await connect({ watching: { now, log: silent, watch } });
    return { ofSigner, ofServer, running, watch, server, connect };
  }

  it("are read again on both sides, without a restart", async (t) => {
    const { ofSigner, ofServer, running, watch, server, connect } = await connected(t);
    const { keyId } = await server.pendingKey(gun, "timestamp");

    replace(ofSigner, strange);
    await running.reload();
    await signOnce(server, gun, keyId); // an open connection stays
    const stale = await connect();
    await assert.rejects(stale.check(), { code: "SIGNING_SERVICE_UNREACHABLE" });

    replace(ofServer, strange);
    await watch.reload();
    await signOnce(server, gun, keyId);
  });

  it("are used without a restart: the signer sees the next call under the new name", async (t) => {
    const authority = await makeCertificate({ name: "servers", isCa: true });
    const files = { ca: fresh("ca"), certFile: fresh("certificate"), keyFile: fresh("key") };
    writeFileSync(files.ca, authority.pem);
    const show = async (name: string): Promise<void> => {
      const { pem, key } = await makeCertificate({ name, issuer: authority });
      writeFileSync(files.certFile, pem);
      writeFileSync(files.keyFile, key.export({ type: "pkcs8", format: "pem" }));
    };
    await show("first");
    const callers: unknown[] = [];
    const log = (line: string): void => {
      const { event, caller } = JSON.parse(line) as { event: string; caller?: string };
      if (event === "call") callers.push(caller);
    };
    const { port } = await signerAt(t, fresh("signer"), { clientCaFile: files.ca, log });
    const watch = new FileWatch(now);
    const watching = { now, log: silent, watch };
    const server = await use(t, { port, tablePath: fresh("server.db"), ...files, caFile: trusted.ca, watching });
    const { keyId } = await server.pendingKey(gun, "timestamp");
    await signOnce(server, gun, keyId);
    await show("second");
    watch.begin();
    t.after(() => watch.stop());
    await waitUntil("the new certificate is shown", async () => {
      await signOnce(server, gun, keyId);
      return callers.at(-1) === "second";
    });
    assert.equal(callers[0], "first");
  });

  it("are kept when the new ones are invalid", async (t) => {
    const { ofSigner, ofServer, running, watch, server } = await connected(t);
    copyFileSync(strange.serverKey, ofSigner.serverKey);
    copyFileSync(strange.serverKey, ofServer.serverKey);
    await assert.rejects(running.reload(), { code: "SERVER_CONFIGURATION" });
    await assert.rejects(watch.reload(), { code: "SERVER_CONFIGURATION" });
    await server.check();
  });
});

describe("keys promised by a server with a remote signer", { skip: needsOpenssl }, () => {
  it("do not grow in number when strangers ask for the keys of many names", async (t) => {
    const dataDir = fresh("signer");
    const { port } = await signerAt(t, dataDir);
    const tablePath = fresh("server.db");
    const server = await use(t, { port, tablePath, maxPendingKeys: 5 });
    const offered = new Set<string>();
    for (let number = 0; number < 30; number += 1)
      offered.add((await server.pendingKey(`stranger/${number}`, "timestamp")).keyId);
    assert.equal(offered.size, 5);
    const table = new SqliteKeyTable(tablePath);
    t.after(() => table.close());
    assert.equal(await table.assignments.countPending(), 5);
  });

  it("are given to other collections when too many ask, and then no longer sign for the first", async (t) => {
    const { port } = await signerAt(t, fresh("signer"));
    const server = await use(t, { port, tablePath: fresh("server.db"), maxPendingKeys: 1 });
    const { keyId } = await server.pendingKey(gun, "timestamp");
    const early = await server.find(gun, "timestamp", keyId);
    assert.equal((await server.pendingKey("stranger", "timestamp")).keyId, keyId);
    assert.equal(await server.find(gun, "timestamp", keyId), undefined);
    await signOnce(server, "stranger", keyId);
    await assert.rejects(async () => early?.sign(Buffer.from("{}")), { code: "KEY_NOT_FOUND" });
    const again = await server.pendingKey(gun, "timestamp");
    assert.notEqual(again.keyId, keyId);
    await signOnce(server, gun, again.keyId);
  });

  it("are never given to other collections once they have signed", async (t) => {
    const { port } = await signerAt(t, fresh("signer"));
    const server = await use(t, { port, tablePath: fresh("server.db"), maxPendingKeys: 1 });
    const { keyId } = await server.pendingKey(gun, "timestamp");
    await signOnce(server, gun, keyId);
    for (let number = 0; number < 5; number += 1)
      assert.notEqual((await server.pendingKey(`stranger/${number}`, "timestamp")).keyId, keyId);
    await signOnce(server, gun, keyId);
  });

  it("are requested again when the signer has lost them", async (t) => {
    const tablePath = fresh("server.db");
    const first = await signerAt(t, fresh("signer"));
    const before = await (await use(t, { port: first.port, tablePath })).pendingKey(gun, "timestamp");
    await first.close();
    const server = await use(t, { port: (await signerAt(t, fresh("another signer"))).port, tablePath });
    const { keyId } = await server.pendingKey(gun, "timestamp");
    assert.notEqual(keyId, before.keyId);
    await signOnce(server, gun, keyId);
  });
});

describe("keys from before a server knew its signer", { skip: needsOpenssl }, () => {
  /** A signer that holds a key which another server used. */
  async function withUsedKey(t: TestContext): Promise<{ port: number; keyId: string }> {
    const { port } = await signerAt(t, fresh("signer"));
    const other = await use(t, { port, tablePath: fresh("other.db") });
    const { keyId } = await other.pendingKey(gun, "timestamp");
    await signOnce(other, gun, keyId);
    return { port, keyId };
  }

  it("sign where a published root names them, and from then on nowhere else", async (t) => {
    const { port, keyId } = await withUsedKey(t);
    let published = gun;
    const namesKey: NamesKey = async (name, role, named) =>
      name === published && role === "timestamp" && named === keyId;
    const server = await use(t, { port, tablePath: fresh("server.db"), namesKey });
    assert.equal(await server.find("docker.io/library/other", "timestamp", keyId), undefined);
    await signOnce(server, gun, keyId);
    published = "docker.io/library/other";
    assert.equal(await server.find("docker.io/library/other", "timestamp", keyId), undefined);
    await signOnce(server, gun, keyId);
  });

  it("do not sign for another role than the signer names", async (t) => {
    const { port, keyId } = await withUsedKey(t);
    const server = await use(t, { port, tablePath: fresh("server.db"), namesKey: async () => true });
    assert.equal(await server.find(gun, "snapshot", keyId), undefined);
  });

  it("are an error, not another key, when the signer no longer holds them", async (t) => {
    const { port } = await signerAt(t, fresh("signer"));
    const server = await use(t, { port, tablePath: fresh("server.db"), namesKey: async () => true });
    const unknown = "b".repeat(64);
    await assert.rejects(server.find(gun, "timestamp", unknown), { code: "SIGNING_SERVICE_FAILED", hint: /alias/u });
    // A snapshot key that the signer does not hold is the publisher's own.
    assert.equal(await server.find(gun, "snapshot", unknown), undefined);
  });
});

describe("keys of a server that was restored from a backup", { skip: needsOpenssl }, () => {
  const other = "docker.io/library/other";

  /** Uses a number of keys of a role, one after the other, as rotations do. */
  async function rotated(server: SigningService, count: number): Promise<string[]> {
    const keyIds: string[] = [];
    for (let number = 0; number < count; number += 1) {
      const { keyId } = await server.pendingKey(gun, "timestamp");
      await signOnce(server, gun, keyId);
      keyIds.push(keyId);
    }
    return keyIds;
  }

  it("sign again only for the collection and role that the signer made them for", async (t) => {
    const { port } = await signerAt(t, fresh("signer"));
    const [keyId = ""] = await rotated(await use(t, { port, tablePath: fresh("lost.db") }), 1);
    const restored = await use(t, { port, tablePath: fresh("server.db") });
    assert.equal(await restored.find(other, "timestamp", keyId), undefined);
    assert.equal(await restored.find(gun, "snapshot", keyId), undefined);
    assert.equal(await restored.find(gun, "timestamp", "b".repeat(64)), undefined);
    await signOnce(restored, gun, keyId);
    assert.equal(await restored.find(other, "timestamp", keyId), undefined);
  });

  it("are made again when the signer was restored as well", async (t) => {
    const [today, backup] = [fresh("signer"), fresh("signer of the backup")];
    const first = await signerAt(t, today);
    const [old = ""] = await rotated(await use(t, { port: first.port, tablePath: fresh("server.db") }), 1);
    await first.close();
    cpSync(today, backup, { recursive: true });
    const second = await signerAt(t, today);
    const lost = await rotated(await use(t, { port: second.port, tablePath: fresh("lost.db") }), 2);
    await second.close();
    const third = await signerAt(t, backup);
    const server = await use(t, { port: third.port, tablePath: fresh("restored.db"), namesKey: async () => true });
    for (const keyId of [lost.at(-1) ?? "", old, lost[0] ?? ""]) await signOnce(server, gun, keyId);
    assert.equal(await server.find(other, "timestamp", lost[0] ?? ""), undefined);
    const { keyId: next } = await server.pendingKey(gun, "timestamp");
    assert.ok(![old, ...lost].includes(next), "no key is used twice");
    await signOnce(server, gun, next);
  });
});

/** A correct signer, except where a test makes it lie. */
class LyingSigner extends SignerService {
  lieAboutKey = (said: KeyDescription): KeyDescription => said;
  lieAboutSignature = (said: SignatureReply): SignatureReply => said;

  override async createKey(...asked: Parameters<SignerService["createKey"]>): Promise<KeyDescription> {
    return this.lieAboutKey(await super.createKey(...asked));
  }

  override async sign(request: SignatureRequest): Promise<SignatureReply> {
    return this.lieAboutSignature(await super.sign(request));
  }
}

describe("a signer that lies", { skip: needsOpenssl }, () => {
  async function lying(t: TestContext): Promise<{ liar: LyingSigner; server: SigningService }> {
    const table = new SqliteKeyTable(fresh("liar.db"));
    const passphrases = { file: fresh("liar.passphrase") };
    const keys = await openSignerKeys({ table, passphrases, now });
    const liar = new LyingSigner({ table, keys, now, maxPendingKeys: 100, probe: { look: async () => undefined } });
    const pair = { cert: readFileSync(trusted.serverCertificate), key: readFileSync(trusted.serverKey) };
    const tls = { ...pair, clientCa: readFileSync(trusted.ca) };
    const log = new ServerLog({ sink: () => {}, level: "error", now });
    const running = await startGrpcServer({
      service: liar,
      host: "127.0.0.1",
      port: 0,
      tls,
      limits: defaultSignerLimits,
      log,
    });
    t.after(async () => {
      await running.close();
      await table.close();
    });
    return { liar, server: await use(t, { port: running.port, tablePath: fresh("server.db") }) };
  }

  const other = PrivateKey.generate("ecdsa").publicKey;
  const keyLies: Record<string, (said: KeyDescription) => KeyDescription> = {
    "another key under the ID of one": (said) => ({ ...said, publicKey: other.bytes }),
    "a key of another algorithm than asked for": () => {
      const { keyId, keyType: algorithm, bytes: publicKey } = PrivateKey.generate("ed25519").publicKey;
      return { keyId, algorithm, publicKey, role: "" };
    },
    "bytes that are not a key": (said) => ({ ...said, publicKey: Buffer.from("not a key") }),
    "no ID": (said) => ({ ...said, keyId: "" }),
    nothing: () => ({ keyId: "", algorithm: "", publicKey: new Uint8Array(), role: "" }),
  };
  for (const [what, lie] of Object.entries(keyLies)) {
    it(`I9: is refused when it offers ${what}`, async (t) => {
      const { liar, server } = await lying(t);
      liar.lieAboutKey = lie;
      await assert.rejects(server.pendingKey(gun, "timestamp"), { code: "SIGNING_SERVICE_FAILED" });
      liar.lieAboutKey = (said) => said;
      await signOnce(server, gun, (await server.pendingKey(gun, "timestamp")).keyId);
    });
  }

  const signatureLies: Record<string, (said: SignatureReply) => SignatureReply> = {
    "a signature with a changed bit": (said) => ({
      ...said,
      content: said.content.map((byte, at) => (at === 5 ? byte ^ 1 : byte)),
    }),
    "an empty signature": (said) => ({ ...said, content: new Uint8Array() }),
    "another method": (said) => ({ ...said, method: "rsapss" }),
    "no method": (said) => ({ ...said, method: "" }),
  };
  for (const [what, lie] of Object.entries(signatureLies)) {
    it(`I9: is refused when it answers ${what}`, async (t) => {
      const { liar, server } = await lying(t);
      const { keyId } = await server.pendingKey(gun, "timestamp");
      liar.lieAboutSignature = lie;
      await assert.rejects(signOnce(server, gun, keyId), { code: "SIGNING_SERVICE_FAILED" });
    });
  }
});
