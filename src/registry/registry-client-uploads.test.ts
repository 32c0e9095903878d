import assert from "node:assert/strict";
import { test } from "node:test";
import {
  clientOf,
  contentOf,
  embeddedRegistry,
  gathered,
  manifestBytes,
  refusal,
} from "../../test/support/registry-story.ts";
import { reply, startStory } from "../../test/support/story-server.ts";
import { createThrowawayTls } from "../sandbox/throwaway-tls.ts";
import { mediaTypes } from "./manifest.ts";

const layer = contentOf("the layer's bytes");
const honest = manifestBytes(contentOf('{"os":"linux"}').descriptor, [layer.descriptor]);

test("an upload that loses its connection continues from what the registry acknowledged", async (t) => {
  const registry = await embeddedRegistry(t);
  const app = clientOf(t, registry);
  const blob = contentOf("0123456789".repeat(1_000));
  const requests: string[] = [];
  let cuts = 0;
  registry.hooks.intercept = (request) => {
    requests.push(`${request.method} ${request.headers["content-range"] ?? ""}`.trim());
    if (request.method !== "PATCH" || !request.headers["content-range"]?.startsWith("3000-") || cuts > 0) return false;
    cuts++;
    request.socket.destroy();
    return true;
  };
  assert.equal(await app.pushBlob(blob, { chunkBytes: 3_000 }), "uploaded");
  assert.deepEqual(requests.slice(-6), [
    "PATCH 0-2999",
    "PATCH 3000-5999",
    "GET",
    "PATCH 3000-5999",
    "PATCH 6000-8999",
    "PUT 9000-9999",
  ]);
  assert.equal((await gathered(app.blob(blob.descriptor))).length, 10_000);
});

test("an upload that the registry lost starts again, and fails when that keeps happening", async (t) => {
  const registry = await embeddedRegistry(t);
  const app = clientOf(t, registry);
  const blob = contentOf("0123456789".repeat(1_000));
  let forgets = 1;
  let starts = 0;
  registry.hooks.intercept = (request, response) => {
    if (request.method === "POST") starts++;
    const isChunk = request.method === "PATCH" && request.headers["content-range"]?.startsWith("3000-") === true;
    if (
      !(isChunk && forgets > 0) &&
      !(request.method === "GET" && forgets > 0 && request.url?.includes("uploads") === true)
    )
      return false;
    if (request.method === "GET") forgets--;
    request.resume();
    response.writeHead(404).end('{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN"}]}');
    return true;
  };
  assert.equal(await app.pushBlob(blob, { chunkBytes: 3_000 }), "uploaded");
  assert.equal(starts, 2);
  registry.hooks.intercept = (request, response) => {
    if (request.method !== "PATCH" && request.method !== "PUT") return false;
    request.resume();
    response.writeHead(404).end('{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN"}]}');
    return true;
  };
  await refusal(app.pushBlob(contentOf("x".repeat(9_000)), { chunkBytes: 3_000 }), "REGISTRY_NOT_FOUND");
});

test("I9: an upload redirected elsewhere has no credentials, even when asked; a downgrade is refused", async (t) => {
  const tls = createThrowawayTls(new Date());
  const serverTls = { cert: tls.certificate, key: tls.key };
  let location = "";
  const thief = await startStory(
    t,
    (_request, response) => reply(response, 401, "", { "www-authenticate": "Basic realm=x" }),
    { tls: serverTls },
  );
  const plain = await startStory(t, (_request, response) => reply(response, 201));
  const server = await startStory(
    t,
    (request, response) => {
      if (request.headers.authorization === undefined)
        return reply(response, 401, "", { "www-authenticate": "Basic realm=x" });
      return request.method === "POST" ? reply(response, 202, "", { location }) : reply(response, 404);
    },
    { tls: serverTls },
  );
  const app = clientOf(t, server, {
    tls: { ca: [tls.caCertificate] },
    credentials: () => Promise.resolve({ kind: "basic", username: "me", password: "secret" }),
  });
  location = `${thief.origin}/upload/1`;
  await refusal(app.pushBlob(layer), "AUTHENTICATION_REFUSED");
  assert.equal(thief.headers[0]?.authorization, undefined);
  assert.equal(thief.seen.length, 1);
  location = `${plain.origin}/upload/1`;
  await refusal(app.pushBlob(layer), "REDIRECT_REFUSED");
  assert.deepEqual(plain.seen, []);
});

test("I9: the waived check and the client certificate of a registry do not apply to hosts that it names", async (t) => {
  const tls = createThrowawayTls(new Date());
  const serverTls = { cert: tls.certificate, key: tls.key };
  const elsewhere = await startStory(t, (_request, response) => reply(response, 201), { tls: serverTls });
  let answer: "upload" | "token" = "upload";
  const server = await startStory(
    t,
    (request, response) => {
      if (answer === "token") {
        return reply(response, 401, "", { "www-authenticate": `Bearer realm="${elsewhere.origin}/token"` });
      }
      return request.method === "POST"
        ? reply(response, 202, "", { location: `${elsewhere.origin}/upload/1` })
        : reply(response, 404);
    },
    { tls: serverTls },
  );
  const insecure = { insecureRegistries: [server.host] };
  await refusal(clientOf(t, server, insecure).pushBlob(layer), "TLS_UNTRUSTED");
  answer = "token";
  await refusal(clientOf(t, server, insecure).manifest("1"), "TLS_UNTRUSTED");
  assert.deepEqual(elsewhere.seen, []);
});

test("a registry that stored other bytes than were pushed is detected", async (t) => {
  const server = await startStory(t, (request, response) => {
    request.resume();
    return reply(response, 201, "", { "docker-content-digest": layer.descriptor.digest });
  });
  await refusal(clientOf(t, server).pushManifest("1", honest, mediaTypes.ociManifest), "REGISTRY_DIGEST_MISMATCH");
});
