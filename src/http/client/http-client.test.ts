import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { getText, refusal, storyClient } from "../../../test/support/story-client.ts";
import { drip, reply, startStory } from "../../../test/support/story-server.ts";
import { createThrowawayTls } from "../../sandbox/throwaway-tls.ts";
import { hasCode } from "../../errors.ts";
import type { RepeatableBody } from "./http-request.ts";

const now = new Date();
const tls = createThrowawayTls(now);
const otherTls = createThrowawayTls(now);
const serverTls = { cert: tls.certificate, key: tls.key };
const impatient = { timeouts: { patienceMs: 250, minBytes: 100 } };

test("sends its user agent, reuses its connection, and reads a gzip body", async (t) => {
  const server = await startStory(t, (_request, response) =>
    reply(response, 200, gzipSync("hello"), { "content-encoding": "gzip" }),
  );
  const http = storyClient(t);
  for (let turn = 0; turn < 3; turn++)
    assert.equal(await getText(http, server.url("/"), { acceptGzip: true }), "hello");
  assert.match(server.headers[0]?.["user-agent"] ?? "", /^Tagseal\/\d+\.\d+\.\d+/);
  assert.equal(server.headers[0]?.connection, "keep-alive");
});

test("a kept connection that the server closed in the meantime is not an error", async (t) => {
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    let requests = 0;
    socket.on("data", () => {
      // answers once, then hangs up on the second request of the same connection
      if (++requests > 1) socket.destroy();
      else socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: keep-alive\r\n\r\nok");
    });
    socket.on("error", () => socket.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const http = storyClient(t);
  for (let turn = 0; turn < 3; turn++) assert.equal(await getText(http, new URL(`http://127.0.0.1:${port}/`)), "ok");
  assert.equal(connections, 3);
});

test("I1: gives up on a silent server and names the server and what was awaited", async (t) => {
  const server = await startStory(t, () => undefined);
  const startedAt = performance.now();
  await refusal(
    getText(storyClient(t, impatient), server.url("/timestamp.json")),
    "NETWORK_TIMEOUT",
    new RegExp(`${server.host}.*waiting for the answer`),
  );
  assert.ok(performance.now() - startedAt < 2_000);
});

test("I1: the default patience is under ten seconds", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const server = await startStory(t, () => undefined);
  const outcome = refusal(getText(storyClient(t), server.url("/")), "NETWORK_TIMEOUT");
  while (server.seen.length === 0) await new Promise((resolve) => setImmediate(resolve));
  t.mock.timers.tick(9_900);
  await outcome;
});

test("I1: gives up on a server that never finishes its TLS handshake", async (t) => {
  const server = createServer((socket) => socket.on("error", () => socket.destroy()));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  await refusal(
    getText(storyClient(t, impatient), new URL(`https://127.0.0.1:${port}/`)),
    "NETWORK_TIMEOUT",
    /TLS handshake|the answer/,
  );
});

test("I1: gives up on a server that sends its body, or its headers, too slowly", async (t) => {
  const server = await startStory(t, (request, response) => {
    if (request.url === "/body") {
      response.writeHead(200);
      return drip(response);
    }
    const timer = setInterval(() => response.socket?.write("X"), 20);
    response.socket?.on("close", () => clearInterval(timer));
    response.socket?.write("HTTP/1.1 200 OK\r\nX-Slow: ");
  });
  const http = storyClient(t, impatient);
  await refusal(getText(http, server.url("/body")), "NETWORK_TIMEOUT", /more of the body/);
  await refusal(getText(http, server.url("/headers")), "NETWORK_TIMEOUT", /the answer/);
});

test("a long but steady download is not cut, however long it takes", async (t) => {
  const server = await startStory(t, (_request, response) => {
    response.writeHead(200);
    let sent = 0;
    const timer = setInterval(() => {
      response.write("y".repeat(200));
      if (++sent === 40) {
        clearInterval(timer);
        response.end();
      }
    }, 20);
  });
  assert.equal((await getText(storyClient(t, impatient), server.url("/"))).length, 8_000);
});

