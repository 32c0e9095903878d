import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { verifySignature } from "../../crypto/signature.ts";
import { deriveKey, type DerivationPath } from "./derived-key.ts";

const secret = Buffer.alloc(32, 7);
const path: DerivationPath = { gun: "docker.io/library/alpine", role: "timestamp", algorithm: "ecdsa", index: 0 };

describe("derived keys", () => {
  // Roots that name these keys are published: a change of the derivation would lose them.
  const keyIds: Record<string, string> = {
    "ecdsa 0": "d654127737e1cea4ef99b84ca1c6de585e57bc262560976148bf486f4a52ed68",
    "ecdsa 1": "26d802616d8e19fbfdaa663fc05ae322b8dc9f64d85c54b6651b7a174e02c452",
    "ed25519 0": "ab8b14ddc18455e52f2851d6e33f61785afc0fdcd406d789d4d71bc7252db863",
    "ed25519 1": "2b88436a324837ab5d5b439ad6fe9d5c767356ff6d89bcd7137d7ac21870087b",
  };
  for (const [name, keyId] of Object.entries(keyIds)) {
    it(`are the same in every release: ${name}`, async () => {
      const [algorithm = "", index] = name.split(" ");
      const key = deriveKey(secret, {
        ...path,
        algorithm: algorithm as DerivationPath["algorithm"],
        index: Number(index),
      });
      assert.equal(key.publicKey.keyId, keyId);
      const payload = Buffer.from("{}");
      assert.ok(verifySignature(key.publicKey, { keyId, ...(await key.sign(payload)) }, payload));
    });
  }

  it("differ in everything that makes up their path, and with the secret", () => {
    const paths: Partial<DerivationPath>[] = [
      {},
      { gun: "docker.io/library" },
      { role: "snapshot" },
      { index: 1 },
      { algorithm: "ed25519" },
    ];
    const keys = paths.map((change) => deriveKey(secret, { ...path, ...change }).publicKey.keyId);
    keys.push(deriveKey(Buffer.alloc(32, 8), path).publicKey.keyId);
    assert.equal(new Set(keys).size, keys.length);
  });

  it("differ when text moves from one part of the path to the next", () => {
    const [one, two] = [
      { ...path, role: "a", gun: 'b","c' },
      { ...path, role: 'a","b', gun: "c" },
    ];
    assert.notEqual(deriveKey(secret, one).publicKey.keyId, deriveKey(secret, two).publicKey.keyId);
  });
});
