/**
 * The command lines people have, logged in the way they log in, against our server with tokens, with passwords and with client
 * certificates: what each may do works, everything else does not.
 */
import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { hashSync } from "bcryptjs";
import type { AccessRule } from "../../src/server/auth/auth-settings.ts";
import { dockerInspect, trustOn } from "../support/docker-words.ts";
import {
  buildImage,
  certificates,
  client,
  freePort,
  missingPeers,
  Scope,
  startDockerd,
  startDockerRegistry,
  startTagsealServer,
  startTokenServer,
  writeLayout,
  type Client,
  type Engine,
  type Registry,
  type TokenServer,
  type TrustServer,
} from "../support/peers.ts";

const missing = missingPeers(["docker", "dockerd", "registry", "notary", "openssl", "busybox"]);

/** alice publishes, root administers, bob reads; mallory has an account and no rights */
const accounts = { alice: "wonderland", root: "toor", bob: "builder", mallory: "malice" } as const;
type Account = keyof typeof accounts;
const htpasswd = Object.entries(accounts)
  .map(([user, password]) => `${user}:${hashSync(password, 4)}\n`)
  .join("");

/** `localhost` is who the scope's certificate is for, as a client too */
const rules: readonly AccessRule[] = [
  { prefix: "*", users: ["root", "localhost"], actions: ["*"] },
  { prefix: "*", users: ["bob"], actions: ["pull"] },
];

interface World {
  readonly engine: Engine;
  readonly registry: Registry;
  readonly tokens: TokenServer;
}

const scope = new Scope("authentication");
let world: World;

/** The `auth` of a server's configuration file, once it is known where the server will be. */
type Settings = (url: string) => object;

async function startGuarded(name: string, settings: Settings): Promise<TrustServer> {
  const port = await freePort();
  const team: AccessRule = { prefix: `${world.registry.host}/team/`, users: ["alice"], actions: ["pull", "push"] };
  const auth = { ...settings(`https://localhost:${port}`), rules: [...rules, team] };
  const file = scope.path(`${name}.json`);
  writeFileSync(file, JSON.stringify({ auth }));
  return startTagsealServer(scope, { port, args: ["--config", file] });
}

const tokenAuth: Settings = () => {
  const { realm, service, issuer, rootcertbundle } = world.tokens;
  return { type: "token", options: { realm, service, issuer, rootcertbundle } };
};

const basicAuth: Settings = () => {
  const file = scope.path("htpasswd");
  writeFileSync(file, htpasswd);
  return { htpasswd: file };
};

const issuedTokenAuth: Settings = (url) => ({ ...basicAuth(url), token_realm: `${url}/_tagseal/token` });

/** A user on a separate machine, logged in to the registry, whose credentials clients use for the trust server. */
async function user(server: TrustServer, name: string, account?: Account): Promise<Client> {
  const notaryAuth = account && Buffer.from(`${account}:${accounts[account]}`).toString("base64");
  const made = client(scope, { server, engine: world.engine, name, env: { NOTARY_AUTH: notaryAuth } });
  if (account !== undefined) {
    const login = ["login", "-u", account, "--password-stdin", world.registry.host];
    await made.dockerOk(login, { input: accounts[account] });
  }
  return made;
}

type Someone = (name: string, account?: Account) => Promise<Client>;

/** A server of a kind, and how to meet its users. */
function serverFor(kind: string, settings: Settings): Someone {
  let server: TrustServer;
  before(async () => (server = await startGuarded(kind, settings)));
  return (name, account) => user(server, `${kind}-${name}`, account);
}

const image = (path: string): string => `${world.registry.host}/${path}:v1`;

function dockerStories(kind: string, someone: Someone): void {
  it("docker signs, inspects, pulls and revokes for who may", async () => {
    const [name, publisher] = [image(`team/docker-${kind}`), await someone("docker", "alice")];
    await publisher.dockerOk(["tag", "made:one", name]);
    assert.match((await publisher.dockerOk(["trust", "sign", name])).stdout, /Successfully signed/u);
    const reader = await someone("docker-reader", "bob");
    assert.equal((await dockerInspect(reader, name)).SignedTags.length, 1);
    await reader.dockerOk(["pull", name], { env: trustOn });
    await publisher.dockerOk(["trust", "revoke", name]);
    assert.equal((await dockerInspect(reader, name)).SignedTags.length, 0);
  });

  it("I10: docker is refused without permission, and without a login", async () => {
    const [name, publisher] = [image(`team/docker-${kind}-private`), await someone("docker-owner", "alice")];
    await publisher.dockerOk(["tag", "made:one", name]);
    await publisher.dockerOk(["push", name], { env: trustOn });
    const reader = await someone("docker-only-reader", "bob");
    const other = image(`team/docker-${kind}-other`);
    await reader.dockerOk(["tag", "made:one", other]);
    assert.match(
      (await reader.docker(["push", other], { env: trustOn })).stderr,
      /you are not authorized to perform this operation/u,
    );
    for (const stranger of [await someone("docker-mallory", "mallory"), await someone("docker-nobody")]) {
      assert.notEqual((await stranger.docker(["trust", "inspect", name])).code, 0);
    }
    assert.match((await publisher.dockerOk(["trust", "inspect", name])).stdout, /SignedTag/u);
  });
}

