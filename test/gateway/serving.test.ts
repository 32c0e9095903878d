import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { gatewayStory, policyOf } from "../support/gateway-story.ts";
import { mediaTypes } from "../../src/registry/manifest.ts";
import { signTags } from "../../src/trust/publishing/sign.ts";
import { revokeTags } from "../../src/trust/publishing/revoke.ts";

const story = gatewayStory();

/** The refusal in a body. */
async function refused(response: Response): Promise<{ status: number; code: string; message: string; reason: string }> {
  const { errors } = (await response.json()) as {
    errors: { code: string; message: string; detail?: { reason: string } }[];
  };
  const [error] = errors;
  assert.ok(error);
  return {
    status: response.status,
    code: error.code,
    message: error.message,
    reason: error.detail?.reason ?? error.code,
  };
}

describe("a gateway", () => {
  it("I5: answers a tag with the signed digest after the registry's tag was moved, and asks the registry by digest only", async () => {
    const image = await story.publish("moved/app", "v1", "signed");
    await story.publish("moved/app", "v1", "stolen", "unsigned");
    const gateway = await story.gateway();
    story.asked.length = 0;
    const head = await gateway.ask("moved/app", "manifests/v1", { method: "HEAD" });
    assert.equal(head.status, 200);
    assert.equal(head.headers.get("docker-content-digest"), image.digest);
    assert.equal(head.headers.get("content-length"), String(image.size));
    assert.equal(head.headers.get("content-type"), mediaTypes.ociManifest);
    const got = await gateway.ask("moved/app", "manifests/v1");
    const manifest = (await got.json()) as { config: { digest: string }; layers: { digest: string }[] };
    for (const { digest } of [manifest.config, ...manifest.layers])
      assert.equal((await gateway.ask("moved/app", `blobs/${digest}`)).status, 200);
    assert.deepEqual(
      story.asked.filter((line) => line.includes("/manifests/v1")),
      [],
    );
  });

  it("I9: refuses an unsigned tag, a revoked one and an unknown repository with 403 DENIED: the registry is not asked", async () => {
    await story.publish("bad/app", "v1");
    await story.publish("bad/app", "v2");
    await story.publish("bad/app", "raw", "raw", "unsigned");
    await story.publish("nobody/app", "v1", "v1", "unsigned");
    await revokeTags(await story.publisher("bad/app"), ["v2"]);
    const gateway = await story.gateway();
    story.asked.length = 0;
    for (const [repository, tag, reason] of [
      ["bad/app", "raw", "TAG_NOT_SIGNED"],
      ["bad/app", "v2", "TAG_NOT_SIGNED"],
      ["nobody/app", "v1", "REPOSITORY_NOT_SIGNED"],
    ] as const) {
      assert.equal((await gateway.ask(repository, `manifests/${tag}`, { method: "HEAD" })).status, 403);
      const refusal = await refused(await gateway.ask(repository, `manifests/${tag}`));
      assert.deepEqual([refusal.status, refusal.code, refusal.reason], [403, "DENIED", reason]);
    }
    assert.deepEqual(story.asked, []);
  });

  it("I9: where digests must be signed, serves what a signed index lists and what that lists, and nothing else", async () => {
    const client = story.client("index/app");
    const child = await story.publish("index/app", "child", "child", "unsigned");
    const loose = await story.publish("index/app", "loose", "loose", "unsigned");
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [child] }));
    const index = await client.pushManifest("v1", bytes, mediaTypes.ociIndex);
    await signTags(await story.publisher("index/app"), [{ tag: "v1", digest: index.digest, length: index.size }]);
    const rules = { [story.registry.host]: { firstUse: true, digests: "signed" } };
    const blobsOf = async (digest: string): Promise<string[]> => {
      const { layers } = JSON.parse((await client.manifest(digest)).bytes.toString()) as {
        layers: { digest: string }[];
      };
      return layers.map((layer) => layer.digest);
    };
    // each with a gateway that has just been started: it must find out what lists a digest
    for (const path of [
      `manifests/${index.digest}`,
      `manifests/${child.digest}`,
      ...(await blobsOf(child.digest)).map((digest) => `blobs/${digest}`),
    ])
      assert.equal((await (await story.gateway({ rules })).ask("index/app", path)).status, 200, path);
    const gateway = await story.gateway({ rules });
    for (const path of [
      `manifests/${loose.digest}`,
      ...(await blobsOf(loose.digest)).map((digest) => `blobs/${digest}`),
    ]) {
      const refusal = await refused(await gateway.ask("index/app", path));
      assert.deepEqual([refusal.status, refusal.reason], [403, "TAG_NOT_SIGNED"], path);
    }
  });

  it("lets a pull finish whose tag was signed for another image meanwhile", async () => {
    const first = await story.publish("racing/app", "v1", "first");
    const rules = { [story.registry.host]: { firstUse: true, digests: "signed" } };
    let at = Date.now();
    const gateway = await story.gateway({ rules, now: () => new Date(at), graceMs: 60_000, refreshMs: 10 });
    assert.equal((await gateway.ask("racing/app", "manifests/v1")).status, 200);
    await story.publish("racing/app", "v1", "second");
    at += 1_000;
    assert.notEqual(
      (await gateway.ask("racing/app", "manifests/v1")).headers.get("docker-content-digest"),
      first.digest,
    );
    assert.equal((await gateway.ask("racing/app", `manifests/${first.digest}`)).status, 200);
    at += 60_001;
    assert.equal((await gateway.ask("racing/app", `manifests/${first.digest}`)).status, 403);
  });

  it("I9: after another policy came into force, gives nothing of what it allowed before", async () => {
    const image = await story.publish("rejected/app", "v1");
    const gateway = await story.gateway({ rules: { [story.registry.host]: { firstUse: true } } });
    assert.equal((await gateway.ask("rejected/app", "manifests/v1")).status, 200);
    await gateway.reload(
      async () => await Promise.resolve([policyOf({ [story.registry.host]: { require: "reject" } })]),
    );
    for (const path of ["manifests/v1", `manifests/${image.digest}`])
      assert.equal((await gateway.ask("rejected/app", path)).status, 403, path);
  });

  it("says of a blob that the registry lost that it is not there", async () => {
    await story.publish("lost/app", "v1");
    const gateway = await story.gateway();
    const got = await gateway.ask("lost/app", "manifests/v1");
    const { layers } = (await got.json()) as { layers: { digest: string }[] };
    const path = `blobs/${layers[0]?.digest}`;
    assert.equal((await gateway.ask("lost/app", path, { method: "HEAD" })).status, 200);
    const response = await fetch(`${story.registry.url}/v2/lost/app/${path}`, { method: "DELETE" });
    assert.equal(response.status, 202);
    for (const method of ["HEAD", "GET"])
      assert.equal((await gateway.ask("lost/app", path, { method })).status, 404, method);
  });

  it("answers 503 with Retry-After when nothing is known of an image and its trust server is down", async () => {
    const image = await story.publish("down/app", "v1");
    const reader = await story.trust.person();
    const open =
      (via?: { url: string }) =>
      async ({ identity }: { identity: { repository: string } }) =>
        await reader.open(identity.repository, { reference: { ...parse("down/app") }, ...(via && { via }) });
    const parse = (repository: string) => ({
      registry: story.registry.host,
      repository,
      tag: undefined,
      digest: undefined,
    });
    const down = { url: "http://127.0.0.1:9" };
    const cold = await story.gateway({ openTrust: open(down) });
    const answer = await cold.ask("down/app", "manifests/v1");
    assert.equal(answer.status, 503);
    assert.ok(Number(answer.headers.get("retry-after")) > 0);
    await (await story.gateway({ openTrust: open() })).ask("down/app", "manifests/v1");
    const warm = await story.gateway({ openTrust: open(down) });
    assert.equal((await warm.ask("down/app", "manifests/v1")).headers.get("docker-content-digest"), image.digest);
  });

  it("resumes a blob, answers parts and conditions, and lists signed tags only", async () => {
    const image = await story.publish("parts/app", "v1");
    await story.publish("parts/app", "v2");
    await story.publish("parts/app", "raw", "raw", "unsigned");
    const gateway = await story.gateway();
    const { layers } = (await (await gateway.ask("parts/app", "manifests/v1")).json()) as {
      layers: { digest: string }[];
    };
    const path = `blobs/${layers[0]?.digest}`;
    const whole = await (await gateway.ask("parts/app", path)).text();
    const part = await gateway.ask("parts/app", path, { headers: { range: "bytes=3-5" } });
    assert.deepEqual([part.status, await part.text()], [206, whole.slice(3, 6)]);
    const rest = await gateway.ask("parts/app", path, { headers: { range: "bytes=4-" } });
    assert.equal(await rest.text(), whole.slice(4));
    assert.equal((await gateway.ask("parts/app", path, { headers: { range: "bytes=999-" } })).status, 416);
    const etag = `"${image.digest}"`;
    assert.equal((await gateway.ask("parts/app", "manifests/v1", { headers: { "if-none-match": etag } })).status, 304);
    assert.deepEqual(((await (await gateway.ask("parts/app", "tags/list")).json()) as { tags: string[] }).tags, [
      "v1",
      "v2",
    ]);
    const page = await gateway.ask("parts/app", "tags/list?n=1");
    assert.deepEqual(((await page.json()) as { tags: string[] }).tags, ["v1"]);
    assert.match(page.headers.get("link") ?? "", /last=v1.*rel="next"/u);
  });

  it("I2: refuses a blob that is not what the manifest lists, and refuses other manifests", async () => {
    await story.publish("evil/app", "v1");
    const gateway = await story.gateway();
    const { layers } = (await (await gateway.ask("evil/app", "manifests/v1")).json()) as {
      layers: { digest: string }[];
    };
    story.registry.hooks.blob = ({ size }) => Buffer.alloc(size, "x");
    const refusal = await refused(await gateway.ask("evil/app", `blobs/${layers[0]?.digest}`));
    assert.deepEqual([refusal.status, refusal.reason], [502, "REGISTRY_DIGEST_MISMATCH"]);
    story.registry.hooks.blob = undefined;
    await story.publish("evil/app", "v2");
    story.registry.hooks.manifest = ({ stored }) =>
      stored && { ...stored, bytes: Buffer.from(`${stored.bytes.toString()} `) };
    assert.equal((await (await story.gateway()).ask("evil/app", "manifests/v2")).status, 502);
    story.registry.hooks.manifest = undefined;
  });

  it("refuses names that another reader would understand differently, other registries, pushes and the catalogue", async () => {
    const gateway = await story.gateway();
    const ask = async (path: string, init?: RequestInit): Promise<number> =>
      (await fetch(`${gateway.url}${path}`, init)).status;
    const host = story.registry.host.replace(":", "_");
    assert.equal(await ask("/v2/"), 200);
    assert.equal(await ask("/v2/_catalog"), 405);
    assert.equal(await ask("/v2/other.example.com/app/manifests/v1"), 403);
    assert.equal(await ask(`/v2/team/app/manifests/v1?ns=${story.registry.host}`), 403);
    assert.equal(await ask(`/v2/team/app/manifests/v1?ns=${story.registry.host}&ns=other`), 400);
    assert.equal(await ask("/v2/team/app/manifests/v1"), 404);
    assert.equal(await ask(`/v2/${host}/UPPER/manifests/v1`), 400);
    assert.equal(await ask(`/v2/${host}/a%2f..%2fb/manifests/v1`), 400);
    assert.equal(await ask(`/v2/${host}/app/blobs/uploads/`, { method: "POST" }), 405);
    assert.equal(await ask(`/v2/${host}/app/manifests/v1`, { method: "DELETE" }), 405);
  });
});
