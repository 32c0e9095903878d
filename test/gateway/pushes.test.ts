import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, before, after, type TestContext } from "node:test";
import { documentedLines } from "../support/documented-lines.ts";
import { startServing } from "../support/gateway-command.ts";
import { gatewayStory, type StoryGateway } from "../support/gateway-story.ts";
import {
  alice,
  basic,
  bob,
  openedWith,
  type PushDoor,
  pushGateway,
  type SeenRequest,
  withPasswords,
} from "../support/push-story.ts";
import { ask } from "../support/https-request.ts";
import { makeCertificate } from "../support/token-maker.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { contentOf, manifestBytes } from "../support/registry-story.ts";
import { describe as described, type Descriptor, mediaTypes } from "../../src/registry/manifest.ts";
import { signTags } from "../../src/trust/publishing/sign.ts";

const story = gatewayStory();
type Door = StoryGateway & PushDoor;

/** A body whose length shows at its end. */
function chunked(...pieces: readonly (string | Uint8Array)[]): RequestInit {
  const body = new ReadableStream({
    start(controller) {
      for (const piece of pieces) controller.enqueue(Buffer.from(piece));
      controller.close();
    },
  });
  return { method: "PATCH", body, duplex: "half" };
}

function locationOf(answer: Response): string {
  const location = answer.headers.get("location") ?? assert.fail(`${answer.status} without a location`);
  assert.match(location, /^\/v2\//u);
  return location.slice("/v2/".length);
}

/** As docker does it: begun, sent in one chunked request, completed. */
async function pushBlob(door: Door, repository: string, bytes: string): Promise<Descriptor> {
  const { descriptor } = contentOf(bytes);
  const begun = await door.push(`${repository}/blobs/uploads/`, { method: "POST" });
  assert.equal(begun.status, 202, await begun.text());
  const sent = await door.push(locationOf(begun), chunked(bytes.slice(0, 3), bytes.slice(3)));
  assert.equal(sent.status, 202, await sent.text());
  assert.equal(sent.headers.get("range"), `0-${bytes.length - 1}`);
  const done = await door.push(`${locationOf(sent)}?digest=${descriptor.digest}`, { method: "PUT" });
  assert.equal(done.status, 201, await done.text());
  assert.equal(done.headers.get("location"), `/v2/${repository}/blobs/${descriptor.digest}`);
  assert.equal(done.headers.get("docker-content-digest"), descriptor.digest);
  return descriptor;
}

async function pushManifest(door: Door, repository: string, tag: string, bytes: Uint8Array): Promise<Response> {
  const headers = { "content-type": mediaTypes.ociManifest };
  return await door.push(`${repository}/manifests/${tag}`, { method: "PUT", headers, body: Buffer.from(bytes) });
}

async function pushImage(door: Door, repository: string, tag: string, label: string): Promise<Descriptor> {
  const config = await pushBlob(door, repository, JSON.stringify({ os: "linux", label }));
  const layer = await pushBlob(door, repository, `layer of ${label}`);
  const bytes = manifestBytes(config, [layer]);
  const stored = await pushManifest(door, repository, tag, bytes);
  assert.equal(stored.status, 201, await stored.text());
  return described(bytes, mediaTypes.ociManifest);
}

describe("pushes through a gateway", () => {
  let door: Door;
  let seen: SeenRequest[];
  before(async () => {
    seen = withPasswords(story);
    door = await pushGateway(story);
  });
  after(() => (story.registry.hooks.intercept = undefined));

  it("I1: what was pushed is given to no reader before it is signed, and then what is signed", async () => {
    const image = await pushImage(door, "pushed/app", "v1", "one");
    const layer = contentOf("layer of one").descriptor;
    const paths = ["manifests/v1", `manifests/${image.digest}`, `blobs/${layer.digest}`];
    for (const path of paths)
      for (const login of [alice, bob])
        assert.equal((await door.push(`pushed/app/${path}`, {}, login)).status, 403, path);
    // signing asks the registry itself, where publishers are anonymous here
    story.registry.hooks.intercept = undefined;
    await signTags(await story.publisher("pushed/app"), [{ tag: "v1", digest: image.digest, length: image.size }]);
    seen = withPasswords(story);
    const later = await pushGateway(story);
    for (const path of paths) assert.equal((await later.push(`pushed/app/${path}`, {}, bob)).status, 200, path);
    const moved = await pushImage(later, "pushed/app", "v1", "two");
    const got = await later.push("pushed/app/manifests/v1", {}, bob);
    assert.equal(got.headers.get("docker-content-digest"), image.digest, "the signed one, not the pushed one");
    assert.equal((await later.push(`pushed/app/manifests/${moved.digest}`, {}, bob)).status, 403);
  });

  it("a HEAD says to a publisher what is there, and nothing to a reader", async () => {
    const image = await pushImage(door, "asked/app", "v1", "asked");
    const layer = contentOf("layer of asked").descriptor;
    const absent = contentOf("never pushed").descriptor;
    for (const [path, length] of [
      [`blobs/${layer.digest}`, layer.size],
      [`manifests/${image.digest}`, image.size],
    ] as const) {
      const answer = await door.push(`asked/app/${path}`, { method: "HEAD" });
      assert.equal(answer.status, 200, path);
      assert.equal(answer.headers.get("content-length"), String(length));
      assert.equal((await door.push(`asked/app/${path}`, { method: "HEAD" }, bob)).status, 403, path);
      const mirrored = await door.push(`asked/app/${path}?ns=${story.registry.host}`, { method: "HEAD" });
      assert.equal(mirrored.status, 403, "a mirror's 404 would send engines on to the registry");
    }
    assert.equal((await door.push(`asked/app/blobs/${absent.digest}`, { method: "HEAD" })).status, 404);
    assert.equal((await door.push("asked/app/manifests/v2", { method: "HEAD" })).status, 404);
    assert.equal((await door.push("asked/app/manifests/v1", { method: "HEAD" }, bob)).status, 403);
    assert.equal((await door.push("never/app/manifests/v2", { method: "HEAD" })).status, 404);
    const fresh = await pushGateway(story);
    assert.equal(
      (await fresh.push(`asked/app/blobs/${layer.digest}`, { method: "HEAD" })).status,
      200,
      "not yet known",
    );
  });

  it("I1: a publisher's engine that asks what a tag is, and pulls that digest, is not led to what nobody signed", async () => {
    await pushImage(door, "led/app", "v1", "led");
    const { host } = story.registry;
    // each digest may be used, as in docker's content trust
    const any = { [host]: { firstUse: true, digests: "any" } };
    const lenient = await pushGateway(story, { rules: any });
    for (const asked of [door, lenient]) {
      const answer = await asked.push("led/app/manifests/v1", { method: "HEAD" });
      assert.deepEqual([answer.status, answer.headers.get("docker-content-digest")], [404, null]);
    }
  });

  it("mounts, whole blobs in one request, chunks with ranges, where an upload stands, and cancellation", async () => {
    const blob = await pushBlob(door, "one/app", "to be mounted");
    const mounted = await door.push(`two/app/blobs/uploads/?mount=${blob.digest}&from=one/app`, { method: "POST" });
    assert.deepEqual([mounted.status, locationOf(mounted)], [201, `two/app/blobs/${blob.digest}`]);
    const { descriptor } = contentOf("whole");
    const whole = await door.push(`two/app/blobs/uploads/?digest=${descriptor.digest}`, {
      ...chunked("whole"),
      method: "POST",
    });
    assert.equal(whole.status, 201, await whole.text());
    const begun = await door.push("two/app/blobs/uploads/", { method: "POST" });
    const piece = (range: string, body: string): RequestInit => ({
      method: "PATCH",
      headers: { "content-range": range },
      body,
    });
    const first = await door.push(locationOf(begun), piece("0-4", "first"));
    assert.equal(first.status, 202);
    const stands = await door.push(locationOf(first), {});
    assert.deepEqual([stands.status, stands.headers.get("range")], [204, "0-4"]);
    const gap = await door.push(locationOf(stands), piece("9-12", "gap!"));
    assert.deepEqual([gap.status, gap.headers.get("range")], [416, "0-4"]);
    const last = contentOf("firstlast").descriptor.digest;
    const done = await door.push(`${locationOf(stands)}?digest=${last}`, { method: "PUT", body: "last" });
    assert.equal(done.status, 201, await done.text());
    const other = locationOf(await door.push("two/app/blobs/uploads/", { method: "POST" }));
    assert.equal((await door.push(other, { method: "DELETE" })).status, 204);
    assert.equal((await door.push(other, {})).status, 404);
    const wrong = locationOf(await door.push("two/app/blobs/uploads/", { method: "POST" }));
    const refused = await door.push(`${wrong}?digest=${last}`, { method: "PUT", body: "something else" });
    assert.deepEqual([refused.status, await codeOf(refused)], [400, "DIGEST_INVALID"]);
    const ranges = seen.filter(({ method }) => method === "PATCH").map(({ headers }) => headers["content-range"]);
    assert.ok(ranges.includes("0-4") && ranges.includes("9-12"));
  });

  it("I10: only a publisher pushes: others get the registry's refusal, and strangers are asked for a login", async () => {
    const from = seen.length;
    for (const [path, init] of [
      ["closed/app/blobs/uploads/", { method: "POST" }],
      ["closed/app/manifests/v1", { method: "PUT", body: "{}" }],
    ] as const) {
      assert.equal((await door.push(path, init, bob)).status, 403);
      const stranger = await fetch(`${door.url}/v2/${path}`, init);
      assert.deepEqual([stranger.status, await codeOf(stranger)], [401, "UNAUTHORIZED"]);
      assert.match(stranger.headers.get("www-authenticate") ?? "", /^Bearer realm=.*:closed\/app:pull,push"$/u);
    }
    const guessing = seen.length;
    const guarded = await pushGateway(story);
    const guesses = Array.from({ length: 20 }, async (_each, guess) => {
      const login = basic("alice", `guess ${guess}`);
      return (await guarded.push("closed/app/blobs/uploads/", { method: "POST" }, login)).status;
    });
    assert.deepEqual([...new Set(await Promise.all(guesses))], [401]);
    const tried = seen
      .slice(guessing)
      .flatMap(({ authorization }) => (authorization === undefined ? [] : [authorization]));
    assert.equal(new Set(tried).size, 10, "guessing ends");
    assert.ok(seen.slice(from, guessing).every(({ method }) => method !== "PUT"));
    const text = JSON.stringify([door.lines, guarded.lines]);
    for (const secret of ["right", alice.slice(6)]) assert.equal(text.includes(secret), false);
  });

  it("each push is a line of the log with its publisher, and counted", async () => {
    const image = await pushImage(door, "noted/app", "v1", "noted");
    const lines = door.lines.filter(
      ({ event, image: about }) => event === "pushed" && String(about).includes("/noted/app"),
    );
    assert.deepEqual(
      lines.map(({ kind, publisher, bytes, digest }) => [kind, publisher, digest === image.digest ? bytes : 0]),
      [
        ["blob", "alice", 0],
        ["blob", "alice", 0],
        ["manifest", "alice", image.size],
      ],
    );
    assert.equal(lines[2]?.["image"], `${story.registry.host}/noted/app:v1@${image.digest}`);
    const metrics = await (await fetch(`${door.url}/metrics`)).text();
    for (const labels of [
      'kind="manifest",outcome="stored"',
      'kind="blob",outcome="stored"',
      'kind="blob",outcome="mounted"',
      'kind="blob",outcome="refused"',
    ])
      assert.match(metrics, new RegExp(`tagseal_gateway_pushes_total\\{${labels}\\} [1-9]`, "u"));
    assert.match(metrics, /^tagseal_gateway_pushed_bytes_total [1-9]/mu);
    assert.match(metrics, /^tagseal_gateway_pushes_open 0$/mu);
  });

  it("nothing is deleted, and nothing is pushed to a mirror or where the operator did not say so", async () => {
    const { digest } = contentOf("x").descriptor;
    for (const path of ["one/app/manifests/v1", `one/app/manifests/${digest}`, `one/app/blobs/${digest}`])
      assert.deepEqual((await door.push(path, { method: "DELETE" })).status, 405, path);
    const mirror = await door.push(`one/app/blobs/uploads/?ns=${story.registry.host}`, { method: "POST" });
    assert.equal(mirror.status, 405);
    const passThrough = [story.registry.host];
    const closed = await story.gateway({ registry: story.registry.host, passThrough, openUpstream: openedWith() });
    const refused = await fetch(`${closed.url}/v2/one/app/blobs/uploads/`, { method: "POST" });
    assert.equal(refused.status, 405);
    assert.match(await refused.text(), /--pushes/u);
    const pushes = {};
    for (const options of [{ pushes }, { pushes, registry: "r.example.com" }, { pushes, passThrough }])
      await assert.rejects(story.gateway(options), {
        code: "SERVER_CONFIGURATION",
        message: /Pushes need one registry/u,
      });
  });

  it("gateways with one certificate continue uploads of one another; others refuse them", async (t) => {
    const { ca, files } = await certified(t);
    const [one, two] = [await pushGateway(story, { tls: files }), await pushGateway(story, { tls: files })];
    const as = { authorization: alice };
    const on = ({ url }: Door, path: string): string => `${url.replace("127.0.0.1", "localhost")}${path}`;
    const begun = await ask(ca, "POST", on(one, "/v2/shared/app/blobs/uploads/"), as);
    assert.equal(begun.status, 202, begun.body.toString());
    const location = String(begun.headers["location"]);
    const sent = await ask(ca, "PATCH", on(two, location), as, "shared");
    assert.equal(sent.status, 202, sent.body.toString());
    const elsewhere = await door.push(String(sent.headers["location"]).slice("/v2/".length), chunked("shared"));
    assert.deepEqual([elsewhere.status, await codeOf(elsewhere)], [404, "BLOB_UPLOAD_UNKNOWN"]);
  });

  it("are taken by the documented line; flags that do not fit are refused with what to add", async (t) => {
    const directory = temporaryDirectory(t);
    const line = documentedLines("docs/gateway.md", "Push through the gateway").replace(
      "127.0.0.1:5443",
      "127.0.0.1:0",
    );
    const words = line.trim().split(" ").slice(1);
    const env = { HOME: directory, DOCKER_CONFIG: directory };
    const said = async (...all: readonly string[]): Promise<string> => {
      const started = await startServing(all, { env });
      await started.stop();
      return started.url ?? started.stderr();
    };
    assert.match(await said(...words), /^http:\/\/127/u);
    const without = ["gateway", "--listen", "127.0.0.1:0", "--registry", "r.example.com", "--pushes"];
    assert.match(await said(...without), /--registry r\.example\.com --pass-through r\.example\.com/u);
  });
});

/** The files of a certificate for this machine, which is its authority, too. */
async function certified(t: TestContext) {
  const { pem, key } = await makeCertificate({ name: "localhost", dns: ["localhost"] });
  const directory = temporaryDirectory(t);
  const tls = { certFile: join(directory, "tls.crt"), keyFile: join(directory, "tls.key") };
  writeFileSync(tls.certFile, pem);
  writeFileSync(tls.keyFile, key.export({ type: "pkcs8", format: "pem" }));
  return { ca: tls.certFile, files: tls };
}

async function codeOf(answer: Response): Promise<string | undefined> {
  const { errors } = (await answer.json()) as { errors: { code: string }[] };
  return errors[0]?.code;
}
