import assert from "node:assert/strict";
import { connect } from "node:net";
import type { ServerResponse } from "node:http";
import { afterEach, describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { gatewayStory, type StoryGateway } from "../support/gateway-story.ts";
import { waitUntil } from "../support/processes.ts";
import { alice, basic, type PushDoor, pushGateway, withPasswords } from "../support/push-story.ts";
import { contentOf } from "../support/registry-story.ts";
import { mediaTypes } from "../../src/registry/manifest.ts";
import { drip } from "../support/story-server.ts";
import { UploadSeal } from "../../src/gateway/pushes/upload-seal.ts";

const story = gatewayStory();
const patience = { timeouts: { patienceMs: 1_500, minBytes: 1_000 } };
const uploads = "evil/app/blobs/uploads/";
const post = { method: "POST" } as const;

/** What comes back to a client that writes its requests itself, until the connection ends, or the client ends it. */
function sendRaw(
  gateway: StoryGateway,
  bytes: string,
  ends: "by itself" | "when answered" = "by itself",
): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const socket = connect(Number(new URL(gateway.url).port), "127.0.0.1");
  let answer = "";
  socket.setTimeout(10_000, () => socket.destroy());
  socket.on("data", (chunk) => {
    answer += chunk.toString("latin1");
    if (ends === "when answered") socket.destroy();
  });
  socket.on("error", () => undefined);
  socket.on("close", () => resolve(answer));
  socket.write(bytes);
  return promise;
}

function statuses(reply: string): number[] {
  return [...reply.matchAll(/^HTTP\/1\.1 (\d{3}) /gmu)].map(([, code]) => Number(code));
}

async function begun(door: PushDoor): Promise<string> {
  const answer = await door.push(uploads, post);
  return (answer.headers.get("location") ?? assert.fail(await answer.text())).slice("/v2/".length);
}

