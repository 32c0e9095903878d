import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { needsOpenssl, openssl } from "../../test/support/openssl.ts";
import { temporaryDirectory } from "../../test/support/temporary-directory.ts";
import { PrivateKey } from "../crypto/private-key.ts";
import { parsePem } from "../encoding/pem.ts";
import { encryptKeyBlock } from "./key-file.ts";
import { protectionOf } from "./key-protection.ts";

const directory = temporaryDirectory();
const key = PrivateKey.generate("ecdsa");

test("says the scheme and the rounds of a key that Tagseal, docker or notary wrote", () => {
  assert.deepEqual(protectionOf(encryptKeyBlock(key, { role: "root" }, "a passphrase", 2048)), {
    kind: "passphrase",
    scheme: "PBKDF2-HMAC-SHA1, AES-256-CBC",
    rounds: 2048,
  });
});

test("calls a key in the clear unprotected", () => {
  assert.deepEqual(protectionOf({ label: "PRIVATE KEY", headers: new Map(), bytes: key.toPkcs8() }), { kind: "none" });
});

test("says why a key is unreadable: damaged, or a scheme that is not supported", () => {
  const block = (bytes: Uint8Array) => ({ label: "ENCRYPTED PRIVATE KEY", headers: new Map(), bytes });
  assert.equal(protectionOf(block(Buffer.from("junk"))).kind, "unreadable");
  const { bytes } = encryptKeyBlock(key, { role: "root" }, "a passphrase", 10);
  assert.equal(protectionOf(block(bytes.subarray(0, 20))).kind, "unreadable");
});

test("reads what openssl wrote, in its own scheme and in the one of former times", { skip: needsOpenssl }, () => {
  const plain = join(directory, "key.pem");
  openssl(["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", plain]);
  const pkcs8 = ["pkcs8", "-topk8", "-in", plain, "-passout", "pass:secret"];
  const read = (out: string) => protectionOf(parsePem(readFileSync(out, "utf8"))[0] ?? assert.fail());
  const [today, legacy, scrypt] = ["today", "legacy", "scrypt"].map((name) => join(directory, `${name}.pem`)) as [
    string,
    string,
    string,
  ];
  openssl([...pkcs8, "-v2", "aes-128-cbc", "-v2prf", "hmacWithSHA256", "-iter", "5000", "-out", today]);
  assert.deepEqual(read(today), { kind: "passphrase", scheme: "PBKDF2-HMAC-SHA256, AES-128-CBC", rounds: 5000 });
  openssl(["ec", "-in", plain, "-aes256", "-passout", "pass:secret", "-out", legacy]);
  assert.deepEqual(read(legacy), { kind: "passphrase", scheme: "MD5, AES-256-CBC", rounds: 1 });
  openssl([...pkcs8, "-scrypt", "-out", scrypt]);
  assert.equal(read(scrypt).kind, "unreadable");
});
