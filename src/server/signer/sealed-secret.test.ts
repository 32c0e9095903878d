import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { notaryRow } from "../../../test/support/notary-signer-row.ts";
import { PrivateKey } from "../../crypto/private-key.ts";
import { openSecret, sealSecret } from "./sealed-secret.ts";

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
