import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, beforeEach, describe, it } from "node:test";
import type { OpenUpstream } from "../../src/gateway/upstreams.ts";
import { RegistryClient } from "../../src/registry/registry-client.ts";
import { gatewayStory, type StoryGateway } from "../support/gateway-story.ts";

const story = gatewayStory();
const basic = (user: string, password = "right"): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
const as = (authorization: string): RequestInit => ({ headers: { authorization } });
/** alice may read what is private; bob is known and may not; others are not known */
const known = new Map([basic("alice"), basic("bob")].map((header) => [header, header === basic("alice")]));

const openUpstream: OpenUpstream = async (name) =>
  await Promise.resolve(
    RegistryClient.forReference(name, { credentials: async () => await Promise.resolve(name.login?.credentials()) }),
  );

/** What the registry saw of each request: path and `Authorization`. */
const seen: { readonly path: string; readonly authorization: string | undefined }[] = [];

function closeToStrangers(elsewhere?: string): void {
  story.registry.hooks.intercept = ({ url = "", headers: { authorization } }, response) => {
    seen.push({ path: url, authorization });
    const mayRead = known.get(authorization ?? "");
    if (url.startsWith("/v2/private/") && mayRead !== true) {
      const isUnknown = mayRead === undefined;
      const challenge = isUnknown ? { "www-authenticate": 'Basic realm="registry"' } : {};
      response.writeHead(isUnknown ? 401 : 403, challenge).end();
      return true;
    }
    if (elsewhere === undefined || !url.includes("/blobs/")) return false;
    response.writeHead(307, { location: elsewhere }).end();
    return true;
  };
}

