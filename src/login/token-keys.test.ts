import assert from "node:assert/strict";
import { createPublicKey, type KeyObject } from "node:crypto";
import { rmSync, writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import {
  assertGood,
  assertRefused,
  byName,
  claims,
  days,
  kid,
  make,
  openTokenLogin,
  root,
  start,
  strangerRoot,
  tokenFile,
} from "../../test/support/token-logins.ts";
import { type CertificateWish, makeKey, signedToken } from "../../test/support/token-maker.ts";
import { libtrustKeyId as referenceKeyId } from "../../test/support/token-server.ts";
import { FileWatch } from "../service/watching/file-watch.ts";
import { libtrustKeyId } from "./token-keys.ts";

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
    await assertRefused(chained(leaf.key, leaf), await openTokenLogin({ rootcertbundle: tokenFile(oldRoot.pem) }));
  });

  it("I9: are refused when they are longer than an authority allows", async () => {
    const top = await make({ name: "top", isCa: true, pathLength: 0 });
    const login = await openTokenLogin({ rootcertbundle: tokenFile(top.pem) });
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
      const jwks = tokenFile(JSON.stringify({ keys: [{ ...jwk, kid: "first", use: "sig" }] }));
      const login = await openTokenLogin({ rootcertbundle: undefined, jwks });
      await assertGood(signedToken(claims, { kid: "first" }, key), login);
      await assertGood(signedToken(claims, { jwk }, key), login);
      await assertRefused(signedToken(claims, { kid: "second" }, key), login);
      await assertRefused(byName(), login);
    });
  }

  it("work beside a bundle", async () => {
    const { key, jwk } = makeKey("ec");
    const login = await openTokenLogin({ jwks: tokenFile(JSON.stringify({ keys: [{ ...jwk, kid: "first" }] })) });
    await assertGood(signedToken(claims, { kid: "first" }, key), login);
    await assertGood(byName(), login);
  });

  it("are followed when the file changes, and kept while the file is invalid", async () => {
    const clock = { now: start };
    const lines: string[] = [];
    const [old, young] = [makeKey("ec"), makeKey("ec")];
    const jwks = tokenFile(JSON.stringify({ keys: [{ ...old.jwk, kid: "old" }] }));
    const watch = new FileWatch(() => clock.now);
    const login = await openTokenLogin({ rootcertbundle: undefined, jwks }, clock, lines, watch);
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
    const jwks = tokenFile(JSON.stringify({ keys: [{ ...old.jwk, kid: "k" }] }));
    const watch = new FileWatch(() => start);
    const login = await openTokenLogin({ rootcertbundle: undefined, jwks }, undefined, undefined, watch);
    writeFileSync(jwks, JSON.stringify({ keys: [{ ...young.jwk, kid: "k" }] }));
    await watch.reload();
    await assertGood(signedToken(claims, { kid: "k" }, young.key), login);
    await assertRefused(signedToken(claims, { kid: "k" }, old.key), login);
  });
});
