import assert from "node:assert/strict";
import { connect } from "node:net";
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { type GatewayStory, gatewayStory, type StoryGateway } from "../support/gateway-story.ts";
import { waitUntil } from "../support/processes.ts";
import { contentOf, manifestBytes } from "../support/registry-story.ts";
import { mediaTypes } from "../../src/registry/manifest.ts";
import { signTags } from "../../src/trust/publishing/sign.ts";

const story = gatewayStory();

/** Writes these bytes on a new connection, and gives all that comes back until it is closed or silent. */
function sendRaw(gateway: StoryGateway, bytes: string | Buffer, waitMs = 10_000): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const socket = connect(Number(new URL(gateway.url).port), "127.0.0.1");
  let answer = "";
  socket.setTimeout(waitMs, () => socket.destroy());
  socket.on("data", (chunk) => (answer += chunk.toString("latin1")));
  socket.on("error", () => undefined);
  socket.on("close", () => resolve(answer));
  socket.write(bytes);
  return promise;
}

/** The status codes of the answers in a reply. */
function statuses(reply: string): number[] {
  return [...reply.matchAll(/^HTTP\/1\.1 (\d{3}) /gmu)].map(([, code]) => Number(code));
}

function pathOf({ registry }: GatewayStory, repository: string, rest: string): string {
  return `/v2/${registry.host.replace(":", "_")}/${repository}/${rest}`;
}

