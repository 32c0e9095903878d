import assert from "node:assert/strict";
import type { IncomingMessage, ServerResponse } from "node:http";
import { afterEach, describe, it } from "node:test";
import { gatewayStory, type StoryGateway } from "../support/gateway-story.ts";
import { contentOf, manifestBytes } from "../support/registry-story.ts";
import { drip, reply, startStory } from "../support/story-server.ts";
import { type Descriptor, mediaTypes } from "../../src/registry/manifest.ts";
import { RegistryClient } from "../../src/registry/registry-client.ts";
import { signTags } from "../../src/trust/publishing/sign.ts";

const story = gatewayStory();
const rules = (): object => ({ [story.registry.host]: { firstUse: true, digests: "signed" } });
const patience = { patienceMs: 1_500, minBytes: 1_000 };

/** What a client got: the status, and the body if it came whole. */
interface Got {
  readonly status: number;
  readonly body: Buffer | "cut off";
}

function isRefused({ status, body }: Got): boolean {
  return body === "cut off" || status >= 400;
}

async function got(answer: Promise<Response>): Promise<Got> {
  // cut off so early that there is no head
  const response = await answer.catch(() => undefined);
  if (response === undefined) return { status: 0, body: "cut off" };
  const body = await response.arrayBuffer().then(
    (bytes) => Buffer.from(bytes),
    () => "cut off" as const,
  );
  return { status: response.status, body };
}

/** A gateway that gives up soon, and a signed image of one layer whose manifest it has seen. */
async function seen(repository: string): Promise<{ gateway: StoryGateway; layer: string; text: string }> {
  await story.publish(repository, "v1");
  const gateway = await story.gateway({
    rules: rules(),
    openUpstream: async (name) => await Promise.resolve(RegistryClient.forReference(name, { timeouts: patience })),
  });
  const { layers } = (await (await gateway.ask(repository, "manifests/v1")).json()) as { layers: Descriptor[] };
  return { gateway, layer: `blobs/${layers[0]?.digest}`, text: "layer of v1" };
}

type Answering = (request: IncomingMessage, response: ServerResponse) => void;

/** Lets the registry answer requests for a path in another way. */
function answerOn(part: string, answering: Answering): void {
  story.registry.hooks.intercept = (request, response) => {
    if (request.url?.includes(part) !== true) return false;
    answering(request, response);
    return true;
  };
}

