import assert from "node:assert/strict";
import { createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { temporaryDirectory } from "../../../test/support/temporary-directory.ts";
import {
  confusedToken,
  makeCertificate,
  makeKey,
  signedToken,
  unsignedToken,
  type CertificateWish,
} from "../../../test/support/token-maker.ts";
import { libtrustKeyId as referenceKeyId } from "../../../test/support/token-server.ts";
import { ServerLog } from "../../service/log.ts";
import type { TokenSettings } from "./auth-settings.ts";
import type { Login } from "./login.ts";
import { libtrustKeyId } from "./token-keys.ts";
import { FileWatch } from "../../service/watching/file-watch.ts";
import { TokenLogin } from "./token-login.ts";

const directory = temporaryDirectory();

let files = 0;
function file(content: string): string {
  const path = join(directory, `file-${(files += 1)}`);
  writeFileSync(path, content);
  return path;
}

const start = new Date("2026-11-23T12:00:00Z");
const seconds = (offset: number): number => start.getTime() / 1000 + offset;
const gun = "example.com/team/app";
const access = [{ type: "repository", name: gun, actions: ["pull"] }];
const claims = { iss: "the issuer", aud: "the service", sub: "alice", exp: seconds(300), nbf: seconds(-10), access };
const days = (count: number): Date => new Date(start.getTime() + count * 86_400_000);
const window = { from: days(-100), to: days(100) };
const make = (wish: CertificateWish) => makeCertificate({ ...window, ...wish });

const root = await make({ name: "root", isCa: true });
const strangerRoot = await make({ name: "root", isCa: true });
const kid = libtrustKeyId(createPublicKey(root.key));
const byName = (more: object = {}, header: object = {}) =>
  signedToken({ ...claims, ...more }, { kid, ...header }, root.key);

const settings: TokenSettings = {
  realm: "https://auth.example.com/token",
  service: "the service",
  issuer: "the issuer",
  rootcertbundle: file(root.pem),
};

function open(
  more: Partial<TokenSettings> = {},
  clock = { now: start },
  lines: string[] = [],
  watch?: FileWatch,
): Promise<TokenLogin> {
  const now = () => clock.now;
  const log = new ServerLog({ sink: (line) => lines.push(line), level: "debug", now });
  return TokenLogin.open({ ...settings, ...more }, { now, log, watch });
}

const request = (authorization: string | undefined, actions = ["pull"], name: string | undefined = gun) => ({
  headers: authorization === undefined ? {} : { authorization },
  gun: name,
  actions,
  remoteAddress: "127.0.0.1",
  clientCertificate: undefined,
});

async function loginWith(token: string, login?: TokenLogin): Promise<Login | undefined> {
  return (login ?? (await open())).login(request(`Bearer ${token}`));
}

async function assertGood(token: string, login?: TokenLogin): Promise<void> {
  const found = await loginWith(token, login);
  assert.equal(found?.kind, "known");
  assert.ok(found.grants?.(gun, ["pull"]));
}

async function assertRefused(token: string, login?: TokenLogin): Promise<void> {
  assert.deepEqual(await loginWith(token, login), { kind: "refused", refusal: "invalid" });
}

const chained = (key: KeyObject, ...chain: readonly { der: Buffer }[]) =>
  signedToken(claims, { x5c: chain.map(({ der }) => der.toString("base64")) }, key);

describe("names of keys", () => {
  it("are libtrust's", () => {
    for (const key of [root.key, makeKey("rsa").key, makeKey("ed25519").key]) {
      const spki = createPublicKey(key).export({ type: "spki", format: "der" });
      assert.equal(libtrustKeyId(createPublicKey(key)), referenceKeyId(spki));
    }
  });
});

describe("tokens", () => {
  it("are valid when a key of the bundle signed them, from any client", async () => {
    const login = await open();
    const found = await loginWith(byName(), login);
    assert.equal(found?.kind, "known");
    assert.equal(found.user, "alice");
    for (const [actions, name, isGranted] of [
      [["pull"], gun, true],
      [["push", "pull"], gun, false],
      [["*"], gun, false],
      [["pull"], `${gun}2`, false],
      [["pull"], "example.com/team", false],
      [["*"], undefined, false],
      [[], gun, false],
    ] as const) {
      assert.equal(found.grants?.(name, actions), isGranted, `${actions.join()} on ${name}`);
    }
  });

  it("grant everything on a collection with *, and nothing on another type of the same name", async () => {
    const star = await loginWith(byName({ access: [{ type: "repository", name: gun, actions: ["*"] }] }));
    assert.equal(star?.kind, "known");
    assert.ok(star.grants?.(gun, ["push", "pull"]));
    const other = await loginWith(byName({ access: [{ type: "registry", name: gun, actions: ["*"] }] }));
    assert.equal(other?.kind, "known");
    assert.equal(other.grants?.(gun, ["pull"]), false);
    const catalog = await loginWith(byName({ access: [{ type: "registry", name: "catalog", actions: ["*"] }] }));
    assert.equal(catalog?.kind, "known");
    assert.ok(catalog.grants?.(undefined, ["*"]));
    assert.equal(catalog.grants?.(gun, ["pull"]), false);
  });

  it("may name no user, and may grant nothing", async () => {
    const found = await loginWith(byName({ sub: "", access: null }));
    assert.equal(found?.kind, "known");
    assert.equal(found.user, undefined);
    assert.equal(found.grants?.(gun, ["pull"]), false);
  });

  it("tolerate a minute's difference between clocks, and no more", async () => {
    await assertGood(byName({ exp: seconds(-59) }));
    await assertRefused(byName({ exp: seconds(-61) }));
    await assertGood(byName({ nbf: seconds(59) }));
    await assertRefused(byName({ nbf: seconds(61) }));
    await assertGood(byName({ iat: seconds(59) }));
    await assertRefused(byName({ iat: seconds(61) }));
  });

  const refused: Readonly<Record<string, () => string>> = {
    "another issuer": () => byName({ iss: "another issuer" }),
    "no issuer": () => byName({ iss: undefined }),
    "another audience": () => byName({ aud: "another service" }),
    "no audience": () => byName({ aud: undefined }),
    "no end": () => byName({ exp: undefined }),
    "an end that is not a number": () => byName({ exp: String(seconds(300)) }),
    "an issue date that is not a number": () => byName({ iat: String(seconds(-10)) }),
    "a user who is not text": () => byName({ sub: 7 }),
    "a user with control characters": () => byName({ sub: "alice\nroot" }),
    "rights that are not a list": () => byName({ access: { type: "repository", name: gun, actions: ["*"] } }),
    "rights of a wrong shape": () => byName({ access: [{ type: "repository", name: gun, actions: "*" }] }),
    "rights without end": () => byName({ access: Array(101).fill(access[0]) }),
    "an algorithm of none": () => unsignedToken(claims, { kid }),
    "an HMAC with the bundle as its secret": () => confusedToken(claims, { kid }, root.pem),
    "an HMAC with the public key as its secret": () =>
      confusedToken(claims, { kid }, createPublicKey(root.key).export({ type: "spki", format: "der" })),
    "a name of a key and another key's signature": () => signedToken(claims, { kid }, strangerRoot.key),
    "no name of a key": () => signedToken(claims, {}, root.key),
    "an unknown name of a key": () => byName({}, { kid: "AAAA:BBBB" }),
    "a critical extension": () => byName({}, { crit: ["x"], x: 1 }),
    "claims changed afterwards": () => {
      const [header, , signature] = byName().split(".");
      const changed = Buffer.from(JSON.stringify({ ...claims, sub: "root" })).toString("base64url");
      return `${header}.${changed}.${signature}`;
    },
    "more than 12 KiB": () => byName({ padding: "x".repeat(10_000) }),
    "nothing at all": () => "",
    "two dots": () => "..",
    garbage: () => "\u00ff\u00fe{}.[].\u0000",
    "five parts": () => "a.b.c.d.e",
  };
  for (const [what, token] of Object.entries(refused)) {
    it(`I9: are refused with ${what}`, async () => await assertRefused(token()));
  }

  it("are not looked for in other schemes", async () => {
    const login = await open();
    for (const authorization of [undefined, "", `Basic ${byName()}`, byName(), `Bearers ${byName()}`]) {
      assert.equal(await login.login(request(authorization)), undefined);
    }
    assert.equal((await login.login(request(`bEARER   ${byName()}`)))?.kind, "known");
  });

  it("never reach the log", async () => {
    const lines: string[] = [];
    await loginWith(byName({ iss: "x" }), await open({}, { now: start }, lines));
    assert.equal(lines.length, 1);
    assert.match(lines[0] ?? "", /refused a token/u);
    assert.doesNotMatch(lines[0] ?? "", /eyJ/u);
  });
});

describe("tokens with a chain of certificates", () => {
  it("are valid when it leads to the bundle", async () => {
    const middle = await make({ name: "middle", isCa: true, issuer: root });
    const leaf = await make({ name: "leaf", issuer: middle });
    const direct = await make({ name: "direct", issuer: root });
    await assertGood(chained(leaf.key, leaf, middle));
    await assertGood(chained(leaf.key, leaf, middle, root));
    await assertGood(chained(direct.key, direct));
    await assertGood(chained(root.key, root));
  });

  it("I9: are refused when it does not, or when another key signed", async () => {
    const direct = await make({ name: "direct", issuer: root });
    const foreign = await make({ name: "foreign", issuer: strangerRoot });
    await assertRefused(chained(root.key, direct));
    await assertRefused(chained(foreign.key, foreign));
    await assertRefused(chained(foreign.key, foreign, strangerRoot));
    await assertRefused(chained(strangerRoot.key, strangerRoot));
    await assertRefused(chained(foreign.key, foreign, root));
    await assertRefused(signedToken(claims, { x5c: [] }, root.key));
    await assertRefused(signedToken(claims, { x5c: "x" }, root.key));
    await assertRefused(signedToken(claims, { x5c: ["AAAA"], kid }, root.key));
  });

  const weak: Readonly<Record<string, CertificateWish>> = {
    "has expired": { name: "middle", isCa: true, to: days(-1) },
    "is not valid yet": { name: "middle", isCa: true, from: days(1) },
    "is no authority": { name: "middle", isCa: false },
    "may not sign certificates": { name: "middle", isCa: true, usages: 1 },
    "has a key that can be forged": { name: "middle", isCa: true, hasShortKey: true },
    "has a critical extension we do not know": { name: "middle", isCa: true, critical: "1.2.3.4" },
  };
  for (const [what, wish] of Object.entries(weak)) {
    it(`I9: are refused when the certificate between ${what}`, async () => {
      const middle = await make({ issuer: root, ...wish });
      const leaf = await make({ name: "leaf", issuer: middle });
      await assertRefused(chained(leaf.key, leaf, middle));
    });
  }

  it("I9: are refused when leaf or anchor are outside their time", async () => {
    const expired = await make({ name: "leaf", issuer: root, to: days(-1) });
    await assertRefused(chained(expired.key, expired));
    const oldRoot = await make({ name: "old root", isCa: true, to: days(-1) });
    const leaf = await make({ name: "leaf", issuer: oldRoot });
    await assertRefused(chained(leaf.key, leaf), await open({ rootcertbundle: file(oldRoot.pem) }));
  });

  it("I9: are refused when they are longer than an authority allows", async () => {
    const top = await make({ name: "top", isCa: true, pathLength: 0 });
    const login = await open({ rootcertbundle: file(top.pem) });
    const direct = await make({ name: "direct", issuer: top });
    await assertGood(chained(direct.key, direct), login);
    const middle = await make({ name: "middle", isCa: true, issuer: top });
    const leaf = await make({ name: "leaf", issuer: middle });
    await assertRefused(chained(leaf.key, leaf, middle), login);
  });
});

describe("tokens with their key", () => {
  const jwkOf = (key: KeyObject) => createPublicKey(key).export({ format: "jwk" }) as Record<string, unknown>;

  it("are valid when the key is trusted, by itself or by its certificate", async () => {
    await assertGood(signedToken(claims, { jwk: jwkOf(root.key) }, root.key));
    const leaf = await make({ name: "leaf", issuer: root });
    const x5c = [leaf.der.toString("base64")];
    await assertGood(signedToken(claims, { jwk: { ...jwkOf(leaf.key), x5c } }, leaf.key));
  });

  it("I9: are refused when it is not, whatever name it claims", async () => {
    const leaf = await make({ name: "leaf", issuer: root });
    const x5c = [leaf.der.toString("base64")];
    const { key } = makeKey("ec");
    await assertRefused(signedToken(claims, { jwk: { ...jwkOf(key), kid } }, key));
    await assertRefused(signedToken(claims, { jwk: { ...jwkOf(key), x5c } }, key));
    await assertRefused(signedToken(claims, { jwk: { ...jwkOf(key), x5c } }, leaf.key));
    await assertRefused(signedToken(claims, { jwk: { ...jwkOf(root.key) } }, key));
    await assertRefused(signedToken(claims, { jwk: { kty: "oct", k: "AAAA" } }, root.key));
  });
});

describe("keys from a key set", () => {
  for (const kind of ["rsa", "ec", "ed25519"] as const) {
    it(`sign tokens: ${kind}`, async () => {
      const { key, jwk } = makeKey(kind);
      const jwks = file(JSON.stringify({ keys: [{ ...jwk, kid: "first", use: "sig" }] }));
      const login = await open({ rootcertbundle: undefined, jwks });
      await assertGood(signedToken(claims, { kid: "first" }, key), login);
      await assertGood(signedToken(claims, { jwk }, key), login);
      await assertRefused(signedToken(claims, { kid: "second" }, key), login);
      await assertRefused(byName(), login);
    });
  }

  it("work beside a bundle", async () => {
    const { key, jwk } = makeKey("ec");
    const login = await open({ jwks: file(JSON.stringify({ keys: [{ ...jwk, kid: "first" }] })) });
    await assertGood(signedToken(claims, { kid: "first" }, key), login);
    await assertGood(byName(), login);
  });

  it("are followed when the file changes, and kept while the file is invalid", async () => {
    const clock = { now: start };
    const lines: string[] = [];
    const [old, young] = [makeKey("ec"), makeKey("ec")];
    const jwks = file(JSON.stringify({ keys: [{ ...old.jwk, kid: "old" }] }));
    const watch = new FileWatch(() => clock.now);
    const login = await open({ rootcertbundle: undefined, jwks }, clock, lines, watch);
    const later = async (content: string): Promise<void> => {
      writeFileSync(jwks, content);
      clock.now = new Date(clock.now.getTime() + 5000);
    };
    const oldToken = signedToken(claims, { kid: "old" }, old.key);
    await later("{");
    await assertGood(oldToken, login);
    assert.ok(lines.some((line) => line.includes("kept the old state of a file")));
    await assert.rejects(watch.reload(), { code: "SERVER_CONFIGURATION" });
    await assertGood(oldToken, login);
    await later(JSON.stringify({ keys: [{ ...young.jwk, kid: "young" }] }));
    await assertGood(signedToken(claims, { kid: "young" }, young.key), login);
    await assertRefused(oldToken, login);
    rmSync(jwks);
    clock.now = new Date(clock.now.getTime() + 5000);
    await assertRefused(oldToken, login);
    await assertGood(signedToken(claims, { kid: "young" }, young.key), login);
  });

  it("are read at once on request", async () => {
    const [old, young] = [makeKey("ec"), makeKey("ec")];
    const jwks = file(JSON.stringify({ keys: [{ ...old.jwk, kid: "k" }] }));
    const watch = new FileWatch(() => start);
    const login = await open({ rootcertbundle: undefined, jwks }, undefined, undefined, watch);
    writeFileSync(jwks, JSON.stringify({ keys: [{ ...young.jwk, kid: "k" }] }));
    await watch.reload();
    await assertGood(signedToken(claims, { kid: "k" }, young.key), login);
    await assertRefused(signedToken(claims, { kid: "k" }, old.key), login);
  });
});

describe("settings of token authentication", () => {
  const secret = { kty: "oct", k: "c2VjcmV0", kid: "k" };
  const shortKey = generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey.export({ format: "jwk" });
  const cases: Readonly<Record<string, { more: Partial<TokenSettings>; message: RegExp }>> = {
    "no keys": { more: { rootcertbundle: undefined }, message: /neither rootcertbundle nor jwks/u },
    "a realm that is not a URL": { more: { realm: "auth.example.com" }, message: /realm/u },
    "a realm with a password": { more: { realm: "https://a:b@auth.example.com" }, message: /realm/u },
    "an empty service": { more: { service: "" }, message: /service is empty/u },
    "a service on two lines": { more: { service: "a\r\nX: b" }, message: /service/u },
    "an empty issuer": { more: { issuer: "" }, message: /issuer/u },
    "a bundle that is not there": { more: { rootcertbundle: "/nonexistent.pem" }, message: /nonexistent/u },
    "a bundle without certificates": { more: { rootcertbundle: file("x") }, message: /no certificate/u },
    "a set without keys": { more: { jwks: file('{"keys":[]}') }, message: /no keys/u },
    "a symmetric key": { more: { jwks: file(JSON.stringify({ keys: [secret] })) }, message: /another type/u },
    "a private key": {
      more: { jwks: file(JSON.stringify({ keys: [makeKey("ec").key.export({ format: "jwk" })] })) },
      message: /private/u,
    },
    "a key for encryption": {
      more: { jwks: file(JSON.stringify({ keys: [{ ...makeKey("ec").jwk, use: "enc" }] })) },
      message: /something else/u,
    },
    "a short key": { more: { jwks: file(JSON.stringify({ keys: [shortKey] })) }, message: /1024 bits/u },
  };
  for (const [what, { more, message }] of Object.entries(cases)) {
    it(`refuse ${what}`, async () => {
      await assert.rejects(open(more), { code: "SERVER_CONFIGURATION", message });
    });
  }

  it("warn of a realm where passwords go in clear", async () => {
    const lines: string[] = [];
    await open({ realm: "http://auth.example.com/token" }, { now: start }, lines);
    assert.match(lines.join("\n"), /clients send passwords in clear/u);
  });
});

describe("the challenge", () => {
  it("names the realm, the scope and the error", async () => {
    const login = await open();
    const common = 'Bearer realm="https://auth.example.com/token",service="the service"';
    const push = request(undefined, ["push", "pull"]);
    assert.equal(login.challenge(push, "missing"), `${common},scope="repository:${gun}:push,pull"`);
    assert.equal(
      login.challenge(push, "invalid"),
      `${common},scope="repository:${gun}:push,pull",error="invalid_token"`,
    );
    assert.equal(
      login.challenge({ ...push, gun: undefined, actions: [] }, "insufficient"),
      `${common},scope="registry:catalog:*",error="insufficient_scope"`,
    );
  });

  it("can be sent for every name", async () => {
    const login = await open();
    const challenge = login.challenge({ ...request(undefined), gun: 'a/"b",x="ü日' }, "missing");
    assert.match(challenge, /scope="repository:a\/\\"b\\",x=\\"[^"]*:pull"$/u);
    assert.match(challenge, /^[\x20-\x7e\x80-\xff]+$/u);
  });
});
