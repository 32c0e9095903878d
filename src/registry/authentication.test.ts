import assert from "node:assert/strict";
import type { IncomingMessage, RequestListener } from "node:http";
import { test, type TestContext } from "node:test";
import { reply, startStory, type StoryServer } from "../../test/support/story-server.ts";
import { createThrowawayTls } from "../sandbox/throwaway-tls.ts";
import { type ErrorCode, hasCode } from "../errors.ts";
import { Authenticator, type AuthenticatorOptions } from "./authentication.ts";
import type { Credentials } from "../docker-config/credentials.ts";
import { HttpClient } from "../http/client/http-client.ts";

const tls = createThrowawayTls(new Date());
const serverTls = { cert: tls.certificate, key: tls.key };
const alice: Credentials = { kind: "basic", username: "alice", password: "s3cret" };
const pull = "repository:app:pull";

interface Stage {
  readonly http: HttpClient;
  readonly as: (credentials?: Credentials, more?: AuthenticatorOptions) => Authenticator;
}

function stage(t: TestContext): Stage {
  const http = new HttpClient({ tls: { ca: [tls.caCertificate] } });
  t.after(() => http.close());
  return {
    http,
    as: (credentials, more = {}) =>
      new Authenticator(http, { credentials: () => Promise.resolve(credentials), ...more }),
  };
}

/** A server that requires the Bearer token `good`, from the given realm. */
function guarded(realm: () => string, token = "good"): RequestListener {
  return (request, response) => {
    if (request.headers.authorization === `Bearer ${token}`) return reply(response, 200, "welcome");
    const challenge = `Bearer realm="${realm()}",service="registry",scope="repository:app:pull"`;
    return reply(response, 401, "", { "www-authenticate": challenge });
  };
}

function tokenService(answer: (request: IncomingMessage, url: URL, body: string) => object | number): RequestListener {
  return (request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      const made = answer(request, new URL(request.url ?? "/", "http://service"), body);
      if (typeof made === "number") return reply(response, made, "{}");
      return reply(response, 200, JSON.stringify(made), { "content-type": "application/json" });
    });
  };
}

async function statusOf(
  authenticator: Authenticator,
  server: StoryServer,
  scope: string | string[] = pull,
): Promise<number> {
  const response = await authenticator.request({ method: "GET", url: server.url("/v2/app/manifests/1") }, scope);
  response.discard();
  return response.status;
}

async function refusal(promise: Promise<unknown>, code: ErrorCode, message = /./): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(hasCode(error, code), `${code} expected, got ${String(error)}`);
    assert.match(error.message, message);
    assert.doesNotMatch(`${error.message} ${error.hint}`, /s3cret|refresh-me/);
    return true;
  });
}

test("an anonymous token is fetched once and used for every request of its scope", async (t) => {
  const service = await startStory(
    t,
    tokenService(() => ({ token: "good" })),
  );
  const server = await startStory(
    t,
    guarded(() => `${service.origin}/token`),
  );
  const anonymous = stage(t).as();
  for (let turn = 0; turn < 3; turn++) assert.equal(await statusOf(anonymous, server), 200);
  assert.deepEqual(service.seen, [`GET /token?scope=repository%3Aapp%3Apull&service=registry`]);
  assert.equal(service.headers[0]?.authorization, undefined);
});

test("user and password go to the token service with Basic, under their account", async (t) => {
  const service = await startStory(
    t,
    tokenService((request, url) =>
      request.headers.authorization === `Basic ${Buffer.from("alice:s3cret").toString("base64")}` &&
      url.searchParams.get("account") === "alice"
        ? { access_token: "good", expires_in: 300 }
        : 401,
    ),
  );
  const server = await startStory(
    t,
    guarded(() => service.origin),
  );
  assert.equal(await statusOf(stage(t).as(alice), server), 200);
  assert.ok(
    server.headers.every(({ authorization }) => authorization === undefined || authorization === "Bearer good"),
  );
});

test("an identity token is exchanged with POST and never sent in a URL", async (t) => {
  const service = await startStory(
    t,
    tokenService((request, _url, body) => {
      const form = new URLSearchParams(body);
      assert.equal(request.method, "POST");
      assert.deepEqual(Object.fromEntries(form), {
        grant_type: "refresh_token",
        refresh_token: "refresh-me",
        client_id: "docker",
        service: "registry",
        scope: `${pull} repository:base:pull`,
      });
      return { access_token: "good" };
    }),
  );
  const server = await startStory(
    t,
    guarded(() => service.origin),
  );
  const authenticator = stage(t).as({ kind: "identity-token", token: "refresh-me" });
  assert.equal(await statusOf(authenticator, server, [pull, "repository:base:pull"]), 200);
  assert.deepEqual(service.seen, ["POST /"]);
});

test("a registry token is the bearer token itself", async (t) => {
  const server = await startStory(
    t,
    guarded(() => "https://nowhere.invalid/", "mine"),
  );
  assert.equal(await statusOf(stage(t).as({ kind: "registry-token", token: "mine" }), server), 200);
});

