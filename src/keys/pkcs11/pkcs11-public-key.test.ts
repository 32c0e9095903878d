import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PrivateKey } from "../../crypto/private-key.ts";
import { DerReader, derOctetString, derOid } from "../../encoding/der.ts";
import { keyKind, publicKeyOf } from "./pkcs11-public-key.ts";
import { pinState } from "./pkcs11-token.ts";

const none = {
  modulus: Buffer.alloc(0),
  exponent: Buffer.alloc(0),
  ecParams: Buffer.alloc(0),
  ecPoint: Buffer.alloc(0),
};

function ecAttributes(spki: Uint8Array) {
  const info = new DerReader(spki, "key").enter();
  const curve = info.enter();
  curve.oid();
  return { ...none, keyType: keyKind.ec, ecParams: derOid(curve.oid()), ecPoint: info.bitString() };
}

describe("public keys of tokens", () => {
  it("are those of the metadata, with a point in an OCTET STRING or bare", () => {
    const { publicKey } = PrivateKey.generate("ecdsa");
    const bare = ecAttributes(publicKey.bytes);
    assert.equal(publicKeyOf(bare)?.keyId, publicKey.keyId);
    assert.equal(publicKeyOf({ ...bare, ecPoint: derOctetString(bare.ecPoint) })?.keyId, publicKey.keyId);
  });

  it("are Ed25519 keys, too", () => {
    const { publicKey } = PrivateKey.generate("ed25519");
    const attributes = { ...none, keyType: keyKind.edwards, ecPoint: derOctetString(publicKey.bytes) };
    assert.equal(publicKeyOf(attributes)?.keyId, publicKey.keyId);
  });

  it("are RSA keys from their numbers", () => {
    const { publicKey } = PrivateKey.generate("rsa");
    const info = new DerReader(publicKey.bytes, "key").enter();
    info.enter();
    const numbers = new DerReader(info.bitString(), "numbers").enter();
    const attributes = {
      ...none,
      keyType: keyKind.rsa,
      modulus: numbers.unsignedBytes(),
      exponent: numbers.unsignedBytes(),
    };
    assert.equal(publicKeyOf(attributes)?.keyId, publicKey.keyId);
  });

  it("are absent for keys of other kinds, and for nonsense", () => {
    assert.equal(publicKeyOf({ ...none, keyType: 0x1f }), undefined);
    assert.equal(publicKeyOf({ ...none, keyType: keyKind.ec }), undefined);
    assert.equal(
      publicKeyOf({ ...none, keyType: keyKind.rsa, modulus: Buffer.from([5]), exponent: Buffer.from([3]) }),
      undefined,
    );
    const { ecParams } = ecAttributes(PrivateKey.generate("ecdsa").publicKey.bytes);
    const offCurve = Buffer.concat([Buffer.from([4]), Buffer.alloc(64, 1)]);
    assert.equal(publicKeyOf({ ...none, keyType: keyKind.ec, ecParams, ecPoint: offCurve }), undefined);
  });
});

describe("the state of a PIN", () => {
  it("is what the flags of the token say", () => {
    const ready = 0x4 | 0x8;
    assert.equal(pinState(0), "not needed");
    assert.equal(pinState(0x4), "not set");
    assert.equal(pinState(ready), "ok");
    assert.equal(pinState(ready | 0x1_0000), "some tries used");
    assert.equal(pinState(ready | 0x1_0000 | 0x2_0000), "last try");
    assert.equal(pinState(ready | 0x1_0000 | 0x4_0000), "locked");
  });
});