describe("hostile publishers of a gateway", () => {
  afterEach(() => (story.registry.hooks.intercept = undefined));

  it("I10: have it ask for no other place at the registry: a location is forged, another repository's, or a path", async () => {
    const seen = withPasswords(story);
    const door = await pushGateway(story);
    const path = await begun(door);
    const id = path.slice(uploads.length);
    const sealed = Buffer.from(id, "base64url");
    const changed = (at: number): string => {
      const bytes = Buffer.from(sealed);
      bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
      return bytes.toString("base64url");
    };
    const name = { registry: story.registry.host, repository: "evil/app" };
    const before = seen.length;
    for (const attempt of [
      `${uploads}v2-other-app`,
      `${uploads}${changed(0)}`,
      `${uploads}${changed(sealed.length >> 1)}`,
      `${uploads}${changed(sealed.length - 1)}`,
      `${uploads}${sealed.subarray(0, -1).toString("base64url")}`,
      `${uploads}${new UploadSeal(() => Buffer.alloc(32)).seal(name, "/v2/other/app/manifests/v1")}`,
      `other/app/blobs/uploads/${id}`,
    ])
      for (const method of ["PATCH", "PUT", "GET", "DELETE"]) {
        const answer = await door.push(`${attempt}?digest=sha256:${"0".repeat(64)}`, { method });
        assert.equal(answer.status, 404, `${method} ${attempt}`);
      }
    const raw = async (target: string): Promise<number[]> =>
      statuses(
        await sendRaw(
          door,
          `PUT ${target} HTTP/1.1\r\nHost: x\r\nAuthorization: ${alice}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
        ),
      );
    for (const target of [
      `/v2/${uploads}../../../other/app/manifests/v1`,
      `/v2/${uploads}..%2f..%2fother`,
      `/v2/evil/../other/app/manifests/v1`,
      `/v2/evil%2fapp/manifests/v1`,
      `http://${story.registry.host}/v2/other/app/manifests/v1`,
    ]) {
      const [status = 0] = await raw(target);
      assert.ok(status >= 400 && status < 500, target);
    }
    // that the login may push there was asked, and nothing else
    const asked = seen.slice(before).map(({ method, path: at }) => `${method} ${at}`);
    assert.deepEqual(
      asked.filter((line) => !/^(?:GET \/v2\/|(?:POST|DELETE) \/v2\/other\/app\/blobs\/uploads\/[\w-]*)$/u.test(line)),
      [],
    );
  });

  it("smuggle no second request, and no header", async () => {
    const seen = withPasswords(story);
    const door = await pushGateway(story);
    const path = await begun(door);
    const from = seen.length;
    const hidden = `PUT /v2/evil/app/manifests/v1 HTTP/1.1\r\nHost: x\r\nAuthorization: ${alice}\r\nContent-Length: 2\r\n\r\n{}`;
    const head = `PATCH /v2/${path} HTTP/1.1\r\nHost: x\r\nAuthorization: ${alice}\r\n`;
    for (const [what, bytes] of Object.entries({
      both: `${head}Content-Length: ${hidden.length}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`,
      twoLengths: `${head}Content-Length: 0\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}`,
      twoCodings: `${head}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n${hidden}`,
      brokenChunk: `${head}Transfer-Encoding: chunked\r\n\r\nzz\r\n${hidden}`,
      negative: `${head}Content-Length: -1\r\n\r\n${hidden}`,
    })) {
      const found = statuses(await sendRaw(door, bytes));
      assert.ok(found.length <= 1 && found.every((status) => status === 400), `${what}: ${found.join(" ")}`);
    }
    const more =
      "X-Forwarded-For: 1.2.3.4\r\nCookie: a=b\r\nX-Original-URL: /other\r\nContent-Encoding: gzip\r\nConnection: close\r\n";
    assert.deepEqual(statuses(await sendRaw(door, `${head}${more}Content-Length: 3\r\n\r\nabc`)), [202]);
    assert.ok(seen.slice(from).every(({ path: at }) => !at.includes("manifests")));
    const sent = seen.findLast(({ method }) => method === "PATCH");
    assert.deepEqual(
      Object.keys(sent?.headers ?? {}).filter((name) => !["host", "connection", "content-length"].includes(name)),
      ["user-agent", "accept-encoding", "content-type", "authorization"],
    );
    for (const range of ["bytes=0-5", "0-5, 7-9", "-5", "0-99999999999999999999"])
      assert.equal(
        (await door.push(path, { method: "PATCH", body: "abc", headers: { "content-range": range } })).status,
        416,
      );
  });

  it("store no manifest beyond the bound, of another digest, or with a type that is none", async () => {
    const seen = withPasswords(story);
    const door = await pushGateway(story);
    const put = async (init: RequestInit, tag = "v1"): Promise<number> =>
      (await door.push(`evil/app/manifests/${tag}`, { method: "PUT", duplex: "half", ...init })).status;
    const large = Buffer.alloc(4 * 1024 * 1024 + 1, 32);
    assert.equal(await put({ body: large }), 413);
    const stream = new ReadableStream({
      start(controller) {
        for (let at = 0; at < large.length; at += 65_536) controller.enqueue(large.subarray(at, at + 65_536));
        controller.close();
      },
    });
    assert.equal(await put({ body: stream }), 413);
    assert.equal(await put({ body: "{}" }, `sha256:${"0".repeat(64)}`), 400);
    assert.equal(await put({ body: "{}" }, "sha256:0"), 400);
    assert.equal(await put({ body: "{}", headers: { "content-type": "text/html, x" } }), 400);
    assert.deepEqual(
      seen.filter(({ method }) => method === "PUT"),
      [],
    );
  });

  it("I10: guess no password by HEAD, where the registry lets everybody read", async () => {
    const shown: (string | undefined)[] = [];
    story.registry.hooks.intercept = ({ method, headers: { authorization } }, response) => {
      if (method === "GET" || method === "HEAD") return false;
      if (authorization === alice) return false;
      shown.push(authorization);
      response.writeHead(401, { "www-authenticate": 'Basic realm="registry"' }).end();
      return true;
    };
    const door = await pushGateway(story);
    const put = { method: "PUT", body: JSON.stringify({ schemaVersion: 2, manifests: [] }) };
    const headers = { "content-type": mediaTypes.ociIndex };
    assert.equal((await door.push("evil/app/manifests/unsigned", { ...put, headers })).status, 201);
    const head = async (password: string): Promise<number> =>
      (await door.push("evil/app/manifests/unsigned", { method: "HEAD" }, basic("alice", password))).status;
    const guesses = Array.from({ length: 25 }, async (_, at) => await head(`guess ${at}`));
    assert.deepEqual(new Set(await Promise.all(guesses)), new Set([403]));
    assert.equal(shown.filter((each) => each !== undefined).length, 10);
    assert.equal(await head("right"), 404, "who has pushed is known");
  });

  it("who send too slowly, or go away, leave nothing that counts as whole", async () => {
    const endings: (number | undefined)[] = [];
    let begunAtRegistry = 0;
    withPasswords(story, (request) => {
      if (request.method !== "PATCH") return false;
      let bytes = 0;
      begunAtRegistry += 1;
      request.on("data", (piece: Buffer) => (bytes += piece.length));
      request.on("error", () => undefined);
      request.on("close", () => endings.push(request.complete ? bytes : undefined));
      return true;
    });
    const door = await pushGateway(story, { pace: { windowMs: 300, minBytes: 1_000 } });
    const head = `PATCH /v2/${await begun(door)} HTTP/1.1\r\nHost: x\r\nAuthorization: ${alice}\r\n`;
    for (const body of ["Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n", "Content-Length: 100\r\n\r\nabcde"])
      assert.deepEqual(statuses(await sendRaw(door, `${head}${body}`, "when answered")), [400]);
    const gone = connect(Number(new URL(door.url).port), "127.0.0.1");
    gone.write(`${head}Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n`);
    await waitUntil("the registry is asked the third time", () => begunAtRegistry === 3, 10_000);
    gone.destroy();
    await waitUntil("the registry sees three ends", () => endings.length === 3, 10_000);
    assert.deepEqual(endings, [undefined, undefined, undefined]);
    const cutOff = door.lines.filter(({ event, reason }) => event === "push refused" && reason === "CANCELLED");
    assert.equal(cutOff.length, 3);
  });
});

