/**
 * Who gets what: every endpoint against every kind of visitor, over real HTTP, with docker's token authentication. A refused request
 * never reaches the store or the signer.
 */

import assert from "node:assert/strict";
import { createPublicKey } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { hashSync } from "bcryptjs";
import type { AccessRule, AuthSettings } from "../../src/server/auth/auth-settings.ts";
import type { Route } from "../../src/server/http/route.ts";
import { ServerLog } from "../../src/service/log.ts";
import { openServerParts } from "../../src/server/run/server-parts.ts";
import { confusedToken, makeCertificate, makeKey, signedToken, unsignedToken } from "../support/token-maker.ts";
import { libtrustKeyId } from "../support/token-server.ts";
import { waitUntil } from "../support/processes.ts";
import { serve, temporaryDirectory, type TestServer } from "./running-server.ts";
import { UploadingPublisher } from "./uploading-publisher.ts";

const gun = "example.com/team/app";
const tuf = `/v2/${gun}/_trust/tuf`;
const proposals = `/v2/${gun}/_trust/proposals`;
const multipart = { "Content-Type": "multipart/form-data; boundary=x" };
const nothingNew = "\r\n--x--\r\n";

interface Endpoint {
  readonly method: string;
  readonly path: string;
  /** answers to anonymous clients, and to users with these rights */
  readonly expected: Readonly<Record<"none" | "pull" | "push" | "admin", number>>;
}

const forReaders = { none: 401, pull: 200, push: 200, admin: 200 };
const missingForReaders = { none: 401, pull: 404, push: 404, admin: 404 };
const forPublishers = { none: 401, pull: 401, push: 200, admin: 200 };
const forAdmins = { none: 401, pull: 401, push: 401, admin: 200 };
const forAll = { none: 200, pull: 200, push: 200, admin: 200 };

/** A route without a line here does not compile. */
const byRoute: Readonly<Record<Route["kind"], readonly Endpoint[]>> = {
  ping: [{ method: "GET", path: "/v2/", expected: forReaders }],
  health: [{ method: "GET", path: "/_notary_server/health", expected: forAll }],
  live: [{ method: "GET", path: "/_tagseal/live", expected: forAll }],
  ready: [{ method: "GET", path: "/_tagseal/ready", expected: forAll }],
  openapi: [{ method: "GET", path: "/openapi.json", expected: forAll }],
  metrics: [{ method: "GET", path: "/metrics", expected: forAll }],
  // Another service issues tokens here.
  token: [{ method: "GET", path: "/_tagseal/token", expected: { none: 404, pull: 404, push: 404, admin: 404 } }],
  current: [
    { method: "GET", path: `${tuf}/timestamp.json`, expected: forReaders },
    { method: "HEAD", path: `${tuf}/targets.json`, expected: forReaders },
  ],
  version: [{ method: "GET", path: `${tuf}/1.root.json`, expected: forReaders }],
  checksum: [{ method: "GET", path: `${tuf}/root.${"a".repeat(64)}.json`, expected: missingForReaders }],
  key: [
    { method: "GET", path: `${tuf}/timestamp.key`, expected: forPublishers },
    { method: "POST", path: `${tuf}/snapshot.key`, expected: forAdmins },
  ],
  changefeed: [
    { method: "GET", path: `/v2/${gun}/_trust/changefeed?records=1`, expected: forReaders },
    { method: "GET", path: "/v2/_trust/changefeed?records=1", expected: forAdmins },
  ],
  proposals: [
    { method: "GET", path: `${proposals}/`, expected: forReaders },
    { method: "POST", path: `${proposals}/`, expected: { none: 401, pull: 401, push: 400, admin: 400 } },
  ],
  proposal: [
    { method: "GET", path: `${proposals}/${"a".repeat(64)}`, expected: missingForReaders },
    {
      method: "DELETE",
      path: `${proposals}/${"a".repeat(64)}`,
      expected: { none: 401, pull: 401, push: 404, admin: 404 },
    },
  ],
  collection: [
    { method: "POST", path: `${tuf}/`, expected: forPublishers },
    { method: "DELETE", path: `${tuf}/`, expected: forAdmins },
  ],
};
const endpoints = Object.values(byRoute).flat();

