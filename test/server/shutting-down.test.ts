/** What clients are told whose requests meet a trust server, or a sandbox, that is asked to stop. */
import assert from "node:assert/strict";
import { cpSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { writeLayout } from "../support/images.ts";
import { needsOpenssl } from "../support/openssl.ts";
import { client, freePort, run, Scope, startTagsealServer, tagsealCommand, type Client } from "../support/peers.ts";
import type { Finished, Running } from "../support/processes.ts";
import { startSandbox, type Sandbox } from "../support/sandbox.ts";

describe("a request that meets a server which is stopping", { skip: needsOpenssl }, () => {
  const scope = new Scope("shutting-down");
  let sandbox: Sandbox;
  let server: Running;
  let user: Client;
  let repository: string;
  let digest: string;
  let restart: () => Promise<void>;

  before(async () => {
    sandbox = await startSandbox(scope); // for its registry
    const port = await freePort();
    const started = await startTagsealServer(scope, { port });
    server = started.process;
    restart = async () => void (server = (await startTagsealServer(scope, { port, data: started.data })).process);
    user = client(scope, { server: started, name: "user" });
    repository = `${sandbox.env["REGISTRY"]}/team/app`;
    const image = await writeLayout(scope.path("image"), "image");
    ({ digest } = image.manifest);
    await user.tagsealOk(["push", "-q", "--from", `oci:${image.directory}`, `${repository}:first`]);
  });
  after(() => scope.close());

  /** Has commands begin all the time, before and after the server is told to stop. */
  async function whileStopping(args: (turn: number) => readonly string[]): Promise<Finished[]> {
    const commands: Promise<Finished>[] = [];
    for (let turn = 0; turn < 8; turn += 1) {
      commands.push(user.tagseal(args(turn)));
      if (turn === 3) void server.stop();
      await pause(60);
    }
    const finished = await Promise.all(commands);
    assert.equal(await server.ended, 0);
    return finished;
  }

  it("reads on from what it has, and says how old that is", async () => {
    for (const { code, stdout, stderr } of await whileStopping(() => ["verify", `${repository}:first`])) {
      assert.equal(code, 0, stderr);
      assert.equal(stdout, `${digest}\n`);
      if (stderr !== "") assert.match(stderr, /^warning: .*(?:connection refused|closed|reset).*\n(?:.*\n)?$/u);
    }
    await restart();
  });

  it("I7: is signed, or cannot reach the server; and what was acknowledged is there afterwards", async () => {
    const finished = await whileStopping((turn) => ["sign", "-q", `${repository}:t${turn}@${digest}`]);
    await restart();
    const { stdout } = await user.tagsealOk(["list", "--json", repository]);
    const tags = new Set((JSON.parse(stdout) as readonly { readonly tag: string }[]).map(({ tag }) => tag));
    for (const [turn, { code, stderr }] of finished.entries()) {
      if (code === 0) assert.ok(tags.has(`t${turn}`), "acknowledged and lost");
      else assert.match(stderr, /^hint: .*\[(?:NETWORK_UNREACHABLE|PUBLISH_UNCONFIRMED)\]$/mu);
    }
    assert.ok(
      finished.some(({ code }) => code !== 0),
      "no request met the end of the server",
    );
  });

  it("of a sandbox reports that no server answers, and what to do", async () => {
    const other = await startSandbox(scope);
    // The sandbox takes its directory with it when it ends.
    const config = scope.path("visitor");
    cpSync(other.env["DOCKER_CONFIG"] ?? "", config, { recursive: true });
    const layout = scope.path("image");
    const image = `${other.env["REGISTRY"]}/team/app:1.0`;
    const env = { ...other.env, DOCKER_CONFIG: config, HOME: scope.directory };
    const pushing = run(tagsealCommand, ["push", "-q", "--from", `oci:${layout}`, image], { env });
    const stopping = pause(150).then(() => other.process.stop("SIGINT"));
    const first = await pushing;
    assert.equal(await stopping, 0);
    const afterwards = await run(tagsealCommand, ["push", "-q", "--from", `oci:${layout}`, image], { env });
    for (const { code, stderr } of [first, afterwards]) {
      if (code === 0) continue;
      assert.equal(code, 4, stderr);
      assert.match(stderr, /connection refused|the connection was closed|PUBLISH_UNCONFIRMED/u);
      assert.match(stderr, /\nhint: /u);
      assert.doesNotMatch(stderr, /internal error/u);
    }
    assert.equal(afterwards.code, 4);
  });
});
