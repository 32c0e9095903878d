/** A server behind a proxy that is not in its settings: one guesser locks all clients out, and the log must say why. */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { hashSync } from "bcryptjs";
import type { ServerOptions } from "../../src/server/run/server-options.ts";
import { serve, temporaryDirectory, type TestServer } from "./running-server.ts";

async function guarded(t: TestContext, more: Partial<ServerOptions> = {}): Promise<TestServer> {
  const htpasswd = join(temporaryDirectory(t), "htpasswd");
  writeFileSync(htpasswd, `alice:${hashSync("wonderland", 4)}\n`, { mode: 0o600 });
  const rules = [{ prefix: "*", users: ["alice"], actions: ["*"] }] as const;
  const basic = { htpasswd, tokenRealm: "https://trust.example.com/_tagseal/token" };
  return await serve(t, { auth: { basic, rules }, ...more });
}

async function ask(server: TestServer, path: string, password: string, named: Record<string, string>): Promise<number> {
  const authorization = `Basic ${Buffer.from(`alice:${password}`).toString("base64")}`;
  return (await fetch(`${server.url}${path}`, { headers: { authorization, ...named } })).status;
}

const from = (address: string) => ({ "X-Forwarded-For": address });

async function guess(server: TestServer, path: string, named: Record<string, string>): Promise<void> {
  for (let count = 0; count < 12; count += 1) await ask(server, path, `guess ${count}`, named);
}

const warnings = ({ lines }: TestServer) => lines.filter(({ level }) => level === "warning");
const lockOuts = (server: TestServer) => warnings(server).filter(({ event }) => event === "a client is locked out");

describe("a proxy that is not trusted", () => {
  for (const [what, path] of [
    ["at a repository", "/v2/"],
    ["at the token endpoint", "/_tagseal/token"],
  ] as const) {
    it(`is named when one who guesses ${what} locks all clients out`, async (t) => {
      const server = await guarded(t);
      await guess(server, path, from("203.0.113.66"));
      assert.equal(await ask(server, path, "wonderland", from("198.51.100.7")), 401);
      const told = warnings(server).filter(
        ({ event }) => event === "requests come through a proxy that is not trusted",
      );
      assert.equal(told.length, 1, "once");
      assert.equal(told[0]?.["remote"], "127.0.0.1");
      const [lockOut, ...more] = lockOuts(server);
      assert.deepEqual(more, []);
      assert.deepEqual(
        [lockOut?.["remote"], lockOut?.["limit"], lockOut?.["proxy"]],
        ["127.0.0.1", "wrong passwords", true],
      );
      assert.match(String(lockOut?.["hint"]), /server\.trusted_proxies/u);
      const metrics = await (await fetch(`${server.url}/metrics`)).text();
      assert.match(metrics, /^tagseal_server_untrusted_forwards_total 13$/mu);
    });
  }

  it("is named, too, when it says Forwarded, and when a pace is exceeded", async (t) => {
    const server = await serve(t, { limits: { readsPerMinute: 1 } });
    const headers = { Forwarded: 'for="[2001:db8::1]:4711"' };
    assert.equal((await fetch(`${server.url}/v2/`, { headers })).status, 200);
    const refused = await fetch(`${server.url}/v2/`, { headers });
    assert.equal(refused.status, 429);
    assert.match(
      await refused.text(),
      /at most 1 a minute, for all clients together of a proxy that the server does not trust/u,
    );
    const [lockOut] = lockOuts(server);
    assert.deepEqual([lockOut?.["limit"], lockOut?.["proxy"]], ["reads", true]);
  });

  it("is nothing to talk about where it is trusted: the guesser alone is locked out, whatever form addresses have", async (t) => {
    const server = await guarded(t, { trustedProxies: ["127.0.0.1"] });
    await guess(server, "/v2/", from("203.0.113.66:51234"));
    assert.equal(await ask(server, "/v2/", "wonderland", from("203.0.113.66:51235")), 401);
    assert.equal(await ask(server, "/v2/", "wonderland", from("198.51.100.7:4711")), 200);
    assert.equal(await ask(server, "/v2/", "wonderland", from("[2001:db8::7]:4711")), 200);
    assert.deepEqual(
      warnings(server).map(({ event, remote, proxy }) => ({ event, remote, proxy })),
      [{ event: "a client is locked out", remote: "203.0.113.66", proxy: undefined }],
    );
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    assert.match(metrics, /^tagseal_server_untrusted_forwards_total 0$/mu);
  });
});
