import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PrivateKey } from "../../crypto/private-key.ts";
import { openSecret, sealSecret } from "./sealed-secret.ts";

/** Notary reference, vector A.4: a row that notary-signer 0.7.0 wrote. */
const notaryRow = {
  passphrase: "signerpw1",
  keyId: "6f8b33af43a89dff43e80ec83c0e6585dd3b099e9442f2b31c52b177cc09d84a",
  sealed:
    "eyJhbGciOiJQQkVTMi1IUzI1NitBMTI4S1ciLCJlbmMiOiJBMjU2R0NNIiwicDJjIjo4MTkyLCJwMnMiOiJpOEZ3NWJQVFNZSS1Vd08xIn0." +
    "fZZmkfSYnu9CtesFsAkVFsmm9sDrMDnzxE-jZ6PJ8S63huT92NbKYg.FJosW4KxP2UV_BvR." +
    "3j7ZxxWWZKJxnwQnr7qb4lFP8tiqEyfOtVyLu7fkun_FEWMN6tpAeKzmmD24XklCWi20od7N9VVk5Y4DflUuYUabCKO8sJptQFdOurG3cqowbOmEON" +
    "_QpaUGCSRXwA-WVHiEpl2eBb5wwi7rFvSpij7ClVWsOBNmCw.yu2hbfmUUQNRb_W4WA3OKg",
};

describe("sealed secrets", () => {
  it("opens a key that Notary's signer sealed", async () => {
    const secret = await openSecret(notaryRow.sealed, notaryRow.passphrase);
    assert.equal(PrivateKey.fromSec1(secret).publicKey.keyId, notaryRow.keyId);
  });

  it("opens what it sealed", async () => {
    const sealed = await sealSecret(Buffer.from("a private key"), "correct horse");
    assert.equal(Buffer.from(await openSecret(sealed, "correct horse")).toString(), "a private key");
  });

  it("writes the header Notary's signer writes, with a new 12-byte salt each time", async () => {
    const headers = await Promise.all(
      [1, 2].map(async () => headerOf(await sealSecret(Buffer.from("x"), "passphrase"))),
    );
    const [first, second] = headers.map((header) => JSON.parse(header) as { p2s: string });
    assert.ok(first && second);
    assert.equal(headers[0], `{"alg":"PBES2-HS256+A128KW","enc":"A256GCM","p2c":8192,"p2s":"${first.p2s}"}`);
    assert.equal(Buffer.from(first.p2s, "base64url").length, 12);
    assert.notEqual(first.p2s, second.p2s);
  });

  const damaged = [
    { name: "another passphrase", sealed: notaryRow.sealed, passphrase: "signerpw2" },
    { name: "a changed byte", sealed: notaryRow.sealed.replace("3j7Zxx", "3j7Zxy"), passphrase: "signerpw1" },
    { name: "a missing part", sealed: notaryRow.sealed.split(".").slice(0, 4).join("."), passphrase: "signerpw1" },
    { name: "nothing at all", sealed: "", passphrase: "signerpw1" },
    { name: "a billion iterations", sealed: withIterations(1_000_000_000), passphrase: "signerpw1" },
  ];
  for (const { name, sealed, passphrase } of damaged) {
    it(`refuses ${name}`, async () => {
      await assert.rejects(openSecret(sealed, passphrase), { code: "PASSPHRASE_WRONG" });
    });
  }
});

function headerOf(sealed: string): string {
  return Buffer.from(sealed.split(".")[0] ?? "", "base64url").toString();
}

function withIterations(p2c: number): string {
  const header = headerOf(notaryRow.sealed).replace("8192", String(p2c));
  return [Buffer.from(header).toString("base64url"), ...notaryRow.sealed.split(".").slice(1)].join(".");
}
