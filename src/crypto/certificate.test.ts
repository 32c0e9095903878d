import assert from "node:assert/strict";
import { X509Certificate, generateKeyPairSync, webcrypto } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { X509Certificate as PeculiarCertificate } from "@peculiar/x509";
import fc from "fast-check";
import { fuzzRuns, hostileBytes, parsedOrRefused } from "../../test/support/fuzz.ts";
import { needsOpenssl, openssl } from "../../test/support/openssl.ts";
import { peculiar } from "../../test/support/x509-library.ts";
import { decodeBase64 } from "../encoding/base64.ts";
import { DerReader, derElement, derOid, derSequence, derSet, derTag } from "../encoding/der.ts";
import { parsePem, serialisePem } from "../encoding/pem.ts";
import {
  certificateMatchesName,
  checkLeafCertificate,
  createRootCertificate,
  isIssuedBy,
  parseCertificate,
  parseCertificateBundle,
} from "./certificate.ts";
import { PrivateKey } from "./private-key.ts";
import { PublicKey } from "./public-key.ts";

const gun = "localhost:5000/team/app";
const now = new Date("2026-11-23T12:00:00Z");
const days = (count: number) => new Date(now.getTime() + count * 86_400_000);
const key = PrivateKey.generate("ecdsa");
const pem = await createRootCertificate(key, gun, now);
const x509 = (text: string, keyType = "ecdsa-x509") => new PublicKey(keyType, Buffer.from(text));

const vectorRoot = JSON.parse(
  readFileSync(new URL("../../test/vectors/notary-v1/vec-demo/root.json", import.meta.url), "utf8"),
) as {
  readonly signed: {
    readonly keys: Record<string, { readonly keytype: string; readonly keyval: { readonly public: string } }>;
  };
};
const vectorPem = Buffer.from(
  decodeBase64(
    Object.values(vectorRoot.signed.keys).find(({ keytype }) => keytype === "ecdsa-x509")?.keyval.public ??
      assert.fail(),
  ),
).toString("utf8");

/** What a CA of the tests may be asked for. */
interface Request {
  readonly name: string;
  readonly from?: Date;
  readonly to?: Date;
  readonly ca?: boolean;
  readonly algorithm?: "ecdsa" | "rsa" | "sha1" | "ed25519";
  readonly issuer?: Issued;
}
interface Issued {
  readonly pem: string;
  readonly certificate: PeculiarCertificate;
  readonly keys: webcrypto.CryptoKeyPair;
}

