import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { after, describe, it } from "node:test";
import { hashSync } from "bcryptjs";
import { certificates, clientCertificate } from "../support/certificates.ts";
import { gatewayStory } from "../support/gateway-story.ts";
import { run, Scope } from "../support/processes.ts";
import { missingPeers } from "../support/requirements.ts";
import { makeKey, signedToken } from "../support/token-maker.ts";

const scope = new Scope("gateway-logins");
after(async () => await scope.close());
const story = gatewayStory();

const htpasswd = scope.path("users.htpasswd");
writeFileSync(htpasswd, `alice:${hashSync("wonderland", 4)}\n`, { mode: 0o600 });
const basic = { htpasswd };
const as = (user: string, password: string): RequestInit => ({
  headers: { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}` },
});

describe("clients of a gateway that log in", () => {
  it("I10: with a password: every path but health and metrics is closed to others, and the verdict names the user", async () => {
    await story.publish("closed/app", "v1");
    const gateway = await story.gateway({ logins: { basic } });
    const { layers } = (await (await gateway.ask("closed/app", "manifests/v1", as("alice", "wonderland"))).json()) as {
      layers: { digest: string }[];
    };
    const paths = ["manifests/v1", `blobs/${layers[0]?.digest}`, "tags/list"];
    story.asked.length = 0;
    for (const path of [...paths, `referrers/sha256:${"0".repeat(64)}`]) {
      for (const init of [
        {},
        as("alice", "wrong"),
        as("bob", "wonderland"),
        { headers: { authorization: "Bearer x" } },
      ])
        assert.equal((await gateway.ask("closed/app", path, init)).status, 401, path);
    }
    assert.deepEqual(story.asked, [], "registries are not asked for clients that did not log in");
    for (const path of paths)
      assert.equal((await gateway.ask("closed/app", path, as("alice", "wonderland"))).status, 200, path);
    const base = await fetch(`${gateway.url}/v2/`);
    assert.deepEqual([base.status, base.headers.get("www-authenticate")], [401, 'Basic realm="tagseal"']);
    assert.equal(((await base.json()) as { errors: { code: string }[] }).errors[0]?.code, "UNAUTHORIZED");
    assert.equal((await fetch(`${gateway.url}/v2/`, as("alice", "wonderland"))).status, 200);
    for (const path of ["/healthz", "/readyz", "/metrics"])
      assert.equal((await fetch(`${gateway.url}${path}`)).status, 200, path);
    const verdicts = gateway.lines.filter((line) => line["event"] === "verdict");
    assert.deepEqual([...new Set(verdicts.map((line) => line["user"]))], ["alice"]);
    const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
    assert.match(metrics, /tagseal_gateway_logins_refused_total\{reason="invalid"\} \d/u);
    assert.equal(JSON.stringify(gateway.lines).includes("wonderland"), false);
  });

  it("I10: after too many wrong passwords the right one does not help either", async () => {
    const gateway = await story.gateway({ logins: { basic } });
    const status = async (password: string): Promise<number> =>
      (await fetch(`${gateway.url}/v2/`, as("alice", password))).status;
    for (let guess = 0; guess < 10; guess++) assert.equal(await status(`guess ${guess}`), 401);
    assert.equal(await status("wonderland"), 401);
    assert.ok(gateway.lines.some((line) => line["reason"] === "LOGIN_THROTTLED"));
  });

  it("I10: guesses count for the client that a trusted proxy names, and for nothing that another address says", async () => {
    const asked = async (gateway: { url: string }, password: string, client: string): Promise<number> => {
      const headers = new Headers(as("alice", password).headers);
      headers.set("x-forwarded-for", client);
      return (await fetch(`${gateway.url}/v2/`, { headers })).status;
    };
    const behind = await story.gateway({ logins: { basic }, trustedProxies: ["127.0.0.0/8"] });
    for (let guess = 0; guess < 10; guess++) await asked(behind, `guess ${guess}`, "192.0.2.7");
    assert.equal(await asked(behind, "wonderland", "192.0.2.7"), 401);
    assert.equal(await asked(behind, "wonderland", "192.0.2.8"), 200);
    assert.ok(behind.lines.some((line) => line["reason"] === "LOGIN_THROTTLED" && line["remote"] === "192.0.2.7"));
    const direct = await story.gateway({ logins: { basic } });
    for (let guess = 0; guess < 10; guess++) await asked(direct, `guess ${guess}`, `192.0.2.${guess}`);
    assert.equal(await asked(direct, "wonderland", "192.0.2.99"), 401);
    await assert.rejects(story.gateway({ trustedProxies: ["proxy.example.com"] }), { code: "SERVER_CONFIGURATION" });
  });

  it("I10: with a token, for the repository that it names; clients learn where to get one", async () => {
    await story.publish("token/app", "v1");
    const { key, jwk } = makeKey("ec");
    const jwks = scope.path("keys.json");
    writeFileSync(jwks, JSON.stringify({ keys: [{ ...jwk, kid: "one" }] }));
    const token = { realm: "https://auth.example.com/token", service: "gateway", issuer: "auth", jwks };
    const gateway = await story.gateway({ logins: { token } });
    const name = (repository: string): string => `${story.registry.host.replace(":", "_")}/${repository}`;
    const bearer = (repository: string, aud = "gateway"): RequestInit => {
      const access = [{ type: "repository", name: name(repository), actions: ["pull"] }];
      const now = Math.floor(Date.now() / 1000);
      const claims = { iss: "auth", aud, sub: "alice", iat: now, exp: now + 300, access };
      return { headers: { authorization: `Bearer ${signedToken(claims, { kid: "one" }, key)}` } };
    };
    const none = await gateway.ask("token/app", "manifests/v1");
    const challenge = 'Bearer realm="https://auth.example.com/token",service="gateway"';
    const scoped = `${challenge},scope="repository:${name("token/app")}:pull"`;
    assert.deepEqual([none.status, none.headers.get("www-authenticate")], [401, scoped]);
    assert.equal((await fetch(`${gateway.url}/v2/`)).headers.get("www-authenticate"), challenge);
    const ask = async (init: RequestInit) => (await gateway.ask("token/app", "manifests/v1", init)).status;
    assert.equal(await ask(bearer("token/app")), 200);
    assert.equal(await ask(bearer("token/other")), 401);
    assert.equal(await ask(bearer("token/app", "another service")), 401);
    assert.equal((await fetch(`${gateway.url}/v2/`, bearer("token/other"))).status, 200);
  });

  it("I10: with a certificate of the authority", { skip: missingPeers(["openssl"]) }, async () => {
    await story.publish("certificate/app", "v1");
    const { ca, serverCertificate: certFile, serverKey: keyFile } = await certificates(scope);
    const alice = await clientCertificate(scope, "alice");
    const gateway = await story.gateway({ tls: { certFile, keyFile }, logins: { mtls: { caFile: ca } } });
    const ask = async (shown: { cert?: Buffer; key?: Buffer }): Promise<number | undefined> => {
      const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
      const path = `/v2/${story.registry.host.replace(":", "_")}/certificate/app/manifests/v1`;
      const options = { ca: readFileSync(ca), agent: false, servername: "localhost", ...shown };
      const sent = request(`${gateway.url}${path}`, options, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      });
      sent.on("error", reject).end();
      return await promise;
    };
    assert.equal(await ask({}), 401);
    assert.equal(await ask({ cert: readFileSync(alice.certFile), key: readFileSync(alice.keyFile) }), 200);
    assert.equal(gateway.lines.find((line) => line["event"] === "verdict")?.["user"], "alice");
    await assert.rejects(story.gateway({ logins: { mtls: { caFile: ca } } }), { code: "SERVER_CONFIGURATION" });
  });

  it("lets skopeo log in, and read what is signed", { skip: missingPeers(["skopeo"]) }, async () => {
    const image = await story.publish("tool/app", "v1");
    const gateway = await story.gateway({ logins: { basic } });
    const { host } = new URL(gateway.url);
    const authFile = scope.path("auth.json");
    const login = async (password: string) =>
      await run("skopeo", ["login", "--tls-verify=false", "--authfile", authFile, "-u", "alice", "-p", password, host]);
    assert.notEqual((await login("wrong")).code, 0);
    assert.equal((await login("wonderland")).code, 0);
    const name = `docker://${host}/${story.registry.host.replace(":", "_")}/tool/app:v1`;
    const inspect = ["inspect", "--tls-verify=false", "--format", "{{.Digest}}"];
    const { stdout } = await run("skopeo", [...inspect, "--authfile", authFile, name]);
    assert.equal(stdout.trim(), image.digest);
    assert.notEqual((await run("skopeo", [...inspect, "--no-creds", name])).code, 0);
  });
});