test("a Basic challenge is answered, and no credentials are sent before it", async (t) => {
  const expected = `Basic ${Buffer.from("alice:s3cret").toString("base64")}`;
  const server = await startStory(t, (request, response) =>
    request.headers.authorization === expected
      ? reply(response, 200)
      : reply(response, 401, "", { "www-authenticate": 'Basic realm="registry"' }),
  );
  assert.equal(await statusOf(stage(t).as(alice), server), 200);
  assert.equal(server.headers[0]?.authorization, undefined);
});

test("an expired token is renewed, also when the server refuses it first", async (t) => {
  let issued = 0;
  let valid = "t1";
  const service = await startStory(
    t,
    tokenService(() => ({ token: `t${++issued}`, expires_in: 100 })),
  );
  const server = await startStory(t, (request, response) => guarded(() => service.origin, valid)(request, response));
  let nowMs = Date.parse("2026-01-01T00:00:00Z");
  const authenticator = stage(t).as(undefined, { now: () => new Date(nowMs) });
  assert.equal(await statusOf(authenticator, server), 200);
  valid = "t2";
  nowMs += 101_000;
  assert.equal(await statusOf(authenticator, server), 200);
  valid = "t3";
  assert.equal(await statusOf(authenticator, server), 200);
  assert.equal(issued, 3);
});

test("shows whether a login would help", async (t) => {
  const service = await startStory(
    t,
    tokenService(() => 401),
  );
  const server = await startStory(
    t,
    guarded(() => service.origin),
  );
  await refusal(statusOf(stage(t).as(), server), "AUTHENTICATION_REQUIRED");
  await refusal(statusOf(stage(t).as(alice), server), "AUTHENTICATION_REFUSED");
  const useless = await startStory(
    t,
    tokenService(() => ({ token: "bad" })),
  );
  const strict = await startStory(
    t,
    guarded(() => useless.origin),
  );
  await refusal(statusOf(stage(t).as(alice), strict), "AUTHENTICATION_REFUSED", /does not accept/);
});

test("a failing token service is a network failure, an invalid answer is malformed", async (t) => {
  let answer: object | number = 503;
  const service = await startStory(
    t,
    tokenService(() => answer),
  );
  const server = await startStory(
    t,
    guarded(() => service.origin),
  );
  await refusal(statusOf(stage(t).as(alice), server), "NETWORK_UNREACHABLE", /status 503/);
  for (const nonsense of [{}, { token: 7 }, { token: "a\r\nx-injected: 1" }, { token: "" }, []]) {
    answer = nonsense;
    await refusal(statusOf(stage(t).as(alice), server), "RESPONSE_MALFORMED");
  }
});

test("I1: a token service that sends megabytes is refused", async (t) => {
  const service = await startStory(
    t,
    tokenService(() => ({ token: "x".repeat(2_000_000) })),
  );
  const server = await startStory(
    t,
    guarded(() => service.origin),
  );
  await refusal(statusOf(stage(t).as(alice), server), "RESPONSE_TOO_LARGE");
});

test("I9: no password goes to a remote token realm on plain HTTP", async (t) => {
  const server = await startStory(
    t,
    guarded(() => "http://auth.invalid/token"),
    { tls: serverTls },
  );
  await refusal(statusOf(stage(t).as(alice), server), "AUTHENTICATION_REFUSED", /not encrypted/);
  await refusal(statusOf(stage(t).as(), server), "AUTHENTICATION_REFUSED", /not encrypted/);
});

test("I9: a realm that is a file, invalid, or has a user name gets nothing", async (t) => {
  let realm = "";
  const server = await startStory(
    t,
    guarded(() => realm),
  );
  for (realm of ["file:///etc/passwd", "//x", "ftp://127.0.0.1/", "https://a:b@127.0.0.1/"]) {
    await refusal(statusOf(stage(t).as(alice), server), "AUTHENTICATION_REFUSED");
  }
});

test("I9: a realm that redirects does not forward the password", async (t) => {
  const thief = await startStory(
    t,
    tokenService(() => ({ token: "good" })),
  );
  const service = await startStory(t, (_request, response) => reply(response, 307, "", { location: thief.origin }));
  const server = await startStory(
    t,
    guarded(() => service.origin),
  );
  await statusOf(stage(t).as(alice), server);
  assert.equal(thief.headers[0]?.authorization, undefined);
  await refusal(statusOf(stage(t).as({ kind: "identity-token", token: "refresh-me" }), server), "REDIRECT_REFUSED");
  assert.equal(thief.seen.length, 1);
});

test("I9: the target of a redirect may ask for credentials, and gets none", async (t) => {
  const thief = await startStory(t, (_request, response) =>
    reply(response, 401, "", { "www-authenticate": "Basic realm=x" }),
  );
  const server = await startStory(t, (_request, response) =>
    reply(response, 307, "", { location: `${thief.origin}/blob` }),
  );
  assert.equal(await statusOf(stage(t).as(alice), server), 401);
  assert.deepEqual(thief.seen, ["GET /blob"]);
});

test("403 is returned to the caller", async (t) => {
  const server = await startStory(t, (_request, response) => reply(response, 403));
  assert.equal(await statusOf(stage(t).as(alice), server), 403);
});