const keyAlgorithms = {
  ecdsa: { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" },
  rsa: { name: "RSASSA-PKCS1-v1_5", modulusLength: 2048, publicExponent: Uint8Array.of(1, 0, 1), hash: "SHA-256" },
  sha1: { name: "RSASSA-PKCS1-v1_5", modulusLength: 2048, publicExponent: Uint8Array.of(1, 0, 1), hash: "SHA-1" },
  ed25519: { name: "Ed25519" },
} as const;

/** Makes a certificate with an independent library. */
async function issue(request: Request): Promise<Issued> {
  const algorithm = keyAlgorithms[request.algorithm ?? "ecdsa"];
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"])) as webcrypto.CryptoKeyPair;
  const certificate = await peculiar.X509CertificateGenerator.create(
    {
      serialNumber: "01",
      subject: `CN=${request.name}`,
      issuer: request.issuer?.certificate.subject ?? `CN=${request.name}`,
      notBefore: request.from ?? now,
      notAfter: request.to ?? days(3650),
      publicKey: keys.publicKey,
      signingKey: request.issuer?.keys.privateKey ?? keys.privateKey,
      signingAlgorithm: request.issuer === undefined ? algorithm : keyAlgorithms.ecdsa,
      extensions: [new peculiar.BasicConstraintsExtension(request.ca ?? false, undefined, true)],
    },
    webcrypto,
  );
  const text = serialisePem({ label: "CERTIFICATE", headers: new Map(), bytes: new Uint8Array(certificate.rawData) });
  return { pem: text, certificate, keys };
}

const daysValid = (from: Date, to: Date) => (to.getTime() - from.getTime()) / 86_400_000;

/** The encoded extensions of a root certificate, from the tag around them to the basic constraints. */
function extensionsOf(encoded: Uint8Array): string | undefined {
  return /a335303330.*?300c0603551d130101ff04023000/.exec(Buffer.from(encoded).toString("hex"))?.[0];
}

test("makes the certificate notary makes, field for field", () => {
  const [ours, theirs] = [parseCertificateBundle(pem)[0], parseCertificateBundle(vectorPem)[0]];
  assert.ok(ours && theirs);
  assert.equal(daysValid(ours.notBefore, ours.notAfter), daysValid(theirs.notBefore, theirs.notAfter));
  assert.equal(theirs.subjectCommonName, "vec/demo");
  assert.equal(ours.subjectCommonName, gun);
  assert.equal(ours.signatureAlgorithm, theirs.signatureAlgorithm);
  assert.deepEqual([ours.isCa, ours.extendedKeyUsage], [theirs.isCa, theirs.extendedKeyUsage]);
  assert.equal(extensionsOf(ours.der), extensionsOf(theirs.der));
  assert.ok(extensionsOf(ours.der));
});

test("an independent library and the platform agree with what we wrote and read", async () => {
  for (const kind of ["ecdsa", "rsa"] as const) {
    const signer = PrivateKey.generate(kind);
    const text = await createRootCertificate(signer, "localhost/ümlaut_1", now);
    const [ours = assert.fail()] = parseCertificateBundle(text);
    const theirs = new peculiar.X509Certificate(text);
    assert.equal(theirs.subject, "CN=localhost/ümlaut_1");
    assert.deepEqual([theirs.notBefore, theirs.notAfter], [ours.notBefore, ours.notAfter]);
    assert.ok(await theirs.verify({ date: days(1) }, webcrypto));
    const platform = new X509Certificate(text);
    assert.ok(platform.verify(platform.publicKey));
    assert.deepEqual(platform.publicKey.export({ type: "spki", format: "der" }), Buffer.from(signer.publicKey.bytes));
  }
});

test("openssl verifies the certificates we make", { skip: needsOpenssl }, () => {
  const text = openssl(["x509", "-noout", "-text"], pem).toString();
  for (const expected of [`Subject: CN = ${gun}`, "Digital Signature, Key Encipherment", "Code Signing", "CA:FALSE"]) {
    assert.ok(text.includes(expected), expected);
  }
});

test("a root key cannot be Ed25519", async () => {
  await assert.rejects(createRootCertificate(PrivateKey.generate("ed25519"), gun, now), { code: "KEY_UNSUPPORTED" });
  const { pem: text } = await issue({ name: gun, algorithm: "ed25519" });
  assert.throws(() => PublicKey.fromCertificatePem(text), { code: "KEY_UNSUPPORTED" });
});

test("accepts its own certificate and notary's, for their names only", () => {
  assert.equal(checkLeafCertificate(x509(pem), gun, now).ok, true);
  assert.equal(checkLeafCertificate(x509(vectorPem), "vec/demo", now).ok, true);
  assert.equal(checkLeafCertificate(x509(pem), "localhost:5000/team/other", now).ok, false);
});

const names: readonly [commonName: string, gun: string, matches: boolean][] = [
  ["a/b", "a/b", true],
  ["a/b", "a/bc", false],
  ["a/b", "a", false],
  ["*", "anything", true],
  ["a/*", "a/b", true],
  ["a/*", "b/a", false],
  ["loc*", "localhost/x", true],
  ["a/**", "a/b", true],
  ["/**", "a", false],
  ["a*b", "axb", false],
  ["A/b", "a/b", false],
  ["", "a", false],
];
for (const [commonName, wanted, matches] of names) {
  test(`a certificate for ${JSON.stringify(commonName)} ${matches ? "covers" : "does not cover"} ${wanted}`, () => {
    assert.equal(certificateMatchesName(commonName, wanted), matches);
  });
}

test("accepts a chain of one leaf and its CA", async () => {
  const ca = await issue({ name: "our ca", ca: true });
  const leaf = await issue({ name: gun, issuer: ca });
  assert.equal(checkLeafCertificate(x509(leaf.pem + ca.pem), gun, now).ok, true);
});

test("refuses everything but one leaf followed by CAs", async () => {
  const [ca, leaf] = [await issue({ name: gun, ca: true }), await issue({ name: gun })];
  const key2 = serialisePem({ label: "PUBLIC KEY", headers: new Map(), bytes: key.publicKey.bytes });
  const bad: readonly [string, PublicKey][] = [
    ["a CA as leaf", x509(ca.pem)],
    ["a CA first", x509(ca.pem + leaf.pem)],
    ["two leaves", x509(leaf.pem + pem)],
    ["a bare key", key.publicKey],
    ["a public key in PEM", x509(key2)],
    ["a public key after it", x509(pem + key2)],
    ["junk", x509("junk")],
    ["nothing", x509("")],
    ["17 certificates", x509(pem.repeat(17))],
    ["the wrong key type", x509(pem, "rsa-x509")],
    ["an unknown key type", x509(pem, "dsa-x509")],
  ];
  for (const [what, candidate] of bad) assert.equal(checkLeafCertificate(candidate, gun, now).ok, false, what);
});

test("refuses PEM not written as a standard encoder writes it, since its key ID would not be the one readers compute", () => {
  for (const text of [
    pem.trimEnd(),
    `${pem}\n`,
    `junk\n${pem}`,
    pem.replaceAll("\n", "\r\n"),
    pem.replace("\n", "\nx: y\n\n"),
  ]) {
    const result = checkLeafCertificate(x509(text), gun, now);
    assert.equal(result.ok, false);
    assert.match(result.ok ? "" : result.reason, /standard encoder/);
  }
});

test("I4: accepts a certificate only inside its window, with a day of grace before it", async () => {
  const at = async (from: Date, to: Date) =>
    checkLeafCertificate(x509((await issue({ name: gun, from, to })).pem), gun, now);
  assert.equal((await at(days(0.5), days(3650))).ok, true);
  assert.match(reasonOf(await at(days(3), days(3650))), /not valid before/);
  assert.match(reasonOf(await at(days(-10), days(-1))), /expired at/);
  assert.match(reasonOf(await at(days(10), days(5))), /ends before it begins/);
  const expired = x509((await issue({ name: gun, from: days(-10), to: days(-1) })).pem);
  assert.equal(checkLeafCertificate(expired, gun, now, { ignoreExpiry: true }).ok, true);
});

function reasonOf(result: ReturnType<typeof checkLeafCertificate>): string {
  return result.ok ? "accepted" : result.reason;
}

test("I4: an expired intermediate spoils the chain, except under a previous root", async () => {
  const ca = await issue({ name: "old ca", ca: true, from: days(-20), to: days(-1) });
  const chain = x509((await issue({ name: gun, issuer: ca })).pem + ca.pem);
  assert.match(reasonOf(checkLeafCertificate(chain, gun, now)), /CN old ca expired/);
  assert.equal(checkLeafCertificate(chain, gun, now, { ignoreExpiry: true }).ok, true);
});

test("refuses SHA-1 signatures and short RSA keys, also when expiry does not matter", async () => {
  const sha1 = x509((await issue({ name: gun, algorithm: "sha1" })).pem, "rsa-x509");
  assert.match(reasonOf(checkLeafCertificate(sha1, gun, now, { ignoreExpiry: true })), /broken hash/);
  const sha256 = x509((await issue({ name: gun, algorithm: "rsa" })).pem, "rsa-x509");
  assert.equal(checkLeafCertificate(sha256, gun, now).ok, true);
});

test("refuses a short RSA key in a certificate", { skip: needsOpenssl }, () => {
  const subject = `/CN=${gun.replaceAll("/", String.raw`\/`)}`;
  const text = openssl([
    "req",
    "-x509",
    "-newkey",
    "rsa:1024",
    "-nodes",
    "-keyout",
    "/dev/null",
    "-subj",
    subject,
    "-addext",
    "basicConstraints=CA:FALSE",
  ]).toString();
  assert.match(reasonOf(checkLeafCertificate(x509(text, "rsa-x509"), gun, now)), /1024 bits/);
});

test("answers who issued a certificate", async () => {
  const [ca, stranger] = [await issue({ name: "ca", ca: true }), await issue({ name: "ca", ca: true })];
  const noCa = await issue({ name: "leaf as issuer" });
  const leaf = await issue({ name: gun, issuer: ca });
  const [read, readCa, readStranger] = [leaf, ca, stranger].map(
    ({ pem: text }) => parseCertificateBundle(text)[0] ?? assert.fail(),
  );
  assert.ok(read && readCa && readStranger);
  assert.equal(isIssuedBy(read, readCa), true);
  assert.equal(isIssuedBy(readCa, readCa), true);
  assert.equal(isIssuedBy(read, readStranger), false, "same name, another key");
  assert.equal(isIssuedBy(read, { ...readCa, isCa: false }), false);
  assert.equal(isIssuedBy({ ...read, signatureAlgorithm: "1.2.840.113549.1.1.5" }, readCa), false, "SHA-1");
  assert.equal(isIssuedBy(read, { ...readCa, spki: Buffer.from("garbage") }), false);
  const edSpki = generateKeyPairSync("ed25519").publicKey.export({ type: "spki", format: "der" });
  assert.equal(isIssuedBy(read, { ...readCa, spki: edSpki }), false);
  const below = await issue({ name: gun, issuer: noCa });
  assert.equal(isIssuedBy(parseCertificate(derOf(below)), parseCertificate(derOf(noCa))), false);
});

function derOf(issued: Issued): Uint8Array {
  return new Uint8Array(issued.certificate.rawData);
}

/** Our certificate with another subject: its encoding taken apart around the subject and put together again. */
function withSubject(subject: Uint8Array): Buffer {
  const outer = new DerReader(parsePem(pem)[0]?.bytes ?? assert.fail(), "test").enter();
  const signed = new DerReader(outer.next().content, "test");
  const parts = Array.from({ length: 8 }, () => signed.next().encoded);
  return derSequence(derSequence(...parts.with(5, subject)), outer.next().encoded, outer.next().encoded);
}

const attribute = (tag: number, content: Uint8Array) => derSequence(derOid("2.5.4.3"), derElement(tag, content));

const nameOf = (...attributes: readonly Uint8Array[]) =>
  parseCertificate(withSubject(derSequence(...attributes.map((one) => derSet(one))))).subjectCommonName;

test("reads common names of every text type, the last one counting", () => {
  assert.equal(nameOf(attribute(derTag.utf8String, Buffer.from("é"))), "é");
  assert.equal(nameOf(attribute(derTag.printableString, Buffer.from("a"))), "a");
  assert.equal(nameOf(attribute(derTag.teletexString, Buffer.from("é", "latin1"))), "é");
  assert.equal(nameOf(attribute(derTag.ia5String, Buffer.from("a@b"))), "a@b");
  assert.equal(nameOf(attribute(derTag.bmpString, Buffer.from([0, 0x61, 0x26, 0x3a]))), "a☺");
  assert.equal(
    nameOf(attribute(derTag.utf8String, Buffer.from("1")), attribute(derTag.utf8String, Buffer.from("2"))),
    "2",
  );
  assert.equal(nameOf(derSequence(derOid("2.5.4.10"), derElement(derTag.utf8String, Buffer.from("o")))), "");
  assert.throws(() => nameOf(attribute(derTag.octetString, Buffer.from("a"))), { code: "DER_MALFORMED" });
});

test("fuzz: refuses or reads hostile certificates, and never accepts a changed one for another name", () => {
  const seed = parsePem(pem)[0]?.bytes ?? assert.fail();
  fc.assert(
    fc.property(hostileBytes(seed), (hostile) => {
      parsedOrRefused(() => parseCertificate(hostile));
      const text = serialisePem({ label: "CERTIFICATE", headers: new Map(), bytes: hostile });
      assert.equal(checkLeafCertificate(x509(text), "somewhere/else", now).ok, false);
    }),
    { numRuns: fuzzRuns },
  );
});

test("a root key issues the certificate of a key whose private part is elsewhere", async () => {
  const spare = PrivateKey.generate("rsa").publicKey;
  const issued = await createRootCertificate(key, gun, now, spare);
  const [issuer, certificate] = [new X509Certificate(pem), new X509Certificate(issued)];
  assert.equal(PublicKey.fromCertificatePem(issued).canonicalKeyId, spare.keyId);
  assert.ok(certificate.verify(issuer.publicKey));
  assert.ok(!certificate.verify(certificate.publicKey));
  assert.deepEqual([certificate.subject, certificate.issuer], [`CN=${gun}`, `CN=${gun}`]);
  assert.equal(checkLeafCertificate(PublicKey.fromCertificatePem(issued), gun, now).ok, true);
});
