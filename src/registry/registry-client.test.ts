import assert from "node:assert/strict";
import { test } from "node:test";
import {
  clientOf,
  contentOf,
  embeddedRegistry,
  gathered,
  manifestBytes,
  pushTinyImage,
  refusal,
} from "../../test/support/registry-story.ts";
import { drip, reply, startStory } from "../../test/support/story-server.ts";
import { temporaryDirectory } from "../../test/support/temporary-directory.ts";
import { startRegistry } from "../sandbox/registry/embedded-registry.ts";
import { createThrowawayTls } from "../sandbox/throwaway-tls.ts";
import { hasCode } from "../errors.ts";
import { describe, mediaTypes } from "./manifest.ts";
import { RegistryClient } from "./registry-client.ts";
import { RegistryError } from "./registry-error.ts";

const impatient = { timeouts: { patienceMs: 300, minBytes: 100 } };
const layer = contentOf("the layer's bytes");
const config = contentOf('{"os":"linux"}');
const honest = manifestBytes(config.descriptor, [layer.descriptor]);
const honestDescriptor = describe(honest, mediaTypes.ociManifest);

test("I5: a manifest requested by digest has that digest, or is refused", async (t) => {
  const registry = await embeddedRegistry(t);
  const app = clientOf(t, registry);
  const signed = await pushTinyImage(app, "1", "honest");
  const other = await pushTinyImage(app, "2", "other");
  const swapped = await app.manifest(other.digest);
  registry.hooks.manifest = ({ stored }) => stored && { ...stored, bytes: swapped.bytes };
  const error = await refusal(app.manifest(signed.digest), "REGISTRY_DIGEST_MISMATCH");
  assert.match(error.message, new RegExp(`expected ${signed.digest}.*got ${other.digest}`));
});

test("I5: a tag whose announced digest is not its bytes' is refused", async (t) => {
  const registry = await embeddedRegistry(t);
  const app = clientOf(t, registry);
  const first = await pushTinyImage(app, "1", "first");
  await pushTinyImage(app, "2", "second");
  registry.hooks.manifest = ({ stored }) => stored && { ...stored, digest: first.digest };
  await refusal(app.manifest("2"), "REGISTRY_DIGEST_MISMATCH");
});

test("I5: size and media type of a descriptor must match too", async (t) => {
  const app = clientOf(t, await embeddedRegistry(t));
  const pushed = await pushTinyImage(app, "1", "one");
  await refusal(app.manifest({ ...pushed, size: pushed.size + 1 }), "REGISTRY_DIGEST_MISMATCH");
  await refusal(app.manifest({ ...pushed, mediaType: mediaTypes.ociIndex }), "IMAGE_MALFORMED");
  assert.equal((await app.manifest(pushed)).descriptor.digest, pushed.digest);
});

test("I1: an endless manifest, or one of megabytes, is refused", async (t) => {
  const server = await startStory(t, (request, response) => {
    if (request.url === "/v2/") return reply(response, 200, "{}");
    response.writeHead(200, { "content-type": mediaTypes.ociManifest });
    const more = (): void => {
      while (!response.destroyed && response.write(Buffer.alloc(64 * 1024, " ")));
    };
    response.on("drain", more);
    return more();
  });
  await refusal(clientOf(t, server).manifest("1"), "RESPONSE_TOO_LARGE");
});

test("I1: a manifest that is nested, broken, both image and index, or of schema 1 is refused", async (t) => {
  let body: Buffer = honest;
  let type: string = mediaTypes.ociManifest;
  const server = await startStory(t, (_request, response) => reply(response, 200, body, { "content-type": type }));
  const app = clientOf(t, server);
  assert.equal((await app.manifest("1")).descriptor.digest, honestDescriptor.digest);
  const both = JSON.stringify({ ...JSON.parse(honest.toString()), manifests: [] });
  const evil = [
    "[".repeat(100_000),
    '{"schemaVersion":2',
    both,
    '{"schemaVersion":1,"fsLayers":[]}',
    "[]",
    "null",
    "{}",
  ];
  for (const text of evil) {
    body = Buffer.from(text);
    await refusal(app.manifest("1"), "IMAGE_MALFORMED");
  }
  body = honest;
  type = "text/html";
  assert.equal((await app.manifest("1")).descriptor.mediaType, mediaTypes.ociManifest);
  type = mediaTypes.ociIndex;
  await refusal(app.manifest("1"), "IMAGE_MALFORMED", /calls itself/);
});

test("I5: a blob with other bytes, too many or too few, is refused at its end and never returned as complete", async (t) => {
  let body = "";
  const server = await startStory(t, (_request, response) => reply(response, 200, body));
  const app = clientOf(t, server);
  for (body of ["the layer's byteZ", "the layer's bytes and more", "the layer's", ""]) {
    await refusal(gathered(app.blob(layer.descriptor)), "REGISTRY_DIGEST_MISMATCH");
  }
  body = "the layer's bytes";
  assert.equal((await gathered(app.blob(layer.descriptor))).toString(), body);
});