describe("hostile registries behind a gateway", () => {
  afterEach(() => {
    story.registry.hooks.intercept = undefined;
    story.registry.hooks.manifest = undefined;
  });

  it("I2: pass on no blob that is longer, shorter, other, compressed, endless or silent: the client is cut off or refused", async (t) => {
    const elsewhere = await startStory(t, (_request, response) => reply(response, 200, "x".repeat(11)));
    const { gateway, layer, text } = await seen("evil/layers");
    const badBlobs: Readonly<Record<string, Answering>> = {
      longer: (_request, response) => reply(response, 200, `${text}!`),
      shorter: (_request, response) => reply(response, 200, text.slice(1)),
      other: (_request, response) => reply(response, 200, "x".repeat(text.length)),
      "announced longer": (_request, response) => reply(response, 200, text, { "content-length": "9999" }),
      compressed: (_request, response) => reply(response, 200, text, { "content-encoding": "gzip" }),
      endless: (_request, response) => {
        response.writeHead(200);
        const more = setInterval(() => response.write(Buffer.alloc(65_536)), 1);
        response.on("close", () => clearInterval(more));
      },
      "a byte now and then": (_request, response) => drip(response.writeHead(200), 100),
      silent: () => undefined,
      "at another origin": (_request, response) => reply(response, 307, "", { location: elsewhere.url("/x").href }),
      "in a loop": ({ url = "" }, response) => reply(response, 307, "", { location: url }),
      "by another protocol": (_request, response) => reply(response, 307, "", { location: "file:///etc/passwd" }),
      "a page of HTML": (_request, response) => reply(response, 200, "<html>", { "content-type": "text/html" }),
    };
    for (const [name, answering] of Object.entries(badBlobs)) {
      answerOn("/blobs/", answering);
      const found = await got(gateway.ask("evil/layers", layer));
      assert.ok(isRefused(found), `${name}: ${found.status} ${found.body.toString().slice(0, 100)}`);
    }
    story.registry.hooks.intercept = undefined;
    const honest = await got((await story.gateway({ rules: rules() })).ask("evil/layers", layer));
    assert.equal(honest.body.toString(), text);
    assert.equal(
      elsewhere.headers.some((headers) => headers.authorization !== undefined),
      false,
    );
  });

  it("that do not have a blob cause an answer that says so, and a wrong small blob one with the reason", async () => {
    const { gateway, layer } = await seen("evil/lost");
    const codeOf = async (): Promise<[number, unknown]> => {
      const answer = await gateway.ask("evil/lost", layer);
      const { errors } = (await answer.json()) as { errors: { code: string; detail?: { reason: string } }[] };
      return [answer.status, errors[0]?.detail?.reason];
    };
    answerOn("/blobs/", (_request, response) => reply(response, 404, "{}"));
    assert.deepEqual(await codeOf(), [404, "REGISTRY_NOT_FOUND"]);
    answerOn("/blobs/", (_request, response) => reply(response, 200, "layer of v2"));
    assert.deepEqual(await codeOf(), [502, "REGISTRY_DIGEST_MISMATCH"]);
  });

  it("I2: never complete a large blob whose last byte is wrong", async () => {
    const client = story.client("evil/large");
    const right = Buffer.alloc(1_000_000, "right");
    const [layer, config] = [contentOf(right), contentOf("{}")];
    for (const part of [layer, config]) await client.pushBlob(part);
    const bytes = manifestBytes(config.descriptor, [layer.descriptor]);
    const { digest, size } = await client.pushManifest("v1", bytes, mediaTypes.ociManifest);
    await signTags(await story.publisher("evil/large"), [{ tag: "v1", digest, length: size }]);
    const gateway = await story.gateway({ rules: rules() });
    const path = `blobs/${layer.descriptor.digest}`;
    const wrong = Buffer.concat([right.subarray(0, -1), Buffer.from("!")]);
    answerOn("/blobs/", (_request, response) => reply(response, 200, wrong));
    assert.equal((await got(gateway.ask("evil/large", path))).body, "cut off");
    story.registry.hooks.intercept = undefined;
    assert.deepEqual((await got(gateway.ask("evil/large", path))).body, right);
  });

  it("I2: pass on no part that is another part, and take the right bytes where a registry ignores ranges", async () => {
    const { gateway, layer, text } = await seen("evil/parts");
    const ask = async (): Promise<Got> =>
      await got(gateway.ask("evil/parts", layer, { headers: { range: "bytes=3-5" } }));
    answerOn("/blobs/", (_request, response) => reply(response, 200, text));
    assert.deepEqual(await ask(), { status: 206, body: Buffer.from(text.slice(3, 6)) });
    for (const range of ["bytes 0-2/11", "bytes 4-6/11", "items 3-5/11", ""]) {
      answerOn("/blobs/", (_request, response) => reply(response, 206, "abc", { "content-range": range }));
      assert.ok(isRefused(await ask()), range);
    }
    answerOn("/blobs/", (_request, response) => reply(response, 206, "a", { "content-range": "bytes 3-5/11" }));
    assert.ok(isRefused(await ask()));
  });

  it("I2: pass on no manifest that is other, huge, endless, compressed, or of a type that it is not", async () => {
    const badManifests: Readonly<Record<string, Answering>> = {
      other: (_request, response) => reply(response, 200, "{}", { "content-type": mediaTypes.ociManifest }),
      huge: (_request, response) =>
        reply(response, 200, Buffer.alloc(5_000_000, " "), { "content-type": mediaTypes.ociManifest }),
      endless: (_request, response) => {
        response.writeHead(200, { "content-type": mediaTypes.ociManifest });
        const more = setInterval(() => response.write(Buffer.alloc(65_536, " ")), 1);
        response.on("close", () => clearInterval(more));
      },
      compressed: (_request, response) => reply(response, 200, "x", { "content-encoding": "br" }),
      "with a lie about its digest": (_request, response) =>
        reply(response, 200, "{}", { "content-type": mediaTypes.ociManifest, "docker-content-digest": image.digest }),
    };
    const image = await story.publish("evil/manifests", "v1");
    for (const [name, answering] of Object.entries(badManifests)) {
      const gateway = await story.gateway({ rules: rules() });
      answerOn("/manifests/", answering);
      for (const path of ["manifests/v1", `manifests/${image.digest}`]) {
        const { status, body } = await got(gateway.ask("evil/manifests", path));
        assert.equal(status, 502, `${name}: ${body.toString().slice(0, 200)}`);
      }
      story.registry.hooks.intercept = undefined;
      assert.equal((await got(gateway.ask("evil/manifests", "manifests/v1"))).status, 200, `${name}, over`);
    }
  });

  it("get no credentials for a token service that is elsewhere and not theirs", async (t) => {
    const { gateway, layer } = await seen("evil/realm");
    const thief = await startStory(t, (_request, response) => reply(response, 200, '{"token":"x"}'));
    const challenge = `Bearer realm="${thief.url("/token").href}",service="x",scope="repository:evil/realm:pull"`;
    answerOn("/blobs/", (_request, response) => reply(response, 401, "", { "www-authenticate": challenge }));
    assert.ok(isRefused(await got(gateway.ask("evil/realm", layer))));
    assert.equal(
      thief.headers.some((headers) => headers.authorization !== undefined),
      false,
    );
  });

  it("list referrers up to a bound; only an artifact that names the subject can be fetched", async () => {
    const client = story.client("refer/app");
    const image = await story.publish("refer/app", "v1");
    const other = await story.publish("refer/app", "other", "other", "unsigned");
    const layer = contentOf("signature");
    const config = contentOf("{}");
    for (const part of [layer, config]) await client.pushBlob(part);
    const push = async (more: object, configType?: string): Promise<Descriptor> => {
      const bytes = manifestBytes(config.descriptor, [layer.descriptor], more);
      const document = JSON.parse(bytes.toString()) as { config: { mediaType: string } };
      if (configType !== undefined) document.config.mediaType = configType;
      const text = Buffer.from(JSON.stringify(document));
      return await client.pushManifest(`t${text.length}`, text, mediaTypes.ociManifest);
    };
    const empty = "application/vnd.oci.empty.v1+json";
    const about = { artifactType: "application/vnd.example.signature", subject: image };
    const artifact = await push(about, empty);
    const runnable = await push({ ...about, annotations: { runnable: "yes" } });
    const aboutOther = await push({ ...about, subject: other, annotations: { about: "other image" } }, empty);
    const listed = [artifact, runnable, aboutOther];
    answerOn("/referrers/", (_request, response) => {
      const many = Array.from({ length: 1_500 }, () => artifact);
      const body = JSON.stringify({
        schemaVersion: 2,
        mediaType: mediaTypes.ociIndex,
        manifests: [...listed, ...many],
      });
      reply(response, 200, body, { "content-type": mediaTypes.ociIndex });
    });
    const gateway = await story.gateway({ rules: rules() });
    const status = async (path: string): Promise<number> => (await got(gateway.ask("refer/app", path))).status;
    assert.equal(await status(`manifests/${artifact.digest}`), 403);
    const list = await gateway.ask("refer/app", `referrers/${image.digest}`);
    assert.equal(((await list.json()) as { manifests: unknown[] }).manifests.length, 1_000);
    assert.equal(await status(`manifests/${artifact.digest}`), 200);
    assert.equal(await status(`blobs/${layer.descriptor.digest}`), 200);
    assert.equal(await status(`manifests/${runnable.digest}`), 403);
    assert.equal(await status(`manifests/${aboutOther.digest}`), 403);
    assert.equal(await status(`referrers/${other.digest}`), 403);
  });
});