const signer = await makeCertificate({ name: "issuer", isCa: true });
const kid = libtrustKeyId(createPublicKey(signer.key).export({ type: "spki", format: "der" }));
const seconds = (offset: number): number => Math.floor(Date.now() / 1000) + offset;

function rights(actions: readonly string[], name = gun): object[] {
  return [
    { type: "repository", name, actions },
    { type: "registry", name: "catalog", actions: actions.filter((action) => action === "*") },
  ];
}

const claimsOf = (actions: readonly string[]) => ({
  iss: "the issuer",
  aud: "the service",
  sub: "alice",
  exp: seconds(300),
  nbf: seconds(-10),
  iat: seconds(-10),
  access: rights(actions),
});
const admin = claimsOf(["*"]);
const adminWith = (more: object): string => signedToken({ ...admin, ...more }, { kid }, signer.key);
const publicSpki = createPublicKey(signer.key).export({ type: "spki", format: "der" });

const users = {
  none: undefined,
  pull: `Bearer ${signedToken(claimsOf(["pull"]), { kid }, signer.key)}`,
  push: `Bearer ${signedToken(claimsOf(["pull", "push"]), { kid }, signer.key)}`,
  admin: `Bearer ${adminWith({})}`,
} as const;

/** Each would be an administrator's token, but for one thing. */
const impostors: Readonly<Record<string, string>> = {
  "an expired token": `Bearer ${adminWith({ exp: seconds(-120) })}`,
  "a token that is not valid yet": `Bearer ${adminWith({ nbf: seconds(120) })}`,
  "a token from the future": `Bearer ${adminWith({ iat: seconds(120) })}`,
  "a token without an end": `Bearer ${adminWith({ exp: undefined })}`,
  "another issuer's token": `Bearer ${adminWith({ iss: "another issuer" })}`,
  "a token for another service": `Bearer ${adminWith({ aud: "another service" })}`,
  "a token signed by another key": `Bearer ${signedToken(admin, { kid }, makeKey("ec").key)}`,
  "a token with algorithm none": `Bearer ${unsignedToken(admin, { kid })}`,
  "a token with an HMAC of the bundle": `Bearer ${confusedToken(admin, { kid }, signer.pem)}`,
  "a token with an HMAC of the public key": `Bearer ${confusedToken(admin, { kid }, publicSpki)}`,
  "an oversized token": `Bearer ${adminWith({ padding: "x".repeat(10_000) })}`,
  garbage: "Bearer garbage",
  "no token behind the scheme": "Bearer",
  "a token without a scheme": adminWith({}),
  "a password": `Basic ${Buffer.from("alice:wonderland").toString("base64")}`,
  "another scheme": "Negotiate abc",
};

/** Names every method called on a real part, and calls it. */
function watched<T extends object>(part: T, calls: string[]): T {
  return new Proxy(part, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== "function") return member;
      return (...args: unknown[]): unknown => {
        if (name !== "revision" && name !== "close") calls.push(String(name));
        return Reflect.apply(member, target, args);
      };
    },
  });
}

interface World {
  readonly server: TestServer;
  /** what the store and the signer were asked to do since it was last emptied */
  readonly calls: string[];
}

/** A published collection behind authentication. */
async function guarded(t: TestContext, auth: AuthSettings): Promise<World> {
  const dataDir = temporaryDirectory(t);
  const open = await serve(t, { dataDir });
  await new UploadingPublisher(open.url, gun).begin();
  await open.close();
  const calls: string[] = [];
  const now = (): Date => new Date();
  const silent = new ServerLog({ sink: () => {}, level: "error", now });
  const { store, signer: keys } = await openServerParts({ dataDir }, now, silent);
  const parts = { store: watched(store, calls), signer: watched(keys, calls) };
  const server = await serve(t, { dataDir, ...parts, auth, upkeep: false });
  // The server looks once, by itself, when something was signed last.
  await waitUntil("the server has begun", () => calls.includes("changes"));
  calls.length = 0;
  return { server, calls };
}