describe("hostile registries behind a gateway that passes pushes on", () => {
  afterEach(() => (story.registry.hooks.intercept = undefined));

  for (const [what, location] of Object.entries({
    "another host": "https://evil.example.com/v2/x",
    "another port": "http://127.0.0.1:9/v2/x",
    "a host by two slashes": "//evil.example.com/v2/x",
    "another user": "http://user:password@127.0.0.1/v2/x",
    "a scheme that is none": "file:///etc/passwd",
    "no end": `/v2/${"x".repeat(5_000)}`,
  }))
    it(`I10: follow a location of an upload to ${what} at no time`, async () => {
      const seen = withPasswords(story, ({ method }, response) => {
        if (method !== "POST") return false;
        response.writeHead(202, { location }).end();
        return true;
      });
      const door = await pushGateway(story);
      const answer = await door.push(uploads, post);
      assert.equal(answer.status, 502, await answer.text());
      assert.deepEqual(
        seen.filter(({ method }) => method !== "POST" && method !== "GET"),
        [],
      );
    });

  it("I10: a path that would be another host by itself stays at the registry", async () => {
    const seen = withPasswords(story, ({ method, url }, response) => {
      if (method === "POST")
        response.writeHead(202, { location: `http://${story.registry.host}//evil.example.com/up?a=%2F&b` }).end();
      if (url?.startsWith("//evil") === true) response.writeHead(204).end();
      return method === "POST" || url?.startsWith("//evil") === true;
    });
    const door = await pushGateway(story);
    assert.equal((await door.push(await begun(door), { method: "DELETE" })).status, 204);
    assert.equal(seen.at(-1)?.path, "//evil.example.com/up?a=%2F&b", "exactly as the registry wrote it");
  });

  const endless: readonly (readonly [string, number, (response: ServerResponse) => void])[] = [
    [
      "an answer without end",
      202,
      (response) => {
        response.writeHead(202, { location: "/v2/evil/app/blobs/uploads/x" });
        drip(response, 1);
      },
    ],
    [
      "an endless error",
      400,
      (response) => {
        response.writeHead(400, { "content-type": "application/json" });
        const timer = setInterval(() => response.write(Buffer.alloc(65_536, 32)), 1);
        response.on("close", () => clearInterval(timer));
      },
    ],
    ["a redirect", 502, (response) => response.writeHead(307, { location: "http://127.0.0.1:9/other" }).end()],
  ];
  for (const [what, expected, answer] of endless)
    it(`end in a clear answer: ${what}`, async () => {
      let isHostile = false;
      withPasswords(story, (request, response) => {
        if (!isHostile || request.method === "GET") return false;
        request.resume();
        answer(response);
        return true;
      });
      const door = await pushGateway(story, {}, patience);
      const path = await begun(door);
      isHostile = true;
      const started = performance.now();
      const { status } = await door.push(path, { method: "PATCH", body: "abc" });
      assert.equal(status, expected);
      assert.ok(performance.now() - started < 5_000);
    });

  it("a registry that stored another manifest is not believed", async () => {
    withPasswords(story, ({ method }, response) => {
      if (method !== "PUT") return false;
      response.writeHead(201, { "docker-content-digest": contentOf("another").descriptor.digest }).end();
      return true;
    });
    const door = await pushGateway(story);
    const answer = await door.push("evil/app/manifests/v1", { method: "PUT", body: "{}" });
    assert.equal(answer.status, 502);
    assert.equal(
      door.lines.some(({ event }) => event === "pushed"),
      false,
    );
  });

  it("a registry that takes nothing has the client wait: the gateway holds little of what it sends", async () => {
    withPasswords(story, ({ method }) => method === "PATCH");
    const door = await pushGateway(story);
    const path = await begun(door);
    const socket = connect(Number(new URL(door.url).port), "127.0.0.1").on("error", () => undefined);
    socket.write(
      `PATCH /v2/${path} HTTP/1.1\r\nHost: x\r\nAuthorization: ${alice}\r\nContent-Length: ${2 ** 40}\r\n\r\n`,
    );
    const before = process.memoryUsage().arrayBuffers;
    const piece = Buffer.alloc(65_536);
    let sent = 0;
    for (let since = Date.now(); Date.now() - since < 1_000;)
      if (socket.writableLength > 0) await pause(20);
      else {
        socket.write(piece);
        sent += piece.length;
        since = Date.now();
      }
    const held = process.memoryUsage().arrayBuffers - before;
    socket.destroy();
    // most of it is in buffers of the system, for both connections
    assert.ok(sent > piece.length && sent < 64 * 1024 * 1024, `${sent} bytes were taken`);
    assert.ok(held < 8 * 1024 * 1024, `${held} bytes are held`);
  });

  it("why a registry refuses an upload reaches its publisher, who still sends", async () => {
    const stop = new AbortController();
    withPasswords(story, ({ method }, response) => {
      if (method !== "PATCH") return false;
      const body = JSON.stringify({ errors: [{ code: "DENIED", message: "the project is full" }] });
      response.writeHead(403, { "content-length": body.length }).flushHeaders();
      setTimeout(() => response.end(body), 50);
      return true;
    });
    const door = await pushGateway(story);
    const body = new ReadableStream({
      async pull(controller) {
        await pause(20);
        if (stop.signal.aborted) controller.close();
        else controller.enqueue(Buffer.alloc(65_536));
      },
    });
    const path = await begun(door);
    setTimeout(() => stop.abort(), 500);
    const answer = await door.push(path, { method: "PATCH", body, duplex: "half" });
    assert.equal(answer.status, 403);
    assert.match(await answer.text(), /the project is full/u);
  });

  it("a login that ends in the middle is 401, and the body is not sent again", async () => {
    let patches = 0;
    withPasswords(story, (request, response) => {
      if (request.method !== "PATCH") return false;
      patches += 1;
      request.resume();
      response.writeHead(401, { "www-authenticate": 'Basic realm="registry"' }).end();
      return true;
    });
    const door = await pushGateway(story);
    const answer = await door.push(await begun(door), { method: "PATCH", body: "abc" });
    assert.deepEqual([answer.status, patches], [401, 1]);
  });
});