test("a registry that was down is asked again by the next request of the same client", async (t) => {
  const directory = temporaryDirectory(t);
  const first = await startRegistry({ directory });
  await pushTinyImage(clientOf(t, first), "1", "one");
  await first.close();
  const client = clientOf(t, first);
  await refusal(client.manifest("1"), "NETWORK_UNREACHABLE");
  const again = await startRegistry({ directory, port: Number(new URL(first.url).port) });
  t.after(() => again.close());
  assert.equal((await client.manifest("1")).descriptor.mediaType, mediaTypes.ociManifest);
});

test("I1: an endless blob stops at its size", async (t) => {
  let sent = 0;
  const server = await startStory(t, (request, response) => {
    if (request.url === "/v2/") return reply(response, 200);
    response.writeHead(200);
    const more = (): void => {
      while (!response.destroyed && response.write(Buffer.alloc(64 * 1024))) sent += 64 * 1024;
    };
    response.on("drain", more);
    return more();
  });
  await refusal(gathered(clientOf(t, server).blob(layer.descriptor)), "REGISTRY_DIGEST_MISMATCH", /more bytes/);
  assert.ok(sent < 20_000_000);
});

test("an interrupted download continues where it stopped, as often as needed", async (t) => {
  const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, index) => index % 251));
  const blob = contentOf(bytes).descriptor;
  const ranges: (string | undefined)[] = [];
  const server = await startStory(t, (request, response) => {
    if (request.url === "/v2/") return reply(response, 200);
    const { range } = request.headers;
    ranges.push(range);
    const start = Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1] ?? 0);
    const headers = { "content-length": String(bytes.length - start) };
    if (range === undefined) response.writeHead(200, headers);
    else response.writeHead(206, { ...headers, "content-range": `bytes ${start}-${bytes.length - 1}/${bytes.length}` });
    response.write(bytes.subarray(start, start + 30_000), () => {
      if (start + 30_000 >= bytes.length) response.end();
      else response.socket?.destroy();
    });
    return undefined;
  });
  assert.deepEqual(await gathered(clientOf(t, server).blob(blob)), bytes);
  assert.deepEqual(ranges, [undefined, "bytes=30000-", "bytes=60000-", "bytes=90000-"]);
});

test("a server that ignores ranges costs bytes, not correctness; one that lies about them is refused", async (t) => {
  const bytes = Buffer.from("0123456789".repeat(5_000));
  const blob = contentOf(bytes).descriptor;
  let mode: "ignore" | "lie" = "ignore";
  let requests = 0;
  const server = await startStory(t, (request, response) => {
    if (request.url === "/v2/") return reply(response, 200);
    const isFirst = requests++ === 0;
    if (!isFirst && mode === "lie")
      return reply(response, 206, bytes.subarray(1), { "content-range": "bytes 1-49999/50000" });
    response.writeHead(200, { "content-length": String(bytes.length) });
    if (!isFirst) return void response.end(bytes);
    response.write(bytes.subarray(0, 20_000), () => response.socket?.destroy());
    return undefined;
  });
  const app = clientOf(t, server);
  assert.deepEqual(await gathered(app.blob(blob)), bytes);
  mode = "lie";
  requests = 0;
  await refusal(gathered(app.blob(blob)), "RESPONSE_MALFORMED", /range/);
});

test("a download without progress fails", async (t) => {
  let requests = 0;
  const server = await startStory(t, (request, response) => {
    if (request.url === "/v2/") return reply(response, 200);
    requests++;
    response.writeHead(200, { "content-length": String(layer.descriptor.size) });
    response.flushHeaders();
    setImmediate(() => response.socket?.destroy());
    return undefined;
  });
  await refusal(gathered(clientOf(t, server).blob(layer.descriptor)), "NETWORK_UNREACHABLE");
  assert.equal(requests, 4);
});

test("I1: a silent or very slow registry times out", async (t) => {
  const silent = await startStory(t, () => undefined);
  await refusal(clientOf(t, silent, impatient).manifest("1"), "NETWORK_TIMEOUT");
  const dripping = await startStory(t, (request, response) => {
    if (request.url === "/v2/") return reply(response, 200);
    response.writeHead(200, { "content-type": mediaTypes.ociManifest });
    return drip(response);
  });
  await refusal(clientOf(t, dripping, impatient).manifest("1"), "NETWORK_TIMEOUT");
  await refusal(
    gathered(clientOf(t, dripping, impatient).blob({ ...layer.descriptor, size: 10_000 })),
    "NETWORK_TIMEOUT",
  );
});

test("Ctrl-C ends everything with CANCELLED", async (t) => {
  const server = await startStory(t, (request, response) =>
    request.url === "/v2/" ? reply(response, 200) : undefined,
  );
  const stop = new AbortController();
  const waiting = refusal(clientOf(t, server, { signal: stop.signal }).manifest("1"), "CANCELLED");
  setTimeout(() => stop.abort(), 50);
  await waiting;
});