describe("a gateway that passes the logins of clients on", () => {
  let gateway: StoryGateway;
  const statusOf = async (repository: string, path: string, init?: RequestInit): Promise<number> =>
    (await gateway.ask(repository, path, init)).status;
  before(async () => {
    for (const name of ["private/app", "open/app"]) await story.publish(name, "v1");
    await story.publish("private/app", "raw", "raw", "unsigned");
    closeToStrangers();
    gateway = await story.gateway({ passThrough: [story.registry.host], openUpstream });
  });
  beforeEach(() => closeToStrangers());
  after(() => (story.registry.hooks.intercept = undefined));

  it("I10: what one client pulled is not given to another, nor said to be there", async () => {
    const manifest = await gateway.ask("private/app", "manifests/v1", as(basic("alice")));
    assert.equal(manifest.status, 200);
    const { layers } = (await manifest.json()) as { layers: { digest: string }[] };
    const digest = manifest.headers.get("docker-content-digest") ?? "";
    const paths = [
      "manifests/v1",
      `manifests/${digest}`,
      `blobs/${layers[0]?.digest}`,
      "tags/list",
      `referrers/${digest}`,
    ];
    for (const path of paths) {
      assert.equal(await statusOf("private/app", path, as(basic("alice"))), 200, path);
      assert.equal(await statusOf("private/app", path, as(basic("bob"))), 403, path);
      assert.equal(await statusOf("private/app", path), 401, path);
    }
    const refusals = ["manifests/v1", "manifests/raw", "manifests/never"].map(async (path) => {
      const answer = await gateway.ask("private/app", path, as(basic("bob")));
      return JSON.stringify([answer.status, await answer.json()]).replaceAll(/(?<=[:/])(?:v1|raw|never)\b/gu, "TAG");
    });
    assert.equal(new Set(await Promise.all(refusals)).size, 1, "signed, unsigned and absent tags look the same");
    assert.equal(await statusOf("private/app", "manifests/raw", as(basic("alice"))), 403);
    assert.equal(await statusOf("open/app", "manifests/v1"), 200, "who shows no login is an anonymous client");
  });

  it("I10: no login is shown to another server that a registry names, or written down", async () => {
    const shown: (string | undefined)[] = [];
    const other = createServer(({ headers }, response) => {
      shown.push(headers.authorization);
      response.end("other bytes");
    });
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    closeToStrangers(`http://127.0.0.1:${(other.address() as AddressInfo).port}/blob`);
    const manifest = await gateway.ask("private/app", "manifests/v1", as(basic("alice")));
    const { layers } = (await manifest.json()) as { layers: { digest: string }[] };
    const pulled = await gateway.ask("private/app", `blobs/${layers[0]?.digest}`, as(basic("alice"))).then(
      async (answer) =>
        answer.status === 200 &&
        (await answer.text().then(
          () => true,
          () => false,
        )),
      () => false,
    );
    other.close();
    closeToStrangers();
    assert.equal(pulled, false);
    assert.ok(shown.length > 0 && shown.every((authorization) => authorization === undefined), String(shown));
    const text = JSON.stringify(gateway.lines);
    for (const secret of ["right", basic("alice").slice(6)]) assert.equal(text.includes(secret), false);
  });

  it("I10: a registry that is not named sees no login of a client", async () => {
    const unnamed = await story.gateway({ passThrough: ["registry.example.com"], openUpstream });
    seen.length = 0;
    assert.equal((await unnamed.ask("open/app", "manifests/v1", as(basic("alice")))).status, 200);
    assert.ok(seen.length > 0 && seen.every(({ authorization }) => authorization === undefined));
  });

  it("I10: malformed logins are refused unasked, and guessing ends", async () => {
    const guarded = await story.gateway({ passThrough: [story.registry.host], openUpstream });
    const ask = async (header: string) => (await guarded.ask("private/app", "manifests/v1", as(header))).status;
    seen.length = 0;
    for (const header of ["Digest x", "Basic", `Basic ${Buffer.from("nocolon").toString("base64")}`, "Bearer a b"])
      assert.equal(await ask(header), 401, header);
    assert.deepEqual(seen, []);
    const guesses = Array.from({ length: 30 }, async (_each, guess) => await ask(basic("alice", `guess ${guess}`)));
    assert.deepEqual([...new Set(await Promise.all(guesses))], [401]);
    assert.equal(new Set(seen.flatMap(({ authorization }) => authorization ?? [])).size, 10);
    seen.length = 0;
    assert.equal(await ask(basic("alice")), 401);
    assert.deepEqual(seen, []);
  });

  for (const [how, refusal] of [
    ["with 403", [403, {}]],
    ["with 401 after a login", [401, { "www-authenticate": 'Basic realm="registry"' }]],
  ] as const)
    it(`I10: a login that may pull and not list tags (refused ${how}) gets what the registry gives it, and nothing from what others pulled`, async () => {
      const asked: string[] = [];
      /** carol gets what is in here, and nothing else; no list of tags */
      const given = new Set<string>();
      const [carol, dave] = [basic("carol"), basic("dave")];
      story.registry.hooks.intercept = ({ method, url = "", headers: { authorization } }, response) => {
        if (!url.startsWith("/v2/private/") || authorization === basic("alice")) return false;
        asked.push(`${method} ${url.slice("/v2/private/app/".length)}`);
        if (authorization === carol && given.has(url.slice("/v2/private/app/".length))) return false;
        const [status, headers] =
          authorization === undefined ? [401, { "www-authenticate": 'Basic realm="registry"' }] : refusal;
        response.writeHead(status, headers).end();
        return true;
      };
      const limited = await story.gateway({ passThrough: [story.registry.host], openUpstream });
      const ask = async (path: string, who: string): Promise<Response> =>
        await limited.ask("private/app", path, as(who));
      const first = await ask("manifests/v1", basic("alice"));
      const digest = first.headers.get("docker-content-digest") ?? "";
      const { layers } = (await first.json()) as { layers: { digest: string }[] };
      const [manifest, blob] = [`manifests/${digest}`, `blobs/${layers[0]?.digest}`];
      assert.equal((await ask(blob, basic("alice"))).status, 200);
      // fewer than the wrong logins that an address may show
      const all = ["manifests/v1", "manifests/raw", blob, "tags/list"].slice(refusal[0] === 401 ? 2 : 0);
      for (const who of [carol, dave])
        for (const path of all) assert.equal((await ask(path, who)).status, refusal[0], path);
      given.add(manifest).add("manifests/v1");
      const status = async (path: string): Promise<number> => (await ask(path, carol)).status;
      assert.deepEqual([await status(manifest), await status("manifests/v1")], [200, 200]);
      assert.equal(await status(blob), refusal[0], "the manifest is given, the blob is not");
      given.add(blob);
      assert.equal(await status(blob), 200);
      given.add("manifests/raw");
      assert.equal(await status("manifests/raw"), 403, "it is not signed, which who may pull it is allowed to know");
      assert.equal(await status("tags/list"), refusal[0]);
      asked.length = 0;
      assert.deepEqual([await status(manifest), await status(blob)], [200, 200]);
      assert.deepEqual(
        asked.filter((line) => line.startsWith("HEAD")),
        [],
        "an answer counts for five minutes",
      );
      assert.equal((await ask(blob, dave)).status, refusal[0]);
    });

  it("does not start where a login would mean two things, or travel in clear", async () => {
    const passThrough = [story.registry.host];
    const logins = { basic: { htpasswd: "users" } };
    await assert.rejects(story.gateway({ passThrough, logins }), { code: "SERVER_CONFIGURATION", message: /at once/u });
    await assert.rejects(story.gateway({ passThrough, host: "0.0.0.0" }), { message: /without TLS/u });
  });
});