test("a body in bytes is sent again after the challenge", async (t) => {
  const bodies: string[] = [];
  const service = await startStory(
    t,
    tokenService(() => ({ token: "good" })),
  );
  const server = await startStory(t, (request, response) => {
    request.on("data", (chunk: Buffer) => bodies.push(chunk.toString()));
    request.on("end", () => guarded(() => service.origin)(request, response));
  });
  const request = { method: "PUT", url: server.url("/"), body: Buffer.from("manifest") } as const;
  const response = await stage(t).as().request(request, pull);
  response.discard();
  assert.equal(response.status, 200);
  assert.deepEqual(bodies, ["manifest", "manifest"]);
});

/** A server that requires Basic or a token of `/token`, announced with the given headers. */
async function offering(t: TestContext, ...headers: readonly string[]): Promise<StoryServer> {
  return await startStory(t, (request, response) => {
    const basic = `Basic ${Buffer.from("alice:s3cret").toString("base64")}`;
    const { authorization } = request.headers;
    if (request.url?.startsWith("/token") === true) {
      const isKnown = authorization === undefined || authorization === basic;
      return isKnown && request.method === "GET"
        ? reply(response, 200, '{"access_token":"good","expires_in":3599.5}')
        : reply(response, 404);
    }
    if (authorization === basic || authorization === "Bearer good") return reply(response, 200, "welcome");
    return reply(response, 401, "", headers.length === 0 ? {} : { "www-authenticate": headers.join(", ") });
  });
}

const identity: Credentials = { kind: "identity-token", token: "refresh-me" };

const answeredOffers: readonly (readonly string[])[] = [
  ['bearer REALM="/token", Service = reg'],
  ['Bearer realm="/token?x=1,2"'],
  ["BASIC realm=x"],
  ["Negotiate", "Basic realm=x"],
  ["Negotiate YII=, NTLM TlRM, Basic realm=x"],
  ['Basic realm="a, Bearer realm=b"', 'Bearer realm="/token"'],
  ['Bearer realm="http://127.0.0.1:1/", Basic realm=x'],
  ['Bearer realm="http://auth.invalid/token", Basic realm=x'],
  ["Bearer, Basic"],
  ['Digest realm="x", nonce="y", Bearer realm="/token"'],
];
for (const headers of answeredOffers) {
  test(`a server that offers ${headers.join(" | ")} is answered`, async (t) => {
    const server = await offering(t, ...headers);
    const authenticator = stage(t).as(alice);
    assert.equal(await statusOf(authenticator, server), 200);
    assert.equal(await statusOf(authenticator, server), 200);
    // the way that works is remembered
    assert.notEqual(server.headers.at(-1)?.authorization, undefined);
    assert.equal(server.seen.filter((line) => line === "GET /v2/app/manifests/1").length, 3);
  });
}

test("an identity token for a server that offers Basic: the error names the stored login, what is required, and what to do", async (t) => {
  const server = await offering(t, 'Basic realm="x"');
  const wanted = /wants a user name and a password \(Basic\), and the stored login is an identity token/;
  await assert.rejects(statusOf(stage(t).as(identity, { registry: "reg.example" }), server), (error) => {
    assert.ok(hasCode(error, "AUTHENTICATION_REFUSED"));
    assert.match(error.message, wanted);
    assert.match(error.hint ?? "", /password or access token: docker login reg\.example$/);
    return true;
  });
  const registryToken: Credentials = { kind: "registry-token", token: "t" };
  await refusal(statusOf(stage(t).as(registryToken), server), "AUTHENTICATION_REFUSED", /is a registry token/);
  const both: Credentials = { ...identity, basic: { username: "alice", password: "s3cret" } };
  assert.equal(await statusOf(stage(t).as(both), server), 200);
});

test("a token service that does not exchange identity tokens gets the password stored with it, or an error says so", async (t) => {
  const server = await offering(t, 'Bearer realm="/token"');
  const both: Credentials = { ...identity, basic: { username: "alice", password: "s3cret" } };
  assert.equal(await statusOf(stage(t).as(both), server), 200);
  await refusal(statusOf(stage(t).as(identity), server), "AUTHENTICATION_REFUSED", /takes no identity token/);
});

test("a server that offers unknown schemes, or none, gets an error that says so, logged in or not", async (t) => {
  for (const credentials of [alice, undefined]) {
    const odd = await offering(t, "Negotiate", "NTLM");
    await refusal(statusOf(stage(t).as(credentials), odd), "AUTHENTICATION_REFUSED", /kind Negotiate or Ntlm/);
    const mute = await offering(t);
    await refusal(statusOf(stage(t).as(credentials), mute), "AUTHENTICATION_REFUSED", /does not say which/);
  }
  const basic = await offering(t, "Basic");
  await refusal(statusOf(stage(t).as(), basic), "AUTHENTICATION_REQUIRED", /requires authentication/);
  const nowhere = await offering(t, 'Bearer service="x"');
  await refusal(statusOf(stage(t).as(alice), nowhere), "AUTHENTICATION_REFUSED", /has no address/);
});
