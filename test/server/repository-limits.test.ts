/** Limits of repositories and bytes per prefix: what a team that has used up its share can still do, and the answers that it gets. */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { captured } from "../../src/cli/captured-io.ts";
import { main } from "../../src/cli/main.ts";
import { usageLimits } from "../../src/server/configuration/limit-settings.ts";
import type { UsageLimit } from "../../src/server/storage/usage-limit.ts";
import { target } from "../support/editing-story.ts";
import { ask } from "../support/https-request.ts";
import { writeLayout } from "../support/images.ts";
import { client, missingPeers, Scope, startTagsealServer } from "../support/peers.ts";
import { waitUntil } from "../support/processes.ts";
import { startSandbox } from "../support/sandbox.ts";
import { serve, temporaryDirectory, type TestServer } from "./running-server.ts";
import { readTags, tufUrl, UploadingPublisher } from "./uploading-publisher.ts";

const team = "registry.example.com/team";

async function refusal(response: Response): Promise<string> {
  const { errors } = (await response.json()) as { errors: readonly [{ code: string; detail: unknown }] };
  const [{ code, detail }] = errors;
  const { Name: name, Error: error } = detail as { Name: string; Error: { Msg: string } };
  assert.deepEqual([response.status, code, name], [400, "LIMIT_REACHED", "ErrValidation"]);
  return error.Msg;
}

async function usedBytes(server: TestServer, ...limits: readonly UsageLimit[]): Promise<number> {
  const config = join(server.dataDir, "limits.json");
  writeFileSync(config, JSON.stringify({ repositories: { limits } }));
  const { io, stdout } = captured({ env: {}, now: () => new Date() });
  assert.equal(await main(["server", "limits", "--config", config, "--data", server.dataDir, "--json"], io), 0);
  const shown = JSON.parse(stdout()) as { limits: readonly [{ bytes: { used: number } }] };
  return shown.limits[0].bytes.used;
}

describe("a team that has all the repositories it may have", () => {
  const limits = [{ prefix: team, repositories: 2 }];

  it("is refused another one, with the reason, until one is deleted; those it has continue, and so do other teams", async (t) => {
    const server = await serve(t, { usageLimits: limits });
    const app = await new UploadingPublisher(server.url, `${team}/app`).begin();
    await new UploadingPublisher(server.url, `${team}/tool`).begin();
    const third = new UploadingPublisher(server.url, `${team}/third`);
    const upload = await third.firstUpload();
    assert.equal(
      await refusal(await third.send(upload)),
      `Cannot publish ${team}/third: the limit of ${team} is 2 repositories, and it has 2`,
    );
    assert.equal((await fetch(`${tufUrl(server.url, third.gun)}timestamp.json`)).status, 404);
    await new UploadingPublisher(server.url, `${team}-of-strangers/app`).begin();
    assert.equal((await app.addTag("v2")).status, 200);
    assert.deepEqual(await readTags(server.url, app.gun), ["v1", "v2"]);
    await fetch(tufUrl(server.url, `${team}/tool`), { method: "DELETE" });
    assert.equal((await third.send(upload)).status, 200);
    assert.match(await (await fetch(`${server.url}/metrics`)).text(), /^tagseal_server_limit_refused_total 1$/mu);
  });

  it("keeps its repositories when the limit is set below what there is", async (t) => {
    const dataDir = temporaryDirectory(t);
    const first = await serve(t, { dataDir });
    const app = await new UploadingPublisher(first.url, `${team}/app`).begin();
    await first.close();
    const server = await serve(t, { dataDir, usageLimits: [{ prefix: "*", repositories: 0 }] });
    const resumed = await app.resumedAt(server.url);
    assert.equal((await resumed.addTag("v2")).status, 200);
    const other = new UploadingPublisher(server.url, "other/app");
    assert.match(await refusal(await other.send(await other.firstUpload())), /limit of this server is 0 repositories/u);
  });
});