function guardedByTokens(t: TestContext, more: Partial<AuthSettings> = {}): Promise<World> {
  const rootcertbundle = join(temporaryDirectory(t), "bundle.pem");
  writeFileSync(rootcertbundle, signer.pem);
  const token = { realm: "https://auth.example/token", service: "the service", issuer: "the issuer", rootcertbundle };
  return guarded(t, { token, ...more });
}

async function ask({ server }: World, { method, path }: Endpoint, authorization?: string): Promise<Response> {
  const headers = { ...(method === "POST" && multipart), ...(authorization !== undefined && { authorization }) };
  const body = method === "POST" ? nothingNew : null;
  const response = await fetch(`${server.url}${path}`, { method, headers, body });
  await response.arrayBuffer();
  return response;
}

const isGuarded = ({ expected }: Endpoint): boolean => expected.none === 401;

describe("access with tokens", () => {
  for (const visitor of ["none", "pull", "push", "admin"] as const) {
    it(`I10: ${visitor === "none" ? "nobody" : `a token for ${visitor}`} gets what it is for, and nothing else`, async (t) => {
      const world = await guardedByTokens(t);
      for (const endpoint of endpoints) {
        world.calls.length = 0;
        const { status } = await ask(world, endpoint, users[visitor]);
        const where = `${endpoint.method} ${endpoint.path}`;
        assert.equal(status, endpoint.expected[visitor], where);
        if (status === 401) assert.deepEqual(world.calls, [], where);
      }
    });
  }

  it("I10: a token for one collection is none for another", async (t) => {
    const world = await guardedByTokens(t);
    for (const name of ["example.com/team/app2", "example.com/team", "example.com/team/*", "*", ""]) {
      const token = `Bearer ${adminWith({ access: [{ type: "repository", name, actions: ["*"] }] })}`;
      for (const endpoint of endpoints.filter(({ path }) => path.startsWith(`/v2/${gun}/`))) {
        const response = await ask(world, endpoint, token);
        assert.equal(response.status, 401, `${endpoint.method} ${endpoint.path} with ${name}`);
        assert.match(response.headers.get("www-authenticate") ?? "", /,error="insufficient_scope"$/u);
      }
    }
    assert.deepEqual(world.calls, []);
  });

  it("I9: what is not a good token opens nothing, not even what a lesser one would", async (t) => {
    const world = await guardedByTokens(t);
    for (const [what, authorization] of Object.entries(impostors)) {
      for (const endpoint of endpoints.filter(isGuarded)) {
        const response = await ask(world, endpoint, authorization);
        assert.equal(response.status, 401, `${endpoint.method} ${endpoint.path} with ${what}`);
        assert.match(response.headers.get("www-authenticate") ?? "", /^Bearer realm=.*,error="invalid_token"$/u);
      }
    }
    assert.deepEqual(world.calls, []);
    const read = await ask(world, byRoute.current[0]!, users.pull);
    assert.equal(read.status, 200);
  });

  it("I1: a header larger than any token is refused unread", async (t) => {
    const world = await guardedByTokens(t);
    assert.equal((await ask(world, byRoute.current[0]!, `Bearer ${"x".repeat(20_000)}`)).status, 431);
    assert.deepEqual(world.calls, []);
  });

  it("says in the reference's form what would have been needed", async (t) => {
    const { server } = await guardedByTokens(t);
    const refused = await fetch(`${server.url}${tuf}/timestamp.json`);
    assert.equal(
      refused.headers.get("www-authenticate"),
      `Bearer realm="https://auth.example/token",service="the service",scope="repository:${gun}:pull"`,
    );
    const { errors } = (await refused.json()) as { errors: object[] };
    const detail = [{ Type: "repository", Class: "", Name: gun, Action: "pull" }];
    assert.deepEqual(errors, [{ code: "UNAUTHORIZED", message: "authentication required", detail }]);
  });
});

