import assert from "node:assert/strict";
import { generateKeyPairSync, sign } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { describe, test } from "node:test";
import { basicConstraints, certificatePem, certificateToSign, extendedKeyUsage } from "../crypto/certificate-form.ts";
import { oid } from "../crypto/oids.ts";
import { PublicKey } from "../crypto/public-key.ts";
import { derOid, derSequence } from "../encoding/der.ts";
import { pinningFor } from "./pinning.ts";
import type { TrustPinning } from "./pinning.ts";

const gun = "registry.example/team/app";
const now = new Date("2026-03-01T12:00:00Z");
const ecdsaWithSha256 = derSequence(derOid(oid.ecdsaWithSha256));
const { codeSigning } = oid;
const serverAuthentication = "1.3.6.1.5.5.7.3.1";
const anyUsage = "2.5.29.37.0";

interface Issuer {
  readonly name: string;
  readonly pem: string;
  readonly privateKey: KeyObject;
}

interface CertificateOptions {
  readonly issuer?: Issuer;
  readonly isCa?: boolean;
  readonly usages?: readonly string[];
  readonly notBefore?: string;
  readonly notAfter?: string;
}

/** Just enough of a certificate authority; without an issuer a certificate signs itself. */
function issue(name: string, options: CertificateOptions = {}): Issuer {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const toBeSigned = certificateToSign({
    issuer: options.issuer?.name ?? name,
    subject: name,
    algorithm: ecdsaWithSha256,
    notBefore: new Date(options.notBefore ?? "2026-01-01T00:00:00Z"),
    notAfter: new Date(options.notAfter ?? "2030-01-01T00:00:00Z"),
    publicKey: publicKey.export({ format: "der", type: "spki" }),
    extensions: [
      basicConstraints({ isCa: options.isCa === true }),
      ...(options.usages === undefined ? [] : [extendedKeyUsage(...options.usages)]),
    ],
  });
  const signature = sign("sha256", toBeSigned, options.issuer?.privateKey ?? privateKey);
  return { name, pem: certificatePem(toBeSigned, ecdsaWithSha256, signature), privateKey };
}

function pem(...issuers: readonly Issuer[]): string {
  return issuers.map((issuer) => issuer.pem).join("");
}

function rootKeyOf(...chain: readonly Issuer[]): PublicKey {
  return PublicKey.fromCertificatePem(pem(...chain));
}

const authority = issue("authority", { isCa: true });
const leaf = issue(gun, { issuer: authority });
const selfSigned = issue(gun);
const key = rootKeyOf(selfSigned);

function accepts(pinning: TrustPinning, candidate: PublicKey = key, name = gun): boolean {
  return pinningFor(name, now, pinning, false).accepts(candidate);
}

describe("pinned certificates", () => {
  test("are named by their TUF key ID, not by their bare key's", () => {
    assert.ok(accepts({ certs: new Map([[gun, [key.keyId]]]) }));
    assert.ok(!accepts({ certs: new Map([[gun, [key.canonicalKeyId]]]) }));
  });

  test("I9: an empty list accepts nothing", () => {
    assert.ok(!accepts({ certs: new Map([[gun, []]]) }));
  });

  test("the exact name comes first, then the longest prefix with a star, wherever it ends", () => {
    const id = [key.keyId];
    const certs = new Map([
      ["registry.example/*", []],
      ["registry.example/te*", id],
      [gun, id],
    ]);
    assert.ok(accepts({ certs }));
    assert.ok(accepts({ certs }, key, "registry.example/test"));
    assert.ok(!accepts({ certs }, key, "registry.example/other"));
    assert.ok(
      !accepts({
        certs: new Map([
          [gun, []],
          ["*", id],
        ]),
      }),
      "a setting that matches decides, there is no falling through",
    );
    assert.ok(accepts({ certs: new Map([["registry.example/team", []]]) }), "without a star it is an exact name");
  });

  test("come before authorities", () => {
    assert.ok(!accepts({ certs: new Map([[gun, []]]), ca: new Map([["", pem(authority)]]) }, rootKeyOf(leaf)));
  });
});

