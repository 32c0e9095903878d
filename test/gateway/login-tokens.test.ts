/** How engines find out what to show a gateway that passes logins on: they get a token for the login that they have, or for none. */
import assert from "node:assert/strict";
import { type IncomingMessage, request } from "node:http";
import { after, before, describe, it } from "node:test";
import { RegistryClient } from "../../src/registry/registry-client.ts";
import { certificates } from "../support/certificates.ts";
import { gatewayStory, type StoryGateway } from "../support/gateway-story.ts";
import { ask } from "../support/https-request.ts";
import { Scope } from "../support/processes.ts";
import { missingPeers } from "../support/requirements.ts";

const story = gatewayStory();
const alice = `Basic ${Buffer.from("alice:wonderland").toString("base64")}`;
const as = (authorization: string): RequestInit => ({ headers: { authorization } });

interface Challenge {
  readonly status: number;
  readonly scheme: string | undefined;
  readonly realm: string;
  readonly scope: string | undefined;
  readonly error: string | undefined;
}

function challengeOf(status: number, header: string): Challenge {
  const parameter = (name: string): string | undefined => new RegExp(`${name}="([^"]*)"`, "u").exec(header)?.[1];
  const [scheme] = header.split(" ");
  return { status, scheme, realm: parameter("realm") ?? "", scope: parameter("scope"), error: parameter("error") };
}

async function asked(answer: Promise<Response>): Promise<Challenge> {
  const { status, headers } = await answer;
  return challengeOf(status, headers.get("www-authenticate") ?? "");
}

async function bearer(realm: string, authorization?: string): Promise<string> {
  const answer = await fetch(realm, authorization === undefined ? {} : as(authorization));
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get("cache-control"), "no-store");
  const { token, expires_in: seconds } = (await answer.json()) as { token: string; expires_in: number };
  assert.ok(seconds <= 300);
  return `Bearer ${token}`;
}