/** Users named after their rights, with passwords of the same name. */
function guardedByPasswords(t: TestContext, more: Partial<AuthSettings> = {}): Promise<World> {
  const htpasswd = join(temporaryDirectory(t), "htpasswd");
  writeFileSync(htpasswd, ["pull", "push", "admin"].map((user) => `${user}:${hashSync(user, 4)}\n`).join(""));
  const rules: AccessRule[] = [
    { prefix: "example.com/team/", users: ["pull"], actions: ["pull"] },
    { prefix: gun, users: ["push"], actions: ["pull", "push"] },
    { prefix: "*", users: ["admin"], actions: ["*"] },
  ];
  return guarded(t, { basic: { htpasswd }, rules, ...more });
}

const password = (user: string, secret = user): string =>
  `Basic ${Buffer.from(`${user}:${secret}`).toString("base64")}`;

describe("access with passwords", () => {
  for (const visitor of ["none", "pull", "push", "admin"] as const) {
    it(`I10: ${visitor === "none" ? "nobody" : `a user with rights to ${visitor}`} gets that, and nothing else`, async (t) => {
      const world = await guardedByPasswords(t);
      for (const endpoint of endpoints) {
        world.calls.length = 0;
        const response = await ask(world, endpoint, visitor === "none" ? undefined : password(visitor));
        const where = `${endpoint.method} ${endpoint.path}`;
        assert.equal(response.status, endpoint.expected[visitor], where);
        if (response.status !== 401) continue;
        assert.deepEqual(world.calls, [], where);
        assert.equal(response.headers.get("www-authenticate"), 'Basic realm="tagseal"');
      }
    });
  }

  it("I9: what is no user's password opens nothing", async (t) => {
    const world = await guardedByPasswords(t);
    const strangers = [
      password("admin", "wrong"),
      password("stranger"),
      password(""),
      "Basic",
      "Basic ???",
      users.admin,
    ];
    for (const authorization of strangers) {
      for (const endpoint of endpoints.filter(isGuarded)) {
        const { status } = await ask(world, endpoint, authorization);
        assert.equal(status, 401, `${endpoint.method} ${endpoint.path} with ${authorization}`);
      }
    }
    assert.deepEqual(world.calls, []);
  });

  it("I9: guessing ends, and is counted", async (t) => {
    const world = await guardedByPasswords(t);
    const [read] = byRoute.current;
    for (let guess = 0; guess < 12; guess += 1) await ask(world, read!, password("admin", `guess ${guess}`));
    assert.equal((await ask(world, read!, password("admin"))).status, 401);
    const metrics = await (await fetch(`${world.server.url}/metrics`)).text();
    assert.match(metrics, /^tagseal_server_access_invalid_total 10$/mu);
    assert.match(metrics, /^tagseal_server_access_throttled_total 3$/mu);
  });
});

