/** Clients that send too much, too little, too slowly or nonsense: each is refused, and the server serves on. */

import assert from "node:assert/strict";
import { request } from "node:http";
import { connect, type Socket } from "node:net";
import { DatabaseSync } from "node:sqlite";
import { describe, it, type TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { SqliteMetadataStore } from "../../src/server/storage/sqlite-metadata-store.ts";
import type { ServerLimits } from "../../src/server/run/server-options.ts";
import { CollectionEditor } from "../../src/tuf/editor.ts";
import { target } from "../support/editing-story.ts";
import { waitUntil } from "../support/processes.ts";
import { serve, type TestServer } from "./running-server.ts";
import { post, readTags, tufUrl, UploadingPublisher } from "./uploading-publisher.ts";

const gun = "docker.io/library/alpine";

async function published(t: TestContext, limits: Partial<ServerLimits> = {}) {
  const server = await serve(t, { limits });
  return { server, publisher: await new UploadingPublisher(server.url, gun).begin() };
}

async function servesOn(server: TestServer): Promise<void> {
  assert.deepEqual(await readTags(server.url, gun), ["v1"]);
}

/** A connection on which bytes can be sent as they are. */
async function rawConnection(t: TestContext, server: TestServer): Promise<Socket> {
  const socket = connect({ port: Number(new URL(server.url).port), host: "127.0.0.1" });
  t.after(() => socket.destroy());
  await new Promise((resolve) => socket.once("connect", resolve));
  return socket;
}

async function metric(server: TestServer, name: string): Promise<number> {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  return Number(new RegExp(`^tagseal_server_${name} (\\d+)$`, "mu").exec(text)?.[1]);
}

/** Everything a connection says until it ends. */
async function conversation(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on("error", () => socket.destroy());
  const ended = new Promise((resolve) => socket.once("close", resolve));
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  await ended;
  return Buffer.concat(chunks).toString();
}

const uploadHead = `POST /v2/${gun}/_trust/tuf/ HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=x\r\n`;
const partHead = '--x\r\nContent-Disposition: form-data; name="files"; filename="targets"\r\n\r\n';

describe("hostile uploads", () => {
  it("I1: a body that is announced too large is refused before it is read", async (t) => {
    const { server } = await published(t, { maxBytes: 10_000 });
    const socket = await rawConnection(t, server);
    socket.write(`${uploadHead}Content-Length: 99999999999\r\n\r\n${partHead}`);
    assert.match(await conversation(socket), /^HTTP\/1\.1 413 [\s\S]*MALFORMED_UPLOAD[\s\S]*upload too large/u);
    await servesOn(server);
  });

  it("I1: a body that grows too large without announcing it is refused", async (t) => {
    const { server } = await published(t, { maxBytes: 10_000 });
    const { promise, resolve } = Promise.withResolvers<number | undefined>();
    const headers = { "Content-Type": "multipart/form-data; boundary=x" };
    const sent = request(tufUrl(server.url, gun), { method: "POST", headers }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    sent.on("error", () => resolve(undefined));
    sent.write(partHead);
    const flood = setInterval(() => sent.write(Buffer.alloc(5000)), 1);
    t.after(() => clearInterval(flood));
    assert.equal(await promise, 413);
    clearInterval(flood);
    sent.destroy();
    await servesOn(server);
  });

  it("I1: a part above its bound, or too many parts, are refused", async (t) => {
    const { server } = await published(t, { maxPartBytes: 5000, maxParts: 3 });
    const large = await post(server.url, gun, new Map([["targets", Buffer.alloc(6000)]]));
    assert.equal(large.status, 413);
    const many = new Map(["targets/a", "targets/b", "targets/c", "targets/d"].map((role) => [role, Buffer.from("{}")]));
    assert.equal((await post(server.url, gun, many)).status, 413);
    await servesOn(server);
  });

  it("I1: uploads beyond the memory set aside for them are told to retry", async (t) => {
    const { server, publisher } = await published(t, { maxUploadBytesInMemory: 100_000 });
    const hoard = async (): Promise<Socket> => {
      const socket = await rawConnection(t, server);
      socket.on("error", () => socket.destroy()).resume();
      socket.write(`${uploadHead}Content-Length: 95000\r\n\r\n${partHead}`);
      socket.write(Buffer.alloc(90_000));
      await pause(50);
      return socket;
    };
    let hoarder = await hoard();
    await waitUntil("the hoarder's bytes are in", async () => (await metric(server, "upload_bytes")) >= 90_000);
    const refused = await post(server.url, gun, new Map([["targets", Buffer.alloc(20_000)]]));
    assert.equal(refused.status, 503);
    assert.equal(refused.headers.get("retry-after"), "1");
    hoarder.destroy();
    await waitUntil("the hoarder's bytes are gone", async () => (await metric(server, "upload_bytes")) === 0);
    assert.equal((await publisher.addTag("v2")).status, 200);
  });

  for (const [name, body] of [
    ["in the middle of a part", `${partHead}{"signed":`],
    ["in the middle of the headers of a part", "--x\r\nContent-Dispo"],
    ["before its last boundary", `${partHead}{}\r\n`],
    ["at once", ""],
  ] as const) {
    it(`I1: a body cut off ${name} is a bad request, not a crash`, async (t) => {
      const { server } = await published(t);
      const socket = await rawConnection(t, server);
      socket.write(`${uploadHead}Connection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
      assert.match(await conversation(socket), /^HTTP\/1\.1 400 [\s\S]*MALFORMED_UPLOAD/u);
      const hangsUp = await rawConnection(t, server);
      hangsUp.write(`${uploadHead}Content-Length: ${body.length + 10}\r\n\r\n${body}`);
      hangsUp.end();
      await conversation(hangsUp);
      await servesOn(server);
    });
  }

  it("I8: versions that leave no room for the next one, and unknown members, are refused", async (t) => {
    const { server, publisher } = await published(t);
    const files = await publisher.signed((editor) => editor.addTarget("targets", "v2", target("v2")));
    const text = Buffer.from(files.get("targets") ?? []).toString();
    const hostile = [
      text.replace('"version":2', '"version":2147483647'),
      text.replace('"version":2', '"version":9007199254740993'),
      text.replace('"version":2', '"version":2.5'),
      text.replace('"version":2', '"version":-1'),
      text.replace('"_type":"Targets"', '"_type":"Targets","extra":1'),
      text.replace('"_type":"Targets"', '"_type":"Root"'),
      text.replace('"v2"', '"v1"'),
      `${"[".repeat(100_000)}${"]".repeat(100_000)}`,
    ];
    for (const brick of hostile) {
      const response = await post(server.url, gun, new Map([["targets", Buffer.from(brick)]]));
      assert.equal(response.status, 400, brick.slice(0, 100));
      assert.match(await response.text(), /INVALID_UPDATE|MALFORMED_JSON/u);
    }
    await servesOn(server);
  });

  it("I8: nothing that is wrong with an upload leaves a trace in the store", async (t) => {
    const { server, publisher } = await published(t);
    const good = Buffer.from(
      (await publisher.signed((editor) => editor.addTarget("targets", "v2", target("v2")))).get("targets") ?? [],
    );
    const part = (fileName: string, text: string | Buffer, more = ""): string =>
      `--x\r\nContent-Disposition: form-data; name="files"; filename="${fileName}"${more}\r\n\r\n${text.toString("latin1")}\r\n`;
    const bodies: readonly [code: RegExp, body: string][] = [
      ...[
        "../targets",
        "targets/../root",
        "/etc/passwd",
        "targets//a",
        "targets/",
        "targets/%2e%2e",
        "targets\\\\a",
        "root\u0000",
      ].map((name) => [/INVALID_ROLE/u, part(name, good)] as [RegExp, string]),
      [/INVALID_UPDATE/u, part("targets/releases", good)],
      [/INVALID_UPDATE/u, part("snapshot", good)],
      [/INVALID_UPDATE/u, part("root", good)],
      [/INVALID_UPDATE/u, part("targets", `${good.toString()} `)],
      [/MALFORMED_JSON/u, part("targets", Buffer.concat([Buffer.from("\uFEFF"), good]))],
      [/INVALID_UPDATE|MALFORMED_JSON/u, part("targets", good.subarray(1))],
      [/MALFORMED_JSON/u, part("targets", good) + part("targets", "null null")],
      [/INVALID_UPDATE|MALFORMED_JSON/u, part("targets", "null")],
      [/NO_FILENAME/u, part("", good)],
      [/NO_FILENAME/u, part("targets", good).replace(/; filename="[^"]*"/u, "")],
      [/MALFORMED_UPLOAD/u, part("targets", good).replace("\r\n", "\n")],
      [/MALFORMED_UPLOAD/u, part("targets", good, `; x="${"y".repeat(5000)}"`)],
    ];
    const store = new SqliteMetadataStore({ path: `${server.dataDir}/metadata.db` });
    t.after(() => store.close());
    const before = await store.versions(gun);
    for (const [code, body] of bodies) {
      const headers = { "Content-Type": "multipart/form-data; boundary=x" };
      const sent = { method: "POST", headers, body: Buffer.from(`${body}--x--\r\n`, "latin1") };
      const response = await fetch(tufUrl(server.url, gun), sent);
      assert.equal(response.status, 400, body.slice(0, 100));
      assert.match(await response.text(), code, body.slice(0, 100));
    }
    assert.deepEqual(await store.versions(gun), before);
    assert.deepEqual(await store.guns("", 10), [gun]);
    await servesOn(server);
  });

  it("I8: a version that is properly signed but uses the numbers up is refused", async (t) => {
    const { server, publisher } = await published(t);
    const response = await publisher.send(await withVersion(publisher, 2_147_483_647));
    assert.equal(response.status, 400);
    assert.match(await response.text(), /highest accepted now/u);
    await servesOn(server);
  });
});

/** A targets file of any version, signed by the real key. */
async function withVersion(publisher: UploadingPublisher, version: number): Promise<ReadonlyMap<string, Uint8Array>> {
  const before = publisher.published.targets();
  const raised = { ...before, body: { ...before.body, version: version - 1 } };
  const editor = CollectionEditor.from({ ...publisher.published.read(), targets: raised });
  editor.addTarget("targets", "v2", target("v2"));
  return editor.sign(publisher.held.signingKeys, { now: new Date() });
}

describe("hostile connections", () => {
  it("I1: headers that drip are cut off, while others are served", async (t) => {
    const { server } = await published(t, { headersTimeoutMs: 300, idleTimeoutMs: 60_000 });
    const drips = await rawConnection(t, server);
    const drip = setInterval(() => drips.write("X"), 50);
    t.after(() => clearInterval(drip));
    drips.write("GET /v2/ HTTP/1.1\r\n");
    const said = conversation(drips);
    await servesOn(server);
    assert.match(await said, /^HTTP\/1\.1 408 /u);
  });

  it("I1: a body that drips is cut off", async (t) => {
    const { server } = await published(t, { headersTimeoutMs: 200, requestTimeoutMs: 500 });
    const drips = await rawConnection(t, server);
    drips.write(`${uploadHead}Content-Length: 100000\r\n\r\n`);
    const drip = setInterval(() => drips.write("-"), 50);
    t.after(() => clearInterval(drip));
    await conversation(drips);
    await servesOn(server);
  });

  it("I1: a client that does not take its answer off is hung up on, whatever else it says", async (t) => {
    const { server, publisher } = await published(t, { responseTimeoutMs: 300, minBytesPerSecond: 10_000_000 });
    await publisher.send(
      await publisher.signed((editor) => {
        for (let number = 0; number < 60_000; number += 1) editor.addTarget("targets", `tag-${number}`, target("x"));
      }),
    );
    const before = await metric(server, "connections");
    const slow = await rawConnection(t, server);
    slow.pause();
    await waitUntil("the connection is counted", async () => (await metric(server, "connections")) > before);
    slow.write(`GET /v2/${gun}/_trust/tuf/targets.json HTTP/1.1\r\nHost: x\r\n\r\n`);
    await waitUntil("the server has hung up", async () => (await metric(server, "connections")) <= before);
    assert.equal((await readTags(server.url, gun)).length, 60_001);
  });

  it("I1: a client that asks and asks without taking answers off is not answered without end", async (t) => {
    const { server } = await published(t, { idleTimeoutMs: 1000 });
    const greedy = await rawConnection(t, server);
    greedy.on("error", () => greedy.destroy()).pause();
    const asked = `GET /v2/${gun}/_trust/tuf/root.json HTTP/1.1\r\nHost: x\r\n\r\n`.repeat(200);
    let sent = 0;
    const flood = setInterval(() => {
      if (greedy.writableNeedDrain || greedy.destroyed) return;
      greedy.write(asked);
      sent += 200;
    }, 5);
    t.after(() => clearInterval(flood));
    await waitUntil("the server has hung up", () => greedy.destroyed || greedy.closed, 60_000);
    assert.ok(sent > 200);
    await servesOn(server);
  });

  for (const limit of [{ maxConnectionsPerClient: 12 }, { maxConnections: 12 }]) {
    it(`I1: connections beyond ${JSON.stringify(limit)} are hung up on; those there are stay`, async (t) => {
      const { server } = await published(t, limit);
      const sockets = await Promise.all(Array.from({ length: 20 }, () => rawConnection(t, server)));
      const talks = sockets.map((socket) => conversation(socket));
      await waitUntil("the last ones are hung up on", () => sockets.filter(({ closed }) => closed).length >= 8);
      // fetch has some connections itself
      const kept = sockets.filter(({ closed }) => !closed);
      assert.ok(kept.length > 0);
      for (const socket of kept) socket.write("GET /v2/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
      const answered = (await Promise.all(talks)).filter((said) => said !== "");
      assert.equal(answered.length, kept.length);
      assert.ok(answered.every((said) => said.startsWith("HTTP/1.1 200 ")));
      await servesOn(server);
      assert.ok((await metric(server, "connections_refused_total")) >= 8);
    });
  }

  it("I1: a connection that was of use once and then says nothing is closed", async (t) => {
    const { server } = await published(t, { idleTimeoutMs: 1000 });
    const idle = await rawConnection(t, server);
    idle.write("GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n");
    assert.match(await conversation(idle), /^HTTP\/1\.1 200 /u);
  });

  it("I1: a connection that says nothing is closed", async (t) => {
    const { server } = await published(t, { idleTimeoutMs: 2000, headersTimeoutMs: 2000 });
    await conversation(await rawConnection(t, server));
  });

  for (const nonsense of [
    "\u0000\u0001\u0002\r\n\r\n",
    "GET\r\n\r\n",
    `GET /${"x".repeat(70_000)} HTTP/1.1\r\n\r\n`,
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  ]) {
    it(`refuses ${JSON.stringify(nonsense.slice(0, 20))}`, async (t) => {
      const { server } = await published(t);
      const socket = await rawConnection(t, server);
      socket.write(nonsense);
      assert.match(await conversation(socket), /^HTTP\/1\.1 4\d\d |^$/u);
      await servesOn(server);
    });
  }

  it("asking for a key of many names fills nothing", async (t) => {
    const { server } = await published(t);
    for (let number = 0; number < 400; number += 100) {
      const names = Array.from({ length: 100 }, (_, index) => `stranger/${number + index}`);
      await Promise.all(names.map(async (name) => (await fetch(`${tufUrl(server.url, name)}timestamp.key`)).text()));
    }
    const database = new DatabaseSync(`${server.dataDir}/signer.db`, { readOnly: true });
    t.after(() => database.close());
    // The two keys of the one published collection.
    assert.equal(database.prepare("SELECT count(*) AS n FROM private_keys").get()?.["n"], 2);
  });
});

describe("hostile names", () => {
  it("I9: a refusal that cannot be written as a header does not end the server", async (t) => {
    const server = await serve(t, {
      authorise: async ({ gun: name }) =>
        name === gun
          ? { allowed: true }
          : { allowed: false, challenge: `Bearer realm="x",scope="repository:${name}:pull"` },
    });
    await new UploadingPublisher(server.url, gun).begin();
    const status = await fetch(
      `${server.url}/v2/registry.example/${encodeURIComponent("\u{1F512}")}/_trust/tuf/root.json`,
    )
      .then(({ status: answered }) => answered)
      .catch(() => "no answer");
    assert.ok(status === 401 || status === 500 || status === "no answer", String(status));
    await servesOn(server);
  });
});