describe("the tokens of a gateway that passes logins on", () => {
  let at = Date.now();
  let gateway: StoryGateway;
  /** what the registry was shown */
  const shown: (string | undefined)[] = [];
  before(async () => {
    for (const name of ["private/app", "open/app"]) await story.publish(name, "v1");
    story.registry.hooks.intercept = ({ url = "", headers: { authorization } }, response) => {
      shown.push(authorization);
      if (!url.startsWith("/v2/private/") || authorization === alice) return false;
      response.writeHead(401, { "www-authenticate": 'Basic realm="registry"' }).end();
      return true;
    };
    gateway = await story.gateway({
      passThrough: [story.registry.host],
      now: () => new Date(at),
      openUpstream: async (name) =>
        await Promise.resolve(
          RegistryClient.forReference(name, {
            credentials: async () => await Promise.resolve(name.login?.credentials()),
          }),
        ),
    });
  });
  after(() => (story.registry.hooks.intercept = undefined));

  it("let a client without a login pull what the registry gives to everyone, and end its attempts at the rest", async () => {
    const base = await asked(fetch(`${gateway.url}/v2/`));
    assert.deepEqual([base.status, base.scheme, base.scope, base.error], [401, "Bearer", undefined, undefined]);
    assert.equal(base.realm, `${gateway.url}/token`);
    const anonymous = await bearer(base.realm);
    assert.equal((await fetch(`${gateway.url}/v2/`, as(anonymous))).status, 200);
    assert.equal((await gateway.ask("open/app", "manifests/v1", as(anonymous))).status, 200);
    const [first, second] = [
      await asked(gateway.ask("private/app", "manifests/v1")),
      await asked(gateway.ask("private/app", "manifests/v1", as(anonymous))),
    ];
    const path = `${story.registry.host.replace(":", "_")}/private/app`;
    assert.deepEqual([first.status, first.scope, first.error], [401, `repository:${path}:pull`, undefined]);
    assert.deepEqual([second.status, second.error], [401, "insufficient_scope"]);
    assert.equal(await bearer(base.realm, "Basic Og==").then((token) => token.length), anonymous.length);
  });

  it("I10: stand for a login for five minutes, do not show it, and are nothing after a change", async () => {
    const { realm } = await asked(gateway.ask("private/app", "manifests/v1"));
    const token = await bearer(realm, alice);
    assert.equal(Buffer.from(token.slice(token.indexOf(".") + 1), "base64url").includes("wonderland"), false);
    const status = async (header: string): Promise<number> =>
      (await gateway.ask("private/app", "manifests/v1", as(header))).status;
    assert.equal(await status(token), 200);
    assert.ok(shown.includes(alice), "the registry sees the password, in the way it asks for");
    assert.equal(shown.includes(token), false);
    const changed = `${token.slice(0, -3)}${token.endsWith("AAA") ? "BBB" : "AAA"}`;
    for (const bad of [changed, token.slice(0, 40), "Bearer tagseal-login."]) {
      const refused = await asked(gateway.ask("private/app", "manifests/v1", as(bad)));
      assert.deepEqual([refused.status, refused.error], [401, "invalid_token"], bad);
    }
    assert.equal((await asked(fetch(`${gateway.url}/v2/`, as(changed)))).status, 401);
    const other = await story.gateway({ passThrough: [story.registry.host] });
    assert.equal((await asked(fetch(`${other.url}/v2/`, as(token)))).error, "invalid_token");
    at += 301_000;
    assert.equal(await status(token), 401);
    const lines = JSON.stringify(gateway.lines);
    for (const secret of ["wonderland", alice.slice(6), token.slice(7)]) assert.equal(lines.includes(secret), false);
  });

  it("are given for a password or nothing, where logins are passed on, to readers", async () => {
    const realm = `${gateway.url}/token`;
    const token = await bearer(realm, alice);
    for (const header of [token, "Bearer of.a.registry", "Basic nocolon", "Digest x"]) {
      const refused = await asked(fetch(realm, as(header)));
      assert.deepEqual([refused.status, refused.scheme], [401, "Basic"], header);
    }
    assert.equal((await fetch(realm, { method: "POST", body: "grant_type=password" })).status, 405);
    assert.equal((await fetch(`${(await story.gateway()).url}/token`)).status, 404);
  });

  it("I10: have an address in the words of the client, with TLS unless it is this machine", async () => {
    const realmFor = async (host: string): Promise<string> => {
      const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
      request(`${gateway.url}/v2/`, { headers: { host } }, resolve).on("error", reject).end();
      const { headers } = (await promise).resume();
      return challengeOf(401, headers["www-authenticate"] ?? "").realm;
    };
    assert.equal(await realmFor("gateway.example.com"), "https://gateway.example.com/token");
    assert.equal(await realmFor("localhost:5443"), "http://localhost:5443/token");
    for (const host of ["a/b", 'a"b', "a@b", "a b"]) assert.equal(await realmFor(host), "registry behind the gateway");
  });

  describe("of replicas", { skip: missingPeers(["openssl"]) }, () => {
    const scope = new Scope("login-tokens");
    after(async () => await scope.close());

    it("count at each of them: they have one certificate", async () => {
      const { ca, serverCertificate: certFile, serverKey: keyFile } = await certificates(scope);
      const replica = async (): Promise<string> => {
        const running = await story.gateway({ passThrough: [story.registry.host], tls: { certFile, keyFile } });
        return running.url.replace("127.0.0.1", "localhost");
      };
      const [one, two] = [await replica(), await replica()];
      const { realm } = challengeOf(401, (await ask(ca, "GET", `${one}/v2/`)).headers["www-authenticate"] ?? "");
      assert.equal(realm, `${one}/token`);
      const { token } = JSON.parse((await ask(ca, "GET", realm, { authorization: alice })).body.toString()) as {
        token: string;
      };
      assert.equal((await ask(ca, "GET", `${two}/v2/`, { authorization: `Bearer ${token}` })).status, 200);
    });
  });
});