describe("tokens for passwords", () => {
  const tokenRealm = "https://trust.example:4443/_tagseal/token";

  /** The status, and the token there is for an `Authorization` header. */
  async function tokenFor(world: World, authorization?: string): Promise<{ status: number; bearer: string }> {
    const url = `${world.server.url}/_tagseal/token?service=tagseal&scope=repository:${gun}:pull,push`;
    const response = await fetch(url, { headers: authorization === undefined ? {} : { authorization } });
    assert.match(response.headers.get(response.ok ? "cache-control" : "www-authenticate") ?? "", /^no-store$|^Basic/u);
    const { token } = (await response.json()) as { token?: string };
    return { status: response.status, bearer: `Bearer ${token}` };
  }

  async function world(t: TestContext, more: { tokenKeyFile?: string } = {}, settings: Partial<AuthSettings> = {}) {
    const htpasswd = join(temporaryDirectory(t), "htpasswd");
    const write = (secret: string): void =>
      writeFileSync(htpasswd, ["pull", "push", "admin"].map((user) => `${user}:${hashSync(secret, 4)}\n`).join(""));
    write("first");
    const basic = { htpasswd, tokenRealm, ...more };
    return { htpasswd, write, ...(await guardedByPasswords(t, { basic, ...settings })) };
  }

  for (const visitor of ["none", "pull", "push", "admin"] as const) {
    it(`I10: ${visitor === "none" ? "nobody's" : `that of a user with rights to ${visitor}`} does what the rules allow`, async (t) => {
      const guardedWorld = await world(t);
      const given = await tokenFor(guardedWorld, visitor === "none" ? undefined : password(visitor, "first"));
      assert.equal(given.status, 200);
      for (const endpoint of endpoints.filter(({ path }) => path !== "/_tagseal/token")) {
        const response = await ask(guardedWorld, endpoint, given.bearer);
        assert.equal(response.status, endpoint.expected[visitor], `${endpoint.method} ${endpoint.path}`);
        if (response.status !== 401) continue;
        const challenge = response.headers.get("www-authenticate") ?? "";
        assert.ok(challenge.startsWith(`Bearer realm="${tokenRealm}",service="tagseal",scope="`), challenge);
        assert.ok(challenge.endsWith(',error="insufficient_scope"'), challenge);
      }
    });
  }

  it("I9: are given for no wrong password, and not to who shows something else", async (t) => {
    const guardedWorld = await world(t);
    for (const authorization of [
      password("admin", "wrong"),
      password("stranger"),
      "Basic",
      "Bearer x",
      "Negotiate x",
    ]) {
      assert.equal((await tokenFor(guardedWorld, authorization)).status, 401, authorization);
    }
    assert.equal((await ask(guardedWorld, byRoute.current[0]!, password("pull", "first"))).status, 200);
  });

  it("I9: are worth nothing elsewhere, changed, or after the password changed", async (t) => {
    const [here, there] = [await world(t), await world(t)];
    const read = byRoute.current[0]!;
    const { bearer } = await tokenFor(here, password("pull", "first"));
    assert.equal((await ask(there, read, bearer)).status, 401);
    const [header, payload, signature] = bearer.split(".");
    const claims = JSON.parse(Buffer.from(payload ?? "", "base64url").toString()) as object;
    const admin = Buffer.from(JSON.stringify({ ...claims, sub: "admin" })).toString("base64url");
    assert.equal((await ask(here, read, `${header}.${admin}.${signature}`)).status, 401);
    assert.equal((await ask(here, read, `Bearer ${unsignedToken({ ...claims, sub: "admin" })}`)).status, 401);
    assert.equal((await ask(here, read, bearer)).status, 200);
    here.write("second");
    await here.server.reload();
    assert.equal((await ask(here, read, bearer)).status, 401);
  });

  it("are good on every replica with the same key", async (t) => {
    const tokenKeyFile = join(temporaryDirectory(t), "key");
    writeFileSync(tokenKeyFile, "k".repeat(32));
    const [here, there] = [await world(t, { tokenKeyFile }), await world(t, { tokenKeyFile })];
    writeFileSync(there.htpasswd, readFileSync(here.htpasswd));
    await there.server.reload();
    const { bearer } = await tokenFor(here, password("pull", "first"));
    assert.equal((await ask(there, byRoute.current[0]!, bearer)).status, 200);
    writeFileSync(tokenKeyFile, "short");
    await assert.rejects(world(t, { tokenKeyFile }), { code: "SERVER_CONFIGURATION", message: /5 bytes/u });
  });

  it("let anonymous users read where all may", async (t) => {
    const guardedWorld = await world(t, {}, { anonymousPull: true });
    const { bearer } = await tokenFor(guardedWorld);
    assert.equal((await ask(guardedWorld, byRoute.current[0]!, bearer)).status, 200);
    assert.equal((await ask(guardedWorld, byRoute.collection[0]!, bearer)).status, 401);
  });

  it("come from one place only", async (t) => {
    const token = { realm: "https://auth.example/token", service: "s", issuer: "i", rootcertbundle: "/nonexistent" };
    await assert.rejects(world(t, {}, { token }), { code: "SERVER_CONFIGURATION", message: /together/u });
  });
});

