import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, test } from "node:test";
import { PrivateKey } from "../../crypto/private-key.ts";
import { encodeBase64 } from "../../encoding/base64.ts";
import { hasCode } from "../../errors.ts";
import { HttpClient } from "../../http/client/http-client.ts";
import { TrustServerClient } from "./trust-server-client.ts";

const gun = "reg.example.com:5000/team/app";
const http = new HttpClient({ timeouts: { patienceMs: 300, minBytes: 64 } });
const server = createServer((request, response) => answer(request, response));
let answer: (request: IncomingMessage, response: ServerResponse) => void;
let url: string;
before(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(() => {
  http.close();
  server.closeAllConnections();
  server.close();
});

function client(signal?: AbortSignal): TrustServerClient {
  const send = http.request.bind(http);
  return new TrustServerClient({ url, gun, send, ...(signal === undefined ? {} : { signal }) });
}

function answering(status: number, body: string | Uint8Array = ""): { seen: string[] } {
  const seen: string[] = [];
  answer = (request, response) => {
    seen.push(`${request.method} ${request.url}`);
    response.writeHead(status).end(body);
  };
  return { seen };
}

function errorBody(code: string, detail: unknown = {}): string {
  return `${JSON.stringify({ errors: [{ code, message: `about ${code}`, detail }] })}\n`;
}

async function failureOf(work: Promise<unknown>): Promise<{ code: string; message: string }> {
  return await work.then(
    () => ({ code: "none", message: "it succeeded" }),
    (error: { code: string; message: string }) => error,
  );
}

test("a refused login names the command that logs in", async () => {
  const send = http.request.bind(http);
  answering(403);
  const own = new TrustServerClient({ url, gun, send, login: "tagseal login r.example" });
  await rejects(own.fetch("root", 100), { code: "AUTHENTICATION_REFUSED", hint: /: tagseal login r\.example$/u });
  await rejects(client().fetch("root", 100), { hint: /: docker login$/u });
});

test("a read is one request, for exactly that file of that collection", async () => {
  const { seen } = answering(200, "bytes");
  deepEqual(Buffer.from(await client().fetch("targets/releases.ab12", 100)).toString(), "bytes");
  deepEqual(seen, [`GET /v2/${gun}/_trust/tuf/targets/releases.ab12.json`]);
});

test("what was asked for ahead is one request, for the next read alone", async () => {
  const { seen } = answering(200, "bytes");
  const ahead = client();
  ahead.fetchAhead("timestamp", 100);
  deepEqual(Buffer.from(await ahead.fetch("timestamp", 100)).toString(), "bytes");
  equal(seen.length, 1);
  await ahead.fetch("timestamp", 100);
  ahead.fetchAhead("timestamp", 100);
  await ahead.fetch("root", 100);
  await ahead.fetch("timestamp", 100);
  deepEqual(
    seen.map((line) => line.replace(/.*\//u, "")),
    ["timestamp.json", "timestamp.json", "timestamp.json", "root.json", "timestamp.json"],
  );
});

test("an answer that has waited is asked for again", async () => {
  const { seen } = answering(200, "bytes");
  const ahead = client();
  ahead.fetchAhead("timestamp", 100);
  await new Promise((resolve) => setTimeout(resolve, 250));
  await ahead.fetch("timestamp", 100);
  equal(seen.length, 2);
});

test("I1: what was asked for ahead is bounded, and fails where it is read", async () => {
  answering(200, "x".repeat(101));
  const ahead = client();
  ahead.fetchAhead("timestamp", 100);
  await new Promise((resolve) => setTimeout(resolve, 50));
  await rejects(ahead.fetch("timestamp", 1000), { code: "RESPONSE_TOO_LARGE" });
});

test("I1: an answer longer than allowed is refused, announced or not", async () => {
  answering(200, "x".repeat(101));
  await rejects(client().fetch("timestamp", 100), { code: "RESPONSE_TOO_LARGE" });
  answer = (_, response) => void response.writeHead(200).write("x".repeat(200), () => response.end("more"));
  await rejects(client().fetch("timestamp", 100), { code: "RESPONSE_TOO_LARGE" });
});

test("each status becomes an error that callers can act on, in the words of old clients", async () => {
  const cases = [
    [404, "METADATA_MISSING", "root trust data unavailable.  Has a notary repository been initialized?"],
    [401, "AUTHENTICATION_REFUSED", "you are not authorized to perform this operation: server returned 401."],
    [400, "TRUST_SERVER_REFUSED", "trust server rejected operation."],
    [500, "TRUST_SERVER_ERROR", "unable to reach trust server at this time: 500."],
    [503, "TRUST_SERVER_ERROR", "unable to reach trust server at this time: 503."],
    [204, "TRUST_SERVER_ERROR", "unable to reach trust server at this time: 204."],
  ] as const;
  for (const [status, code, message] of cases) {
    answering(status);
    const failure = await failureOf(client().fetch("root", 100));
    deepEqual([failure.code, failure.message], [code, message]);
  }
});

test("a publish sends every role in one request, slashes kept, and nothing else", async () => {
  let received = "";
  let type = "";
  answer = (request, response) => {
    type = request.headers["content-type"] ?? "";
    request.on("data", (chunk: Buffer) => (received += chunk.toString("latin1")));
    request.on("end", () => response.writeHead(200).end());
  };
  await client().publish(
    new Map([
      ["root", Buffer.from("R")],
      ["targets/releases", Buffer.from("T\r\n--")],
    ]),
  );
  const form = await new Response(Buffer.from(received, "latin1"), { headers: { "content-type": type } }).formData();
  const parts = await Promise.all(
    form.getAll("files").map(async (part) => (part instanceof File ? [part.name, await part.text()] : [])),
  );
  deepEqual(parts, [
    ["root", "R"],
    ["targets/releases", "T\r\n--"],
  ]);
});

test("a lost race for a version differs from a refusal", async () => {
  answering(400, errorBody("VERSION"));
  equal((await failureOf(client().publish(new Map()))).code, "PUBLISH_CONFLICT");
});

test("a refusal gives the server's reason, however long, in the words of old clients", async () => {
  const reason = `x${"y".repeat(900)}`;
  answering(400, errorBody("INVALID_UPDATE", { Name: "ErrBadTargets", Error: { Msg: reason } }));
  const failure = await failureOf(client().publish(new Map()));
  deepEqual([failure.code, failure.message], ["TRUST_SERVER_REFUSED", `The targets metadata is invalid: ${reason}`]);
});

test("a refusal without a known reason still shows the server's words", async () => {
  answering(400, errorBody("INVALID_GUN", "Require GUNs with prefix: [docker.io/]"));
  const { message } = await failureOf(client().publish(new Map()));
  equal(message, "trust server rejected operation. (INVALID_GUN: about INVALID_GUN)");
});

test("a server's words cannot control a terminal", async () => {
  answering(400, errorBody("INVALID_UPDATE", { Name: "ErrBadRoot", Error: { Msg: "\u001b[2Jgone\u202e" } }));
  const { message } = await failureOf(client().publish(new Map()));
  equal(message, "The root metadata is invalid: \u{FFFD}[2Jgone\u{FFFD}");
});

test("malformed or endless error bodies do not hide the status", async () => {
  for (const body of ["<html>", "[]", "{}", '{"errors":[]}', '{"errors":[{"code":1}]}', "x".repeat(100_000)]) {
    answering(400, body);
    equal((await failureOf(client().publish(new Map()))).code, "TRUST_SERVER_REFUSED", body.slice(0, 20));
  }
});

test("a server's key is read in either spelling; anything unusable is refused", async () => {
  const { publicKey } = PrivateKey.generate("ecdsa");
  const text = encodeBase64(publicKey.bytes);
  const { seen } = answering(200, `{"keytype":"ecdsa","keyval":{"public":"${text}","private":null}}`);
  equal((await client().getKey("timestamp")).keyId, publicKey.keyId);
  equal((await client().rotateKey("snapshot")).keyId, publicKey.keyId);
  deepEqual(seen, [`GET /v2/${gun}/_trust/tuf/timestamp.key`, `POST /v2/${gun}/_trust/tuf/snapshot.key`]);
  for (const body of [
    "",
    "{}",
    `{"keytype":"ecdsa","keyval":{"public":"AAAA"}}`,
    `{"keytype":"rot13","keyval":{"public":"${text}"}}`,
  ]) {
    answering(200, body);
    await rejects(client().getKey("timestamp"), { code: "RESPONSE_MALFORMED" }, body);
  }
});

test("a silent server times out", async () => {
  answer = () => undefined;
  await rejects(client().fetch("timestamp", 100), { code: "NETWORK_TIMEOUT" });
});

test("a very slow server times out", async () => {
  answer = (_, response) => {
    response.writeHead(200);
    const drip = setInterval(() => response.write("x"), 20);
    response.on("close", () => clearInterval(drip));
  };
  await rejects(client().fetch("timestamp", 1_000_000), { code: "NETWORK_TIMEOUT" });
});

test("an abort ends a request to a silent server at once", async () => {
  answer = () => undefined;
  const abort = new AbortController();
  const started = performance.now();
  setTimeout(() => abort.abort(), 20);
  await rejects(client(abort.signal).fetch("timestamp", 100), (error) => hasCode(error, "CANCELLED"));
  ok(performance.now() - started < 250);
});

test("I1: a compressed answer counts with its uncompressed size", async () => {
  const { gzipSync } = await import("node:zlib");
  answer = (_, response) => {
    response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync(Buffer.alloc(1_000_000)));
  };
  await rejects(client().fetch("snapshot.ab", 100_000), { code: "RESPONSE_TOO_LARGE" });
});

describe("a publication as a difference", () => {
  const list = (more: string): Buffer =>
    Buffer.from(Array.from({ length: 500 }, (_, at) => `${at}:${(at * 7919) ** 3}`).join() + more);
  const files = new Map([["targets", list("more")]]);
  const earlier = new Map([["targets", list("")]]);

  /** A server that announces the coding, and answers a publication that uses it with a status and a body. */
  async function published(announced: string | undefined, status: number, body = ""): Promise<string[]> {
    const seen: string[] = [];
    answer = (request, response) => {
      if (request.method === "GET") {
        response.writeHead(200, announced === undefined ? {} : { "accept-encoding": announced }).end("{}");
        return;
      }
      const coding = request.headers["content-encoding"] ?? "whole";
      seen.push(coding);
      request.resume().on("end", () => response.writeHead(coding === "whole" ? 200 : status).end(body));
    };
    const trust = client();
    await trust.fetch("timestamp", 100);
    await trust.publish(files, earlier).catch((error: { code: string }) => seen.push(error.code));
    return seen;
  }

  test("is sent to a server that announces it, and to no other", async () => {
    deepEqual(await published("dcz", 200), ["dcz"]);
    deepEqual(await published("gzip, DCZ", 200), ["dcz"]);
    for (const announced of [undefined, "gzip", "dczx", ""]) deepEqual(await published(announced, 200), ["whole"]);
  });

  test("is followed by the whole when the server has another file, or a proxy dropped the coding's name", async () => {
    deepEqual(await published("dcz", 415, errorBody("MALFORMED_UPLOAD")), ["dcz", "whole"]);
    deepEqual(await published("dcz", 400, errorBody("MALFORMED_UPLOAD")), ["dcz", "whole"]);
    deepEqual(await published("dcz", 400, "<html>"), ["dcz", "whole"]);
  });

  test("is not repeated when the publication itself was refused, or its outcome is unknown", async () => {
    deepEqual(await published("dcz", 400, errorBody("VERSION")), ["dcz", "PUBLISH_CONFLICT"]);
    deepEqual(await published("dcz", 400, errorBody("INVALID_UPDATE")), ["dcz", "TRUST_SERVER_REFUSED"]);
    deepEqual(await published("dcz", 503), ["dcz", "TRUST_SERVER_ERROR"]);
    deepEqual(await published("dcz", 403), ["dcz", "AUTHENTICATION_REFUSED"]);
  });
});
