/**
 * Who gets what: every endpoint against every kind of visitor, over real HTTP, with docker's token authentication. Whoever is
 * refused never reaches the store or the signer.
 */

import assert from "node:assert/strict";
import { createPublicKey } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import type { AuthSettings } from "../../src/server/auth/auth-settings.ts";
import type { Route } from "../../src/server/http/route.ts";
import { openLocalSigningService } from "../../src/server/signer/local-signing-service.ts";
import type { SigningService } from "../../src/server/signer/signing-service.ts";
import type { MetadataStore } from "../../src/server/storage/metadata-store.ts";
import { SqliteMetadataStore } from "../../src/server/storage/sqlite-metadata-store.ts";
import { confusedToken, makeCertificate, makeKey, signedToken, unsignedToken } from "../support/token-maker.ts";
import { libtrustKeyId } from "../support/token-server.ts";
import { serve, temporaryDirectory, type TestServer } from "./running-server.ts";
import { UploadingPublisher } from "./uploading-publisher.ts";

const gun = "example.com/team/app";
const tuf = `/v2/${gun}/_trust/tuf`;
const multipart = { "Content-Type": "multipart/form-data; boundary=x" };
const nothingNew = "\r\n--x--\r\n";

interface Endpoint {
  readonly method: string;
  readonly path: string;
  /** answers to nobody, and to users with these rights */
  readonly expected: Readonly<Record<"none" | "pull" | "push" | "admin", number>>;
}

const forReaders = { none: 401, pull: 200, push: 200, admin: 200 };
const forPublishers = { none: 401, pull: 401, push: 200, admin: 200 };
const forAdmins = { none: 401, pull: 401, push: 401, admin: 200 };
const forAll = { none: 200, pull: 200, push: 200, admin: 200 };

/** A route without a line here does not compile. */
const byRoute: Readonly<Record<Route["kind"], readonly Endpoint[]>> = {
  ping: [{ method: "GET", path: "/v2/", expected: forReaders }],
  health: [{ method: "GET", path: "/_notary_server/health", expected: forAll }],
  metrics: [{ method: "GET", path: "/metrics", expected: forAll }],
  current: [
    { method: "GET", path: `${tuf}/timestamp.json`, expected: forReaders },
    { method: "HEAD", path: `${tuf}/targets.json`, expected: forReaders },
  ],
  version: [{ method: "GET", path: `${tuf}/1.root.json`, expected: forReaders }],
  checksum: [
    {
      method: "GET",
      path: `${tuf}/root.${"a".repeat(64)}.json`,
      expected: { none: 401, pull: 404, push: 404, admin: 404 },
    },
  ],
  key: [
    { method: "GET", path: `${tuf}/timestamp.key`, expected: forPublishers },
    { method: "POST", path: `${tuf}/snapshot.key`, expected: forAdmins },
  ],
  changefeed: [
    { method: "GET", path: `/v2/${gun}/_trust/changefeed?records=1`, expected: forReaders },
    { method: "GET", path: "/v2/_trust/changefeed?records=1", expected: forAdmins },
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
async function guarded(t: TestContext, more: Partial<AuthSettings> = {}): Promise<World> {
  const dataDir = temporaryDirectory(t);
  const open = await serve(t, { dataDir });
  await new UploadingPublisher(open.url, gun).begin();
  await open.close();
  const calls: string[] = [];
  const store: MetadataStore = new SqliteMetadataStore({ path: join(dataDir, "metadata.db") });
  const keys: SigningService = await openLocalSigningService({ dataDir, now: () => new Date() });
  const rootcertbundle = join(dataDir, "bundle.pem");
  writeFileSync(rootcertbundle, signer.pem);
  const token = { realm: "https://auth.example/token", service: "the service", issuer: "the issuer", rootcertbundle };
  const auth: AuthSettings = { token, ...more };
  const server = await serve(t, { dataDir, store: watched(store, calls), signer: watched(keys, calls), auth });
  calls.length = 0;
  return { server, calls };
}

async function ask({ server }: World, { method, path }: Endpoint, authorization?: string): Promise<Response> {
  const headers = { ...(method === "POST" && multipart), ...(authorization !== undefined && { authorization }) };
  const body = method === "POST" ? nothingNew : null;
  const response = await fetch(`${server.url}${path}`, { method, headers, body });
  await response.arrayBuffer();
  return response;
}

const isOpen = ({ expected }: Endpoint): boolean => expected.none === 200;

describe("access with tokens", () => {
  for (const visitor of ["none", "pull", "push", "admin"] as const) {
    it(`I10: ${visitor === "none" ? "nobody" : `a token for ${visitor}`} gets what it is for, and nothing else`, async (t) => {
      const world = await guarded(t);
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
    const world = await guarded(t);
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
    const world = await guarded(t);
    for (const [what, authorization] of Object.entries(impostors)) {
      for (const endpoint of endpoints.filter((candidate) => !isOpen(candidate))) {
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
    const world = await guarded(t);
    assert.equal((await ask(world, byRoute.current[0]!, `Bearer ${"x".repeat(20_000)}`)).status, 431);
    assert.deepEqual(world.calls, []);
  });

  it("says in the reference's form what would have been needed", async (t) => {
    const { server } = await guarded(t);
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

describe("access without logging in", () => {
  it("I10: anonymous pull opens reading, and nothing else", async (t) => {
    const world = await guarded(t, { anonymousPull: true });
    for (const endpoint of endpoints) {
      const isPull = endpoint.expected === forReaders && endpoint.path !== "/v2/";
      const expected = isPull ? 200 : endpoint.path.includes("/root.a") ? 404 : endpoint.expected.none;
      assert.equal((await ask(world, endpoint)).status, expected, `${endpoint.method} ${endpoint.path}`);
    }
  });

  it("I9: bad credentials are refused where none would do", async (t) => {
    const world = await guarded(t, { anonymousPull: true });
    for (const [what, authorization] of Object.entries(impostors)) {
      assert.equal((await ask(world, byRoute.current[0]!, authorization)).status, 401, what);
    }
    assert.deepEqual(world.calls, []);
  });

  it("good credentials for something else read what everybody may", async (t) => {
    const world = await guarded(t, { anonymousPull: true });
    const token = `Bearer ${adminWith({ access: rights(["*"], "example.com/other") })}`;
    assert.equal((await ask(world, byRoute.current[0]!, token)).status, 200);
    assert.equal((await ask(world, byRoute.collection[0]!, token)).status, 401);
  });
});

describe("access to health and metrics", () => {
  it("I10: needs a user, whoever it is, once they are protected", async (t) => {
    const world = await guarded(t, { protectMonitoring: true, anonymousPull: true });
    const nobody = `Bearer ${adminWith({ sub: "" })}`;
    for (const endpoint of endpoints.filter(isOpen)) {
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
    const world = await guarded(t, { rules });
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
    const world = await guarded(t);
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