describe("hostile clients of a gateway", () => {
  it("get no other name by another spelling of a path: each is refused, and the registry is not asked", async () => {
    await story.publish("path/app", "v1");
    const gateway = await story.gateway();
    await gateway.ask("path/app", "manifests/v1");
    story.asked.length = 0;
    const host = story.registry.host.replace(":", "_");
    for (const target of [
      `/v2/${host}/path/app/../../path/app/manifests/v1`,
      `/v2/${host}/path/%2e%2e/path/app/manifests/v1`,
      `/v2/${host}/path/%252e%252e/app/manifests/v1`,
      `/v2/${host}/path%2fapp/manifests/v1`,
      `/v2/${host}/path%5capp/manifests/v1`,
      `/v2/${host}/path\\app/manifests/v1`,
      `/v2/${host}//path/app/manifests/v1`,
      `//v2/${host}/path/app/manifests/v1`,
      `/v2/${host}/path/app/manifests/v1%00`,
      `/v2/${host}/path/app/manifests/..%2f..%2fother`,
      `/v2/${host}/path/app/manifests/v1/`,
      `/v2/${host}/path/app/blobs/sha256:../../../etc/passwd`,
      `/V2/${host}/path/app/manifests/v1`,
      `http://127.0.0.1/v2/${host}/path/app/manifests/v1`,
      `http://${story.registry.host}/v2/path/app/manifests/v1`,
      `*`,
    ]) {
      const reply = await sendRaw(gateway, `GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
      const [status = 0] = statuses(reply);
      assert.ok(status >= 400 && status < 500, `${target}: ${reply.slice(0, 120)}`);
    }
    assert.deepEqual(story.asked, []);
  });

  it("smuggle no second request: a body counts as one, and what is ambiguous ends the connection", async () => {
    const gateway = await story.gateway();
    const hidden = "GET /v2/_catalog HTTP/1.1\r\nHost: x\r\n\r\n";
    const ambiguous = {
      both: `GET /v2/ HTTP/1.1\r\nHost: x\r\nContent-Length: ${hidden.length}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`,
      twoLengths: `GET /v2/ HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}`,
      twoCodings: `GET /v2/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n${hidden}`,
      spaceBeforeColon: `GET /v2/ HTTP/1.1\r\nHost: x\r\nContent-Length : 0\r\n\r\n${hidden}`,
      folded: `GET /v2/ HTTP/1.1\r\nHost: x\r\nX-A: b\r\n Transfer-Encoding: chunked\r\n\r\n`,
      bareLineFeed: `GET /v2/ HTTP/1.1\nHost: x\n\n${hidden}`,
      noHost: `GET /v2/ HTTP/1.1\r\n\r\n${hidden}`,
      control: `GET /v2/ HTTP/1.1\r\nHost: x\r\nX-A: a\u0001b\r\n\r\n${hidden}`,
    };
    for (const [name, bytes] of Object.entries(ambiguous)) {
      const found = statuses(await sendRaw(gateway, bytes));
      assert.ok(found.length <= 1 && found.every((status) => status === 400), `${name}: ${found.join(" ")}`);
    }
    const last = "HEAD /v2/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    const body = `GET /v2/ HTTP/1.1\r\nHost: x\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}${last}`;
    assert.deepEqual(
      statuses(await sendRaw(gateway, body)).filter((status) => status !== 200),
      [],
    );
    const huge = `GET /v2/ HTTP/1.1\r\nHost: x\r\nX-A: ${"a".repeat(100_000)}\r\n\r\n`;
    assert.deepEqual(statuses(await sendRaw(gateway, huge)), [431]);
  });

  it("of HTTP/1.0 and pipelines get each answer whole and in order", async () => {
    const image = await story.publish("old/app", "v1");
    const gateway = await story.gateway();
    const path = pathOf(story, "old/app", "manifests/v1");
    const old = await sendRaw(gateway, `GET ${path} HTTP/1.0\r\n\r\n`);
    assert.match(old, new RegExp(`docker-content-digest: ${image.digest}`, "iu"));
    assert.equal(Buffer.byteLength(old.slice(old.indexOf("\r\n\r\n") + 4)), image.size);
    const head = (target: string, more = ""): string => `HEAD ${target} HTTP/1.1\r\nHost: x\r\n${more}\r\n`;
    const pipeline = [
      head(path),
      head("/v2/"),
      head(path, `If-None-Match: "${image.digest}"\r\n`),
      head("/v2/_catalog"),
      head(path, "Connection: close\r\n"),
    ];
    assert.deepEqual(statuses(await sendRaw(gateway, pipeline.join(""))), [200, 200, 304, 405, 200]);
  });

  it("get whole blobs or exact parts, whatever the range", async () => {
    await story.publish("range/app", "v1");
    const gateway = await story.gateway();
    const { layers } = (await (await gateway.ask("range/app", "manifests/v1")).json()) as {
      layers: { digest: string; size: number }[];
    };
    const whole = "layer of v1";
    const path = `blobs/${layers[0]?.digest}`;
    for (const [range, status, text] of [
      ["bytes=0-0,3-4", 200, whole],
      ["bytes=5-2", 200, whole],
      ["bytes=-", 200, whole],
      ["bytes=--3", 200, whole],
      ["bytes=0-99999999999999999999999", 200, whole],
      ["items=0-1", 200, whole],
      ["bytes=0-999999999999999", 206, whole],
      ["bytes=-3", 206, " v1"],
      ["bytes=-999", 206, whole],
      ["bytes=-0", 416, ""],
      ["bytes=11-", 416, ""],
      ["bytes=10-10", 206, "1"],
    ] as const) {
      const answer = await gateway.ask("range/app", path, { headers: { range } });
      assert.deepEqual([answer.status, await answer.text()], [status, text], range);
    }
    const stale = { range: "bytes=0-0", "if-range": '"sha256:other"' };
    assert.equal((await gateway.ask("range/app", path, { headers: stale })).status, 200);
  });

  it("that ask for very many names leave nothing in memory of names that do not exist", async () => {
    const { SignedContent } = await import("../../src/gateway/signed-content.ts");
    const content = new SignedContent();
    const digest = contentOf("x").descriptor.digest;
    for (let index = 0; index < 1_000; index += 1)
      content.blob({ registry: "registry.example.com", repository: `none/${index}` }, digest);
    assert.equal(content.repositories, 0);
  });

  it("that stop reading hold what they did not read, and no more: the registry waits", async () => {
    const client = story.client("stuck/app");
    const layer = contentOf(Buffer.alloc(48 * 1024 * 1024, "stuck"));
    const config = contentOf("{}");
    for (const part of [config, layer]) await client.pushBlob(part);
    const bytes = manifestBytes(config.descriptor, [layer.descriptor]);
    const { digest, size } = await client.pushManifest("v1", bytes, mediaTypes.ociManifest);
    await signTags(await story.publisher("stuck/app"), [{ tag: "v1", digest, length: size }]);
    const gateway = await story.gateway();
    await gateway.ask("stuck/app", "manifests/v1");
    const path = pathOf(story, "stuck/app", `blobs/${layer.descriptor.digest}`);
    const before = process.memoryUsage.rss();
    const stuck = Array.from({ length: 6 }, () => {
      const socket = connect(Number(new URL(gateway.url).port), "127.0.0.1");
      socket.pause();
      socket.on("error", () => undefined);
      socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
      return socket;
    });
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const held = process.memoryUsage.rss() - before;
    for (const socket of stuck) socket.destroy();
    // six whole blobs are 288 MB; the embedded registry is in this process, too, and reads each once
    assert.ok(held < 200 * 1024 * 1024, `${Math.round(held / 1024 / 1024)} MB more`);
  });

  it("have a bounded number of connections each", async () => {
    const gateway = await story.gateway({ connectionBounds: { maxConnections: 64, maxConnectionsPerClient: 3 } });
    let closed = 0;
    const open = Array.from({ length: 6 }, () => {
      const socket = connect(Number(new URL(gateway.url).port), "127.0.0.1");
      socket.on("error", () => undefined).on("close", () => (closed += 1));
      return socket;
    });
    await waitUntil("three are closed", () => closed === 3, 20_000);
    for (const socket of open) socket.destroy();
    assert.ok(gateway.lines.some((line) => line["event"] === "too many connections of one client"));
  });

  it("that do not wait for answers get them one after another: a connection holds one answer at a time", async () => {
    await story.publish("pipelined/app", "v1");
    const gateway = await story.gateway();
    const { layers } = (await (await gateway.ask("pipelined/app", "manifests/v1")).json()) as {
      layers: { digest: string }[];
    };
    let atOnce = 0;
    let most = 0;
    story.registry.hooks.blob = async () => {
      most = Math.max(most, (atOnce += 1));
      await pause(5);
      atOnce -= 1;
      return undefined;
    };
    const target = pathOf(story, "pipelined/app", `blobs/${layers[0]?.digest}`);
    const request = `GET ${target} HTTP/1.1\r\nHost: x\r\n`;
    const reply = await sendRaw(gateway, `${`${request}\r\n`.repeat(19)}${request}Connection: close\r\n\r\n`);
    story.registry.hooks.blob = undefined;
    assert.equal([...reply.matchAll(/HTTP\/1\.1 200 /gu)].length, 20);
    assert.equal(most, 1);
  });
});
