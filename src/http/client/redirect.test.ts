import assert from "node:assert/strict";
import { test } from "node:test";
import { getText, refusal, storyClient } from "../../../test/support/story-client.ts";
import { reply, startStory } from "../../../test/support/story-server.ts";
import { createThrowawayTls } from "../../sandbox/throwaway-tls.ts";
import { canFetch } from "./fetch-runtime.ts";

const tls = createThrowawayTls(new Date());
const serverTls = { cert: tls.certificate, key: tls.key };

test("I9: a redirect to another origin carries no credentials, one within the origin keeps them", async (t) => {
  const elsewhere = await startStory(t, (_request, response) => reply(response, 200, "elsewhere"));
  const server = await startStory(t, (request, response) => {
    if (request.url === "/away") return reply(response, 307, "", { location: `${elsewhere.origin}/stolen` });
    if (request.url === "/here") return reply(response, 302, "", { location: "/there" });
    return reply(response, 200, "here");
  });
  const http = storyClient(t);
  const headers = {
    authorization: "Bearer secret",
    cookie: "a=b",
    "x-api-key": "secret",
    accept: "text/plain",
    range: "bytes=0-",
  };
  assert.equal(await getText(http, server.url("/away"), { headers }), "elsewhere");
  const received = elsewhere.headers[0] ?? {};
  assert.deepEqual([received.authorization, received.cookie, received["x-api-key"]], [undefined, undefined, undefined]);
  assert.equal(received.accept, "text/plain");
  assert.equal(received.range, "bytes=0-");
  assert.equal(await getText(http, server.url("/here"), { headers }), "here");
  assert.equal(server.headers.at(-1)?.authorization, "Bearer secret");
});

test("I9: credentials are not sent again after a redirect through another origin", async (t) => {
  let home = "";
  const detour = await startStory(t, (_request, response) => reply(response, 302, "", { location: `${home}/end` }));
  const server = await startStory(t, (request, response) =>
    request.url === "/end" ? reply(response, 200, "end") : reply(response, 302, "", { location: detour.origin }),
  );
  home = server.origin;
  assert.equal(await getText(storyClient(t), server.url("/"), { headers: { authorization: "Bearer secret" } }), "end");
  assert.equal(server.headers.at(-1)?.authorization, undefined);
});

test("I9: never from https to http, never beyond five redirects, never to a file or with a user name", async (t) => {
  const plain = await startStory(t, (_request, response) => reply(response, 200, "plain"));
  const targets: Record<string, string> = {
    "/down": `${plain.origin}/`,
    "/file": "file:///etc/passwd",
    "/user": "https://me:secret@127.0.0.1/",
    "/loop": "/loop",
  };
  const server = await startStory(
    t,
    (request, response) => reply(response, 301, "", { location: targets[request.url ?? ""] ?? "" }),
    { tls: serverTls },
  );
  const http = storyClient(t, { tls: { ca: [tls.caCertificate] } });
  for (const path of Object.keys(targets)) await refusal(getText(http, server.url(path)), "REDIRECT_REFUSED");
  assert.deepEqual(plain.seen, []);
  await assert.rejects(getText(http, server.url("/user")), (error) => !String(error).includes("secret"));
});

test("I9: a request with a body is redirected only where its sender allows it", async (t) => {
  const server = await startStory(t, (_request, response) => reply(response, 307, "", { location: "/other" }));
  const post = storyClient(t).request({ method: "POST", url: server.url("/v2/"), body: Buffer.from("x") });
  await refusal(post, "REDIRECT_REFUSED");
  assert.equal(server.seen.length, 1);
});

test("I9: a client certificate is sent to its host, not to the target of a redirect", { skip: canFetch }, async (t) => {
  const asking = { ...serverTls, ca: tls.caCertificate, requestCert: true, rejectUnauthorized: false };
  const shown: boolean[] = [];
  const note = (socket: object): void => {
    shown.push(
      "getPeerCertificate" in socket &&
        typeof socket.getPeerCertificate === "function" &&
        Object.keys(Object(socket.getPeerCertificate())).length > 0,
    );
  };
  const elsewhere = await startStory(t, (request, response) => (note(request.socket), reply(response, 200, "done")), {
    tls: asking,
  });
  const server = await startStory(
    t,
    (request, response) => (note(request.socket), reply(response, 302, "", { location: elsewhere.origin })),
    { tls: asking },
  );
  const http = storyClient(t, { tls: { ca: [tls.caCertificate], cert: tls.certificate, key: tls.key } });
  assert.equal(await getText(http, server.url("/")), "done");
  assert.deepEqual(shown, [true, false]);
});

test("I9: a request that may be sent again keeps its method and body, and loses its credentials on another origin", async (t) => {
  const bodies: string[] = [];
  const other = await startStory(t, (request, response) => {
    request.on("data", (chunk: Buffer) => bodies.push(`${request.method} ${chunk.toString()}`));
    request.on("end", () => reply(response, 201));
  });
  let status = 307;
  const server = await startStory(t, (request, response) => {
    request.resume();
    reply(response, status, "", { location: request.url === "/here" ? "/there" : `${other.origin}/x?a=b` });
  });
  const headers = { authorization: "Bearer secret", "content-type": "text/plain", cookie: "secret" };
  const send = async (path: string): Promise<number> => {
    const body = Buffer.from("bytes");
    const request = { method: "PATCH", url: server.url(path), headers, body, resend: true } as const;
    const response = await storyClient(t).request(request);
    response.discard();
    return response.status;
  };
  for (status of [307, 308]) assert.equal(await send("/here"), 201);
  assert.deepEqual(bodies, ["PATCH bytes", "PATCH bytes"]);
  assert.deepEqual(
    [server.headers[1], other.headers[0]].map((seen) => [seen?.authorization, seen?.cookie, seen?.["content-type"]]),
    [
      ["Bearer secret", "secret", "text/plain"],
      [undefined, undefined, "text/plain"],
    ],
  );
  for (status of [301, 302, 303]) await refusal(send("/here"), "REDIRECT_REFUSED");
});