test("errors keep the registry's codes and words, without control characters, queries and user names", async (t) => {
  const errors = [{ code: "MANIFEST_UNKNOWN", message: "manifest\u001b[31m unknown", detail: { secret: true } }];
  let status = 404;
  const server = await startStory(t, (_request, response) => reply(response, status, JSON.stringify({ errors })));
  const app = clientOf(t, server);
  const missing = await refusal(app.manifest("1"), "REGISTRY_NOT_FOUND", /MANIFEST_UNKNOWN: manifest \[31m unknown/);
  assert.ok(missing instanceof RegistryError);
  assert.deepEqual(missing.registryCodes, ["MANIFEST_UNKNOWN"]);
  assert.equal(missing.status, 404);
  status = 403;
  const denied = await refusal(app.manifest("1"), "AUTHENTICATION_REFUSED");
  assert.match(denied.hint ?? "", /: docker login 127\.0\.0\.1:\d+$/u);
  const other = clientOf(t, server, { login: "tagseal login" });
  assert.match(
    (await refusal(other.manifest("1"), "AUTHENTICATION_REFUSED")).hint ?? "",
    /: tagseal login 127\.0\.0\.1:\d+$/u,
  );
  status = 400;
  await refusal(app.manifest("1"), "REGISTRY_ERROR", /status 400/);
});

test("requests are repeated briefly after overload, not after refusals", async (t) => {
  let requests = 0;
  const server = await startStory(t, (request, response) => {
    if (request.url === "/v2/") return reply(response, 200);
    if (++requests < 3) return reply(response, 503);
    return reply(response, 200, honest, { "content-type": mediaTypes.ociManifest });
  });
  assert.equal((await clientOf(t, server).manifest("1")).descriptor.digest, honestDescriptor.digest);
  assert.equal(requests, 3);
});

test("I1: invalid tags, endless pages and pages elsewhere are refused", async (t) => {
  let body = '{"tags":["ok"]}';
  let link = "";
  const server = await startStory(t, (_request, response) => reply(response, 200, body, link === "" ? {} : { link }));
  const app = clientOf(t, server);
  const tags = async (): Promise<string[]> => {
    const all: string[] = [];
    for await (const tag of app.tags()) all.push(tag);
    return all;
  };
  assert.deepEqual(await tags(), ["ok"]);
  for (body of ['{"tags":["../x"]}', '{"tags":[1]}', '{"tags":"x"}', "[]", "oops"])
    await refusal(tags(), "RESPONSE_MALFORMED");
  body = '{"tags":null}';
  assert.deepEqual(await tags(), []);
  link = '<https://elsewhere.invalid/v2/x/tags/list>; rel="next"';
  await refusal(tags(), "RESPONSE_MALFORMED", /another server/);
});

test("referrers are found by the fallback tag of older registries", async (t) => {
  const registry = await embeddedRegistry(t);
  const app = clientOf(t, registry);
  const subject = await pushTinyImage(app, "1", "subject");
  const signature = await pushTinyImage(app, "sig", "signature", { artifactType: "application/x-sig" });
  const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [signature] };
  await app.pushManifest(subject.digest.replace(":", "-"), Buffer.from(JSON.stringify(index)), mediaTypes.ociIndex);
  registry.hooks.intercept = (request, response) => {
    if (request.url?.includes("/referrers/") !== true) return false;
    response.writeHead(404).end("404 page not found");
    return true;
  };
  assert.deepEqual(
    (await app.referrers(subject.digest)).map(({ digest }) => digest),
    [signature.digest],
  );
  assert.deepEqual(await app.referrers(signature.digest), []);
});

test("loopback: TLS is tried first, plain HTTP only where there is none, and never to avoid a bad certificate", async (t) => {
  const tls = createThrowawayTls(new Date());
  const serve = (_request: unknown, response: Parameters<typeof reply>[0]): void =>
    reply(response, 200, honest, { "content-type": mediaTypes.ociManifest });
  const plain = await startStory(t, serve);
  assert.equal((await clientOf(t, plain).resolve("1")).digest, honestDescriptor.digest);
  const secure = await startStory(t, serve, { tls: { cert: tls.certificate, key: tls.key } });
  await refusal(clientOf(t, secure).resolve("1"), "TLS_UNTRUSTED");
  const trusting = clientOf(t, secure, { tls: { ca: [tls.caCertificate] } });
  assert.equal((await trusting.resolve("1")).digest, honestDescriptor.digest);
  const insecure = clientOf(t, secure, { insecureRegistries: [secure.host] });
  assert.equal((await insecure.resolve("1")).digest, honestDescriptor.digest);
});

test("I9: a remote registry is never used unencrypted", async (t) => {
  const remote = RegistryClient.forReference({ registry: "registry.invalid", repository: "a" });
  t.after(() => remote.close());
  await assert.rejects(
    remote.resolve("1"),
    (error) => hasCode(error, "NETWORK_UNREACHABLE") && /https:\/\/registry/.test(error.message),
  );
});

test("I9: text that is neither tag nor digest never becomes part of a URL", async (t) => {
  const server = await startStory(t, (_request, response) => reply(response, 200));
  for (const name of ["../../other/manifests/1", "1?x=y", "a/b", "", "sha256:short"]) {
    await refusal(clientOf(t, server).manifest(name), "REFERENCE_INVALID");
  }
});