describe("pinned authorities", () => {
  const ca = (...issuers: readonly Issuer[]): TrustPinning => ({
    ca: new Map([["registry.example/", pem(...issuers)]]),
  });

  test("accept what they issued and nothing else", () => {
    assert.ok(accepts(ca(authority), rootKeyOf(leaf)));
    assert.ok(!accepts(ca(authority), key));
  });

  test("the longest plain prefix decides", () => {
    const other = issue("other", { isCa: true });
    const pinning = {
      ca: new Map([
        ["", pem(authority)],
        ["registry.example/team/", pem(other)],
      ]),
    };
    assert.ok(!accepts(pinning, rootKeyOf(leaf)));
    assert.ok(accepts(pinning, rootKeyOf(leaf), "registry.example/else"));
  });

  test("are reached through the bundle's own CA certificates", () => {
    const first = issue("first", { issuer: authority, isCa: true });
    const second = issue("second", { issuer: first, isCa: true });
    const deep = issue(gun, { issuer: second });
    assert.ok(accepts(ca(authority), rootKeyOf(deep, second, first)));
    assert.ok(accepts(ca(authority), rootKeyOf(deep, first, second)));
    assert.ok(!accepts(ca(authority), rootKeyOf(deep, second)));
    assert.ok(accepts(ca(first), rootKeyOf(deep, second)), "an authority need not be self-signed");
  });

  test("do not act through certificates that are not a CA", () => {
    const noCa = issue("no CA", { issuer: authority });
    const below = issue(gun, { issuer: noCa });
    assert.ok(!accepts(ca(authority), rootKeyOf(below, noCa)));
    assert.ok(!accepts(ca(noCa), rootKeyOf(below)));
  });

  test("I4: do not act through expired certificates, nor when expired themselves", () => {
    const past = { notBefore: "2020-01-01T00:00:00Z", notAfter: "2026-02-28T00:00:00Z" };
    const expiredAuthority = issue("expired", { isCa: true, ...past });
    assert.ok(!accepts(ca(expiredAuthority), rootKeyOf(issue(gun, { issuer: expiredAuthority }))));
    const expiredStep = issue("step", { isCa: true, issuer: authority, ...past });
    assert.ok(!accepts(ca(authority), rootKeyOf(issue(gun, { issuer: expiredStep }), expiredStep)));
    assert.ok(!accepts(ca(authority), rootKeyOf(issue(gun, { issuer: authority, ...past }))));
  });

  test("ask for the usage the reference asks for", () => {
    for (const [usages, expected] of [
      [[codeSigning], false],
      [[serverAuthentication], true],
      [[anyUsage], true],
      [[codeSigning, serverAuthentication], true],
    ] as const) {
      assert.equal(accepts(ca(authority), rootKeyOf(issue(gun, { issuer: authority, usages }))), expected);
    }
  });

  test("in an unreadable file are an error", () => {
    for (const text of ["", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]) {
      assert.throws(() => accepts({ ca: new Map([["", text]]) }), { code: "CERTIFICATE_INVALID" });
    }
  });
});

describe("first use", () => {
  test("applies when nothing else does, and is reported", () => {
    const verdict = pinningFor(gun, now, {}, false);
    assert.ok(verdict.accepts(key));
    assert.equal(verdict.isFirstUse, true);
    assert.equal(pinningFor(gun, now, { certs: new Map([[gun, [key.keyId]]]) }, false).isFirstUse, false);
    assert.equal(pinningFor(gun, now, {}, true).isFirstUse, false);
  });

  test("I9: can be switched off for collections without a setting", () => {
    assert.throws(() => accepts({ disableTofu: true }), {
      code: "ROOT_PINNING_MISMATCH",
      message: "invalid trust pinning specified",
    });
    assert.ok(accepts({ disableTofu: true, certs: new Map([[gun, [key.keyId]]]) }));
    assert.ok(pinningFor(gun, now, { disableTofu: true }, true).accepts(key), "a root known before is no first use");
  });
});

describe("what a policy requires", () => {
  const required = { accepts: (candidate: PublicKey) => candidate.keyId === key.keyId };
  const stranger = rootKeyOf(issue(gun));

  test("I9: counts beside the user's pins, at first contact and later", () => {
    for (const isKnown of [false, true]) {
      const allows = (pinning: TrustPinning, candidate = key): boolean =>
        pinningFor(gun, now, { ...pinning, required }, isKnown).accepts(candidate);
      assert.ok(allows({}));
      assert.ok(!allows({}, stranger));
      assert.ok(allows({ certs: new Map([[gun, [key.keyId]]]) }));
      assert.ok(!allows({ certs: new Map([[gun, [stranger.keyId]]]) }));
      assert.ok(!allows({ certs: new Map([[gun, [stranger.keyId]]]) }, stranger));
    }
    assert.equal(pinningFor(gun, now, { required }, false).isFirstUse, false);
  });

  test("I9: does not allow a first use that is switched off", () => {
    assert.throws(() => accepts({ disableTofu: true, required }), { code: "ROOT_PINNING_MISMATCH" });
    assert.ok(accepts({ disableTofu: true, certs: new Map([[gun, [key.keyId]]]), required }));
    assert.ok(pinningFor(gun, now, { disableTofu: true, required }, true).accepts(key));
  });
});