describe("a team that has used up its bytes", () => {
  /** One repository, and a limit that what is stored of it has reached. */
  async function world(t: TestContext): Promise<{ server: TestServer; app: UploadingPublisher }> {
    const clock = { ms: Date.now() };
    const server = await serve(t, { now: () => new Date(clock.ms), upkeep: false });
    const app = await new UploadingPublisher(server.url, `${team}/app`, () => new Date(clock.ms)).begin();
    for (const name of ["v2", "v3", "v4"]) assert.equal((await app.addTag(name)).status, 200);
    clock.ms += 1000;
    server.change({ usageLimits: [{ prefix: team, bytes: await usedBytes(server, { prefix: team, bytes: 1 }) }] });
    return { server, app };
  }

  it("is refused more tags and signers, and sees its usage", async (t) => {
    const { server, app } = await world(t);
    const used = await usedBytes(server, { prefix: team, bytes: 1 });
    const more = new RegExp(
      `^Cannot publish ${team}/app: the limit of ${team} is ${used} bytes, it has ${used}, and this publication adds \\d+$`,
      "u",
    );
    assert.match(await refusal(await app.addTag("w")), more);
    const alice = app.held.generate();
    const delegation = await app.signed((editor) =>
      editor.addDelegation("targets/alice", { addKeys: [alice], addPaths: [""] }),
    );
    assert.match(await refusal(await app.send(delegation)), more);
    const other = new UploadingPublisher(server.url, `${team}/other`);
    assert.match(await refusal(await other.send(await other.firstUpload())), /this publication adds \d+$/u);
    assert.equal(await usedBytes(server, { prefix: team, bytes: 1 }), used);
    assert.deepEqual(await readTags(server.url, app.gun), ["v1", "v2", "v3", "v4"]);
  });

  it("can still move and remove tags, sign again and exchange every key, and its timestamps are renewed", async (t) => {
    const { server, app } = await world(t);
    const edits = {
      "sign again": (editor) => editor.witness("targets"),
      "move a tag": (editor) => editor.addTarget("targets", "v2", target("elsewhere")),
      "remove a tag": (editor) => editor.removeTarget("targets", "v3"),
      "exchange the repository key": (editor) => editor.rotateKey("targets", [app.held.generate()]),
    } satisfies Record<string, Parameters<UploadingPublisher["signed"]>[0]>;
    for (const [what, edit] of Object.entries(edits)) {
      const response = await app.send(await app.signed(edit));
      assert.equal(response.status, 200, `${what}: ${await response.clone().text()}`);
    }
    assert.deepEqual(await readTags(server.url, app.gun), ["v1", "v2", "v4"]);
    assert.match(await refusal(await app.addTag("another-tag-with-a-name-longer-than-the-one-that-went")), /bytes/u);
  });

  it("has its timestamps renewed", async (t) => {
    const limits = [{ prefix: "*", bytes: 1, repositories: 0 }];
    const dataDir = temporaryDirectory(t);
    const lifetimes = { timestampMs: 1000, snapshotMs: 86_400_000 };
    const server = await serve(t, { dataDir, lifetimes });
    await new UploadingPublisher(server.url, `${team}/app`).begin();
    server.change({ usageLimits: limits });
    const version = async (): Promise<number> => {
      const response = await fetch(`${tufUrl(server.url, `${team}/app`)}timestamp.json`);
      return ((await response.json()) as { signed: { version: number } }).signed.version;
    };
    await waitUntil("the third timestamp", async () => (await version()) >= 3);
  });
});

