import assert from "node:assert/strict";
import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { describe, it } from "node:test";
import {
  assertGood,
  assertRefused,
  byName,
  claims,
  gun,
  kid,
  loginWith,
  openTokenLogin,
  request,
  root,
  seconds,
  start,
  strangerRoot,
  tokenFile,
} from "../../test/support/token-logins.ts";
import { confusedToken, makeKey, signedToken, unsignedToken } from "../../test/support/token-maker.ts";
import type { TokenSettings } from "./login-settings.ts";

describe("tokens", () => {
  it("are valid when a key of the bundle signed them, from any client", async () => {
    const login = await openTokenLogin();
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
    "rights without end": () => byName({ access: Array(101).fill(claims.access[0]) }),
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
    const login = await openTokenLogin();
    for (const authorization of [undefined, "", `Basic ${byName()}`, byName(), `Bearers ${byName()}`]) {
      assert.equal(await login.login(request(authorization)), undefined);
    }
    assert.equal((await login.login(request(`bEARER   ${byName()}`)))?.kind, "known");
  });

  it("never reach the log", async () => {
    const lines: string[] = [];
    await loginWith(byName({ iss: "x" }), await openTokenLogin({}, { now: start }, lines));
    assert.equal(lines.length, 1);
    assert.match(lines[0] ?? "", /refused a token/u);
    assert.doesNotMatch(lines[0] ?? "", /eyJ/u);
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
    "a bundle without certificates": { more: { rootcertbundle: tokenFile("x") }, message: /no certificate/u },
    "a set without keys": { more: { jwks: tokenFile('{"keys":[]}') }, message: /no keys/u },
    "a symmetric key": { more: { jwks: tokenFile(JSON.stringify({ keys: [secret] })) }, message: /another type/u },
    "a private key": {
      more: { jwks: tokenFile(JSON.stringify({ keys: [makeKey("ec").key.export({ format: "jwk" })] })) },
      message: /private/u,
    },
    "a key for encryption": {
      more: { jwks: tokenFile(JSON.stringify({ keys: [{ ...makeKey("ec").jwk, use: "enc" }] })) },
      message: /something else/u,
    },
    "a short key": { more: { jwks: tokenFile(JSON.stringify({ keys: [shortKey] })) }, message: /1024 bits/u },
  };
  for (const [what, { more, message }] of Object.entries(cases)) {
    it(`refuse ${what}`, async () => {
      await assert.rejects(openTokenLogin(more), { code: "SERVER_CONFIGURATION", message });
    });
  }

  it("warn of a realm where passwords go in clear", async () => {
    const lines: string[] = [];
    await openTokenLogin({ realm: "http://auth.example.com/token" }, { now: start }, lines);
    assert.match(lines.join("\n"), /clients send passwords in clear/u);
  });
});

describe("the challenge", () => {
  it("names the realm, the scope and the error", async () => {
    const login = await openTokenLogin();
    const common = 'Bearer realm="https://auth.example.com/token",service="the service"';
    const push = request(undefined, ["push", "pull"]);
    assert.equal(login.challenge(push, "missing"), `${common},scope="repository:${gun}:push,pull"`);
    assert.equal(
      login.challenge(push, "invalid"),
      `${common},scope="repository:${gun}:push,pull",error="invalid_token"`,
    );
    assert.equal(
      login.challenge({ ...push, gun: undefined, actions: ["*"] }, "insufficient"),
      `${common},scope="registry:catalog:*",error="insufficient_scope"`,
    );
    const plain = { ...push, gun: undefined, actions: [] };
    assert.equal(login.challenge(plain, "missing"), `${common},scope="registry:catalog:*"`);
    const registry = await openTokenLogin({ isLoginScopeless: true });
    assert.equal(registry.challenge(plain, "missing"), common);
  });

  it("can be sent for every name", async () => {
    const login = await openTokenLogin();
    const challenge = login.challenge({ ...request(undefined), gun: 'a/"b",x="ü日' }, "missing");
    assert.match(challenge, /scope="repository:a\/\\"b\\",x=\\"[^"]*:pull"$/u);
    assert.match(challenge, /^[\x20-\x7e\x80-\xff]+$/u);
  });
});