describe("access without logging in", () => {
  it("I10: anonymous pull opens reading, and nothing else", async (t) => {
    const world = await guardedByTokens(t, { anonymousPull: true });
    for (const endpoint of endpoints) {
      const isPull = endpoint.expected === forReaders && endpoint.path !== "/v2/";
      const expected = isPull ? 200 : endpoint.expected === missingForReaders ? 404 : endpoint.expected.none;
      assert.equal((await ask(world, endpoint)).status, expected, `${endpoint.method} ${endpoint.path}`);
    }
  });

  it("I9: bad credentials are refused where none would do", async (t) => {
    const world = await guardedByTokens(t, { anonymousPull: true });
    for (const [what, authorization] of Object.entries(impostors)) {
      assert.equal((await ask(world, byRoute.current[0]!, authorization)).status, 401, what);
    }
    assert.deepEqual(world.calls, []);
  });

  it("good credentials for something else read what all may", async (t) => {
    const world = await guardedByTokens(t, { anonymousPull: true });
    const token = `Bearer ${adminWith({ access: rights(["*"], "example.com/other") })}`;
    assert.equal((await ask(world, byRoute.current[0]!, token)).status, 200);
    assert.equal((await ask(world, byRoute.collection[0]!, token)).status, 401);
  });
});

describe("access to health and metrics", () => {
  it("I10: needs a user, any of them, once they are protected", async (t) => {
    const world = await guardedByTokens(t, { protectMonitoring: true, anonymousPull: true });
    const nobody = `Bearer ${adminWith({ sub: "" })}`;
    const protectedToo = [...byRoute.health, ...byRoute.ready, ...byRoute.metrics];
    for (const endpoint of protectedToo) {
      assert.equal((await ask(world, endpoint)).status, 401);
      assert.equal((await ask(world, endpoint, impostors["garbage"])).status, 401);
      assert.equal((await ask(world, endpoint, nobody)).status, 401);
      assert.equal((await ask(world, endpoint, users.pull)).status, 200);
    }
  });
});

describe("tokens and rules together", () => {
  it("I10: a token does no more than the rules allow its user", async (t) => {
    const rules = [{ prefix: "example.com/team/", users: ["alice"], actions: ["pull"] as const }];
    const world = await guardedByTokens(t, { rules });
    const [read, publish] = [byRoute.current[0]!, byRoute.collection[0]!];
    assert.equal((await ask(world, read, users.admin)).status, 200);
    assert.equal((await ask(world, publish, users.admin)).status, 401);
    assert.equal((await ask(world, read, `Bearer ${adminWith({ sub: "bob" })}`)).status, 401);
    assert.equal((await ask(world, read, `Bearer ${adminWith({ sub: "" })}`)).status, 401);
    assert.equal((await ask(world, read, `Bearer ${adminWith({ access: rights(["push"]) })}`)).status, 401);
  });
});

describe("what remains of requests", () => {
  it("counts refusals by their kind, and logs users but no credentials", async (t) => {
    const world = await guardedByTokens(t);
    const [read, publish] = [byRoute.current[0]!, byRoute.collection[0]!];
    await ask(world, read);
    await ask(world, read, impostors["garbage"]);
    await ask(world, read, impostors["an expired token"]);
    await ask(world, publish, users.pull);
    await ask(world, publish, users.push);
    const metrics = await (await fetch(`${world.server.url}/metrics`)).text();
    for (const [kind, count] of [
      ["missing", 1],
      ["invalid", 2],
      ["throttled", 0],
      ["insufficient", 1],
    ]) {
      assert.match(metrics, new RegExp(`^tagseal_server_access_${kind}_total ${count}$`, "mu"));
    }
    const requests = world.server.lines.filter(({ event }) => event === "request");
    assert.deepEqual(
      requests.filter(({ method }) => method === "POST").map(({ user, status }) => [user, status]),
      [
        ["alice", 401],
        ["alice", 200],
      ],
    );
    assert.doesNotMatch(JSON.stringify(world.server.lines), /eyJ|garbage/u);
  });
});