function notaryStories(kind: string, someone: Someone): void {
  it("notary publishes and lists for who may, and rotates and deletes for administrators", async () => {
    const gun = `${world.registry.host}/team/notary-${kind}`;
    const publisher = await someone("notary", "alice");
    await publisher.notaryOk(["init", gun, "-p"]);
    await publisher.notaryOk(["addhash", "-p", gun, "v1", "6", "--sha256", "a".repeat(64)]);
    assert.match((await (await someone("notary-reader", "bob")).notaryOk(["list", gun])).stdout, /^v1 /mu);
    assert.notEqual((await publisher.notary(["key", "rotate", gun, "timestamp", "-r"])).code, 0);
    assert.notEqual((await publisher.notary(["delete", gun, "--remote"])).code, 0);

    const administrator = await someone("notary-root", "root");
    const own = `${world.registry.host}/admin/notary-${kind}`;
    await administrator.notaryOk(["init", own, "-p"]);
    const rotated = await administrator.notaryOk(["key", "rotate", own, "timestamp", "-r"]);
    assert.match(rotated.stdout, /Successfully rotated timestamp key/u);
    assert.match((await administrator.notaryOk(["delete", own, "--remote"])).stdout, /remote trust data/u);
    assert.notEqual((await administrator.notary(["list", own])).code, 0);
    assert.match((await (await someone("notary-reader-2", "bob")).notaryOk(["list", gun])).stdout, /^v1 /mu);
  });

  it("I10: notary is refused without permission, and without a login", async () => {
    const gun = `${world.registry.host}/team/notary-${kind}-private`;
    const publisher = await someone("notary-owner", "alice");
    await publisher.notaryOk(["init", gun, "-p"]);
    const wrong = Buffer.from("alice:wrong").toString("base64");
    for (const stranger of [await someone("notary-mallory", "mallory"), await someone("notary-nobody")]) {
      assert.notEqual((await stranger.notary(["list", gun])).code, 0);
      assert.notEqual((await stranger.notary(["list", gun], { env: { NOTARY_AUTH: wrong } })).code, 0);
    }
    const reader = await someone("notary-only-reader", "bob");
    assert.notEqual((await reader.notary(["init", `${gun}-other`, "-p"])).code, 0);
    await publisher.notaryOk(["list", gun]);
  });
}

function tagsealStories(kind: string, someone: Someone): void {
  it("tagseal pushes, verifies, pulls and revokes for who may", async () => {
    const name = image(`team/tagseal-${kind}`);
    const publisher = await someone("tagseal", "alice");
    const layout = await writeLayout(scope.path(`layout-${kind}`), "hello");
    await publisher.tagsealOk(["push", "--from", `oci:${layout.directory}`, name]);
    const reader = await someone("tagseal-reader", "bob");
    assert.match((await reader.tagsealOk(["verify", name])).stdout, /sha256:/u);
    await reader.tagsealOk(["pull", "--to", `oci:${scope.path(`pulled-${kind}`)}`, name]);
    const inspected = await dockerInspect(await someone("tagseal-docker-reader", "bob"), name);
    assert.equal(inspected.SignedTags.length, 1);
    await publisher.tagsealOk(["trust", "revoke", name]);
    assert.equal((await reader.tagseal(["verify", name])).code, 2);
  });

  it("I10: tagseal is refused without permission, and without a login, and says why", async () => {
    const name = image(`team/tagseal-${kind}-private`);
    const layout = await writeLayout(scope.path(`layout-private-${kind}`), "hello");
    const push = ["push", "--from", `oci:${layout.directory}`];
    await (await someone("tagseal-owner", "alice")).tagsealOk([...push, name]);
    const reader = await someone("tagseal-only-reader", "bob");
    const refused = await reader.tagseal([...push, image(`team/tagseal-${kind}-other`)]);
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, /AUTHENTICATION_REFUSED/u);
    const mallory = await (await someone("tagseal-mallory", "mallory")).tagseal(["verify", name]);
    assert.match(mallory.stderr, /AUTHENTICATION_REFUSED/u);
    const nobody = await (await someone("tagseal-nobody")).tagseal(["verify", name]);
    assert.match(nobody.stderr, /AUTHENTICATION_REQUIRED/u);
    // It is the registry's login that counts, wherever the trust server is.
    assert.ok(nobody.stderr.includes(`tagseal login ${world.registry.host} [`), nobody.stderr);
  });
}