test("a slow local reader does not count against the server", async (t) => {
  const server = await startStory(t, (_request, response) => reply(response, 200, "z".repeat(300_000)));
  const response = await storyClient(t, impatient).request({ method: "GET", url: server.url("/") });
  let length = 0;
  for await (const chunk of response.body) {
    length += chunk.length;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.equal(length, 300_000);
});

test("I1: an endless body ends at its limit", async (t) => {
  const server = await startStory(t, (_request, response) => {
    const more = (): void => {
      while (!response.destroyed && response.write(Buffer.alloc(64 * 1024)));
    };
    response.on("drain", more);
    more();
  });
  const response = await storyClient(t).request({ method: "GET", url: server.url("/") });
  await refusal(response.bytes(1_000_000), "RESPONSE_TOO_LARGE");
});

test("I1: a body announced as too large is not read at all", async (t) => {
  const server = await startStory(t, (_request, response) => reply(response, 200, "12345"));
  const response = await storyClient(t).request({ method: "GET", url: server.url("/") });
  await refusal(response.bytes(4), "RESPONSE_TOO_LARGE");
});

test("I1: the limit applies after decompression: a zip bomb stops there", async (t) => {
  const bomb = gzipSync(Buffer.alloc(50 * 1024 * 1024));
  const server = await startStory(t, (_request, response) =>
    reply(response, 200, bomb, { "content-encoding": "gzip" }),
  );
  const before = process.memoryUsage().arrayBuffers;
  const response = await storyClient(t).request({ method: "GET", url: server.url("/"), acceptGzip: true });
  await refusal(response.bytes(1024 * 1024), "RESPONSE_TOO_LARGE");
  assert.ok(process.memoryUsage().arrayBuffers - before < 20 * 1024 * 1024);
});

test("refuses unrequested compression, and broken gzip", async (t) => {
  const server = await startStory(t, (request, response) =>
    reply(response, 200, "not gzip", { "content-encoding": request.url === "/br" ? "br" : "gzip" }),
  );
  const http = storyClient(t);
  await refusal(getText(http, server.url("/gzip")), "RESPONSE_MALFORMED");
  await refusal(getText(http, server.url("/br"), { acceptGzip: true }), "RESPONSE_MALFORMED");
  await refusal(getText(http, server.url("/gzip"), { acceptGzip: true }), "RESPONSE_MALFORMED");
});

test("I1: endless headers are refused", async (t) => {
  const server = await startStory(t, (_request, response) =>
    reply(response, 200, "", { "x-huge": "h".repeat(100_000) }),
  );
  await refusal(getText(storyClient(t), server.url("/")), "RESPONSE_TOO_LARGE", /headers/);
});

test("an answer that is not HTTP is reported as that", async (t) => {
  const server = createServer((socket) => socket.end("220 mail.example.com ESMTP\r\n"));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  await refusal(getText(storyClient(t), new URL(`http://127.0.0.1:${port}/`)), "RESPONSE_MALFORMED", /not HTTP/);
});

test("a body cut off before its announced end is an error, not a short body", async (t) => {
  const server = await startStory(t, (_request, response) => {
    response.writeHead(200, { "content-length": "1000" });
    response.write("half");
    setImmediate(() => response.socket?.destroy());
  });
  await refusal(getText(storyClient(t), server.url("/")), "NETWORK_UNREACHABLE");
});

test("an abort signal ends waiting for an answer, and reading a body, at once", async (t) => {
  const server = await startStory(t, (request, response) => {
    if (request.url === "/body") response.writeHead(200).write("begun");
  });
  const http = storyClient(t);
  const waiting = new AbortController();
  const silent = refusal(getText(http, server.url("/"), { signal: waiting.signal }), "CANCELLED");
  setTimeout(() => waiting.abort(), 20);
  await silent;
  const reading = new AbortController();
  const response = await http.request({ method: "GET", url: server.url("/body"), signal: reading.signal });
  setTimeout(() => reading.abort(), 20);
  await refusal(response.bytes(1_000), "CANCELLED");
  await refusal(getText(http, server.url("/"), { signal: AbortSignal.abort() }), "CANCELLED");
});

test("I9: plain HTTP is for loopback and configured hosts only", async (t) => {
  const http = storyClient(t, { allowPlainHttp: (host) => host === "insecure.invalid:5000" });
  await refusal(getText(http, new URL("http://registry.invalid/")), "NETWORK_UNREACHABLE", /not https/);
  await refusal(
    getText(http, new URL("http://insecure.invalid:5000/")),
    "NETWORK_UNREACHABLE",
    /no such host|looked up/,
  );
});

test("an unknown authority is refused, with the path for its certificate; a known one is accepted", async (t) => {
  const server = await startStory(t, (_request, response) => reply(response, 200, "secure"), { tls: serverTls });
  await assert.rejects(getText(storyClient(t), server.url("/")), (error) => {
    assert.ok(hasCode(error, "TLS_UNTRUSTED"));
    assert.match(error.hint ?? "", new RegExp(`certs.d/${server.host}/ca.crt`));
    return true;
  });
  await refusal(getText(storyClient(t, { tls: { ca: [otherTls.caCertificate] } }), server.url("/")), "TLS_UNTRUSTED");
  assert.equal(
    await getText(storyClient(t, { tls: { ca: [otherTls.caCertificate, tls.caCertificate] } }), server.url("/")),
    "secure",
  );
  assert.equal(await getText(storyClient(t, { tls: { insecure: true } }), server.url("/")), "secure");
});

test("a certificate for another name is refused", async (t) => {
  const server = await startStory(t, (_, response) => reply(response, 200), { tls: serverTls, host: "127.0.0.2" });
  const http = storyClient(t, { tls: { ca: [tls.caCertificate] } });
  await refusal(getText(http, server.url("/")), "TLS_UNTRUSTED", /another name/);
});

// The executable's runtime has no client certificates on the side of the server.
test("errors keep user names, passwords and queries out of their text", async (t) => {
  const url = new URL("http://me:secret@127.0.0.1:1/path?token=secret#secret");
  await assert.rejects(getText(storyClient(t), url), (error) => {
    assert.ok(hasCode(error, "NETWORK_UNREACHABLE"));
    assert.doesNotMatch(error.message + (error.hint ?? ""), /secret/);
    assert.match(error.message, /127\.0\.0\.1:1.*connection refused/);
    return true;
  });
});

test("sends a body in a stream, and stops at an early refusal", async (t) => {
  const server = await startStory(t, (request, response) => {
    if (request.url === "/early") return reply(response, 413, "too much");
    let received = 0;
    request.on("data", (chunk: Buffer) => (received += chunk.length));
    request.on("end", () => reply(response, 200, String(received)));
    return undefined;
  });
  const parts = (count: number): RepeatableBody => ({
    bytes: count * 100_000,
    async *open() {
      for (let part = 0; part < count; part++) yield Buffer.alloc(100_000);
    },
  });
  const http = storyClient(t);
  const accepted = await http.request({ method: "PUT", url: server.url("/"), body: parts(3) });
  assert.equal(Buffer.from(await accepted.bytes(100)).toString(), "300000");
  const refused = await http.request({ method: "PUT", url: server.url("/early"), body: parts(1_000) });
  assert.equal(refused.status, 413);
  refused.discard();
});

test("I1: gives up on a server that stops reading what it is sent", async (t) => {
  const server = await startStory(t, (request) => request.pause());
  const body = Buffer.alloc(30_000_000);
  await refusal(
    storyClient(t, impatient).request({ method: "PUT", url: server.url("/"), body }),
    "NETWORK_TIMEOUT",
    /to be taken/,
  );
});