describe("what an operator sees of limits", () => {
  it("is how much of each is used, in a table, as JSON and as metrics of the configured prefixes alone", async (t) => {
    const limits = [
      { prefix: team, repositories: 4, bytes: 1_000_000 },
      { prefix: "*", bytes: 2_000_000 },
    ] as const;
    const server = await serve(t, { usageLimits: limits });
    await new UploadingPublisher(server.url, `${team}/app`).begin();
    await new UploadingPublisher(server.url, "other/app").begin();
    const config = join(server.dataDir, "server.json");
    writeFileSync(
      config,
      JSON.stringify({ repositories: { limits: [{ ...limits[0], prefix: `${team}/` }, limits[1]] } }),
    );
    const show = async (...argv: readonly string[]): Promise<string> => {
      const { io, stdout } = captured({ env: {}, now: () => new Date() });
      assert.equal(await main(["server", "limits", "--config", config, "--data", server.dataDir, ...argv], io), 0);
      return stdout();
    };
    assert.match(
      await show(),
      /^PREFIX +REPOSITORIES +SIZE\nregistry\.example\.com\/team +1 of 4 \(25 %\) +\d\.\d kB of 1\.0 MB \(0 %\)\n\* +2 +\d+\.\d kB of 2\.0 MB \(0 %\)\n$/u,
    );
    const shown = JSON.parse(await show("--json")) as { limits: readonly object[] };
    const bytes = await usedBytes(server, { prefix: team, bytes: 1 });
    assert.deepEqual(shown.limits[0], {
      prefix: team,
      repositories: { used: 1, limit: 4 },
      bytes: { used: bytes, limit: 1_000_000 },
    });
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    assert.match(metrics, /^tagseal_server_limit\{prefix="registry\.example\.com\/team",of="repositories"\} 4$/mu);
    assert.match(metrics, /^tagseal_server_limit_used\{prefix="registry\.example\.com\/team",of="bytes"\} \d+$/mu);
    assert.equal(metrics.match(/^tagseal_server_limit(?:_used)?\{/gmu)?.length, 6);
  });

  it("is a clear refusal of a nonsensical limit", () => {
    for (const [value, reason] of [
      ["none", /it is not a list/u],
      [[5], /limit 1 .*it has no members/u],
      [[{ prefix: "a" }], /neither how many repositories nor how many bytes/u],
      [[{ prefix: "a", repositories: 1.5 }], /repositories must be a whole number/u],
      [[{ prefix: "a", bytes: "10" }], /bytes must be a whole number, zero or more, not "10"/u],
      [[{ prefix: "a", byte: 1, bytes: 1 }], /there is no "byte" in a limit/u],
      [[{ prefix: "", bytes: 1 }], /prefix "" fits no name/u],
      [[{ prefix: "a//", bytes: 1 }], /fits no name/u],
      [[{ prefix: "a/*", bytes: 1 }], /fits no name/u],
      [[{ bytes: 1 }], /fits no name/u],
      [
        [
          { prefix: "a", bytes: 1 },
          { prefix: "a/", repositories: 1 },
        ],
        /there are two limits for a/u,
      ],
    ] as const)
      assert.throws(() => usageLimits(JSON.parse(JSON.stringify(value))), {
        code: "SERVER_CONFIGURATION",
        message: reason,
      });
  });
});

describe("a server whose settings change", () => {
  it("takes the mode and the limits at SIGHUP, and keeps what it had when they make no sense", async (t) => {
    const scope = new Scope("settings-change");
    t.after(() => scope.close());
    const config = scope.path("server.json");
    const write = (settings: object): void => writeFileSync(config, JSON.stringify(settings));
    const limits = (repositories: number): object => ({ limits: [{ prefix: "team/", repositories }] });
    write({});
    const server = await startTagsealServer(scope, { args: ["--config", config] });
    const reloaded = async (): Promise<string> => {
      const before = server.process.log().length;
      process.kill(server.process.pid, "SIGHUP");
      const since = (): string => server.process.log().slice(before);
      await waitUntil("it was reloaded", () => since().includes('"event":"reloaded"'));
      return since();
    };
    const page = async (): Promise<string> => (await ask(server.ca, "GET", `${server.url}/metrics`)).body.toString();
    const deletion = async (): Promise<number> =>
      (await ask(server.ca, "DELETE", tufUrl(server.url, "team/app"))).status ?? 0;
    write({ server: { read_only: true } });
    await reloaded();
    await waitUntil("it is read-only", async () => (await deletion()) === 503);
    assert.match(server.process.log(), /"event":"fault","part":"read-only"/u);
    write({ server: { read_only: "perhaps" }, repositories: limits(1) });
    process.kill(server.process.pid, "SIGHUP");
    await waitUntil("it says why", () =>
      /"cannot reload".*read_only must be true or false/u.test(server.process.log()),
    );
    assert.equal(await deletion(), 503);
    write({ repositories: limits(0) });
    await reloaded();
    await waitUntil("it is writable", async () => (await deletion()) === 200);
    assert.match(server.process.log(), /"event":"fault ended","part":"read-only"/u);
    assert.match(await page(), /^tagseal_server_limit\{prefix="team",of="repositories"\} 0$/mu);
  });
});

describe("what people see who publish beyond a limit", { skip: missingPeers(["notary", "docker 28"]) }, () => {
  it("is the prefix, the limit and the use: notary, docker and tagseal", async (t) => {
    const scope = new Scope("limits");
    t.after(() => scope.close());
    const sandbox = await startSandbox(scope); // for its registry
    const env = { TAGSEAL_SERVER_REPOSITORIES_LIMITS: '[{"prefix": "*", "repositories": 1}]' };
    const server = await startTagsealServer(scope, { env });
    const user = client(scope, { server, name: "user" });
    const registry = sandbox.env["REGISTRY"] ?? "";
    const layout = await writeLayout(scope.path("image"), "image");
    const push = ["push", "-q", "--from", `oci:${layout.directory}`];
    await user.tagsealOk([...push, `${registry}/team/app:v1`]);
    const reason = /the limit of this server is 1 repositories, and it has 1/u;
    const other = await user.tagseal([...push, `${registry}/team/other:v1`]);
    assert.notEqual(other.code, 0);
    assert.match(other.stderr, reason);
    const byNotary = await user.notary(["init", `${registry}/team/third`, "-p"]);
    assert.notEqual(byNotary.code, 0);
    assert.match(byNotary.stdout + byNotary.stderr, reason);
    await user.tagsealOk([...push, `${registry}/team/app:v2`]);
    await user.notaryOk(["addhash", `${registry}/team/app`, "v3", "3", "--sha256", "a".repeat(64), "-p"]);
    const byDocker = await user.docker([
      "trust",
      "signer",
      "add",
      "--key",
      await keyFile(user),
      "alice",
      `${registry}/team/fourth`,
    ]);
    assert.notEqual(byDocker.code, 0);
    assert.match(byDocker.stdout + byDocker.stderr, reason);
  });
});

async function keyFile(user: ReturnType<typeof client>): Promise<string> {
  await user.dockerOk(["trust", "key", "generate", "alice", "--dir", user.dockerConfig]);
  return join(user.dockerConfig, "alice.pub");
}