describe("clients and a server that knows its users", { skip: missing }, () => {
  before(async () => {
    const [engine, registry, tokens] = await Promise.all([
      startDockerd(scope),
      startDockerRegistry(scope, { htpasswd }),
      startTokenServer(scope, accounts, "trust server"),
    ]);
    world = { engine, registry, tokens };
    await buildImage(scope, client(scope, { engine, name: "builder" }), "made:one", "one");
  });
  after(async () => await scope.close());

  describe("by tokens", () => {
    const someone = serverFor("token", tokenAuth);
    dockerStories("token", someone);
    notaryStories("token", someone);
    tagsealStories("token", someone);
  });

  describe("by tokens it gives for passwords itself", () => {
    const someone = serverFor("issued", issuedTokenAuth);
    dockerStories("issued", someone);
    notaryStories("issued", someone);
    tagsealStories("issued", someone);
  });

  describe("by passwords", () => {
    const someone = serverFor("basic", basicAuth);
    dockerStories("basic", someone);
    tagsealStories("basic", someone);

    it("notary publishes, but shows no password when it only reads", async () => {
      const publisher = await someone("notary", "alice");
      const gun = `${world.registry.host}/team/notary-basic`;
      await publisher.notaryOk(["init", gun, "-p"]);
      await publisher.notaryOk(["addhash", "-p", gun, "v1", "6", "--sha256", "a".repeat(64)]);
      const reader = await someone("notary-reader", "bob");
      assert.match((await reader.notary(["list", gun])).stdout, /no basic auth credentials/u);
    });
  });

  describe("by client certificates", () => {
    it("docker, notary and tagseal publish and read without a password", async () => {
      const { serverCertificate: certificate, serverKey: key, ca } = await certificates(scope);
      const server = await startGuarded("mtls", () => ({ client_ca_file: ca }));
      const publisher = await user(server, "mtls-user", "alice");
      const tls = join(publisher.dockerConfig, "tls", `localhost:${server.port}`);
      mkdirSync(tls, { recursive: true });
      copyFileSync(certificate, join(tls, "client.cert"));
      copyFileSync(key, join(tls, "client.key"));
      const name = `${world.registry.host}/mtls/app:v1`;
      await publisher.dockerOk(["tag", "made:one", name]);
      assert.match((await publisher.dockerOk(["push", name], { env: trustOn })).stdout, /Successfully signed/u);
      assert.match((await publisher.tagsealOk(["verify", name])).stdout, /sha256:/u);
      const shown = ["--tlscert", certificate, "--tlskey", key];
      const reader = await user(server, "mtls-reader");
      assert.match((await reader.notaryOk([...shown, "list", `${world.registry.host}/mtls/app`])).stdout, /^v1 /mu);
      const without = await user(server, "mtls-nobody", "alice");
      assert.notEqual((await without.docker(["trust", "inspect", name])).code, 0);
      assert.notEqual((await without.notary(["list", `${world.registry.host}/mtls/app`])).code, 0);
    });
  });

  describe("that also lets all clients read", () => {
    const kinds = { token: tokenAuth, issued: issuedTokenAuth } as const;
    for (const [kind, settings] of Object.entries(kinds)) {
      it(`docker, notary and tagseal read without logging in: ${kind}`, async () => {
        const server = await startGuarded(`open-${kind}`, (url) => ({ ...settings(url), anonymous_pull: true }));
        const gun = await published(server, kind);
        // Each on a separate machine: what one has verified, the others would show without a request.
        const nobody = (name: string): Promise<Client> => user(server, `open-${kind}-${name}`);
        assert.match((await (await nobody("notary")).notaryOk(["list", gun])).stdout, /^v1 /mu);
        assert.equal((await dockerInspect(await nobody("docker"), gun)).SignedTags.length, 1);
        const inspected = await (await nobody("tagseal")).tagsealOk(["trust", "inspect", `${gun}:v1`]);
        assert.match(inspected.stdout, /SignedTag/u);
        assert.notEqual((await (await nobody("writer")).notary(["init", `${gun}-other`, "-p"])).code, 0);
      });
    }

    it("tagseal reads without logging in where there are only passwords; docker and notary do not", async () => {
      const server = await startGuarded("open-basic", (url) => ({ ...basicAuth(url), anonymous_pull: true }));
      const gun = await published(server, "basic");
      const nobody = await user(server, "open-basic-nobody");
      assert.match((await nobody.tagsealOk(["trust", "inspect", `${gun}:v1`])).stdout, /SignedTag/u);
      // Each on a separate machine: what one has verified, the others would show without a request.
      const [withNotary, withDocker] = [
        await user(server, "open-basic-notary"),
        await user(server, "open-basic-docker"),
      ];
      assert.match((await withNotary.notary(["list", gun])).stdout, /no basic auth credentials/u);
      assert.notEqual((await withDocker.docker(["trust", "inspect", gun])).code, 0);
      const reader = await user(server, "open-basic-bob", "bob");
      assert.equal((await dockerInspect(reader, gun)).SignedTags.length, 1);
    });
  });
});

async function published(server: TrustServer, kind: string): Promise<string> {
  const gun = `${world.registry.host}/team/open-${kind}`;
  const publisher = await user(server, `open-${kind}-alice`, "alice");
  await publisher.dockerOk(["tag", "made:one", `${gun}:v1`]);
  await publisher.dockerOk(["push", `${gun}:v1`], { env: trustOn });
  return gun;
}
