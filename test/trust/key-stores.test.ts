/** Key stores as tokens will be: their keys never leave them, they make what they can, and several stand in order. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type KeyAlgorithm, PrivateKey, type SigningKey } from "../../src/crypto/private-key.ts";
import type { KeyStore, KeyUse, StoredKey } from "../../src/keys/key-store.ts";
import { MemoryKeyStore } from "../../src/keys/memory-key-store.ts";
import { rotateKey } from "../../src/trust/rotate.ts";
import { signTags } from "../../src/trust/sign.ts";
import { verifyTag } from "../../src/trust/verify.ts";
import { digestOf, tagOf, trustStory } from "./trust-story.ts";

const story = trustStory();

/** Signs, and gives nothing else away. */
class Token implements KeyStore {
  readonly #kept = new MemoryKeyStore();
  readonly #roles: readonly string[];
  readonly used: string[] = [];

  constructor(roles: readonly string[]) {
    this.#roles = roles;
  }

  list = async (): Promise<readonly StoredKey[]> => await this.#kept.list();
  find = async (keyId: string): Promise<StoredKey | undefined> => await this.#kept.find(keyId);
  remove = async (keyId: string): Promise<void> => await this.#kept.remove(keyId);

  async signingKey(keyId: string): Promise<SigningKey | undefined> {
    const key = await this.#kept.signingKey(keyId);
    const role = (await this.#kept.find(keyId))?.role ?? "";
    return key && this.#handle(key, role);
  }

  async make(use: KeyUse, algorithm: KeyAlgorithm): Promise<SigningKey | undefined> {
    if (!this.#roles.includes(use.role)) return undefined;
    return this.#handle(await this.#kept.make(use, algorithm), use.role);
  }

  #handle(key: SigningKey, role: string): SigningKey {
    return {
      publicKey: key.publicKey,
      sign: async (payload) => {
        this.used.push(role);
        return await key.sign(payload);
      },
    };
  }
}

test("a repository is made, signed and rotated with keys that never leave a token; what it cannot make the next store makes", async () => {
  const [token, rest] = [new Token(["root", "alice"]), new MemoryKeyStore()];
  const person = await story.person();
  const context = await person.open("token/app", { keys: [token, rest] });
  await signTags(context, [tagOf("v1")], { initialise: { signer: "alice" } });
  assert.deepEqual((await token.list()).map(({ role }) => role).toSorted(), ["alice", "root"]);
  assert.deepEqual(
    (await rest.list()).map(({ role }) => role),
    ["targets"],
  );
  assert.ok(token.used.includes("root") && token.used.includes("alice"));
  await rotateKey(context, "root");
  await rotateKey(context, "targets");
  await signTags(context, [tagOf("v2")]);
  const reader = await (await story.person()).open("token/app");
  assert.equal((await verifyTag(reader, "v2")).digest, digestOf("v2"));
});

test("keys that no store can make end the operation, and nothing is published", async () => {
  const context = await (await story.person()).open("token/none", { keys: [new Token(["root"])] });
  await assert.rejects(signTags(context, [tagOf("v1")]), {
    code: "KEY_UNSUPPORTED",
    message: "no key store here can make an ecdsa key for targets",
  });
  await assert.rejects(context.repository.fetch("root", 1_000_000), { code: "METADATA_MISSING" });
});

test("an RSA key signs as a signer's", async () => {
  const [owner, signer] = [await story.person(), new MemoryKeyStore()];
  await signer.add(PrivateKey.generate("rsa"), { role: "alice" });
  const context = await owner.open("token/rsa", { keys: [signer, owner.keys] });
  await signTags(context, [tagOf("v1")], { initialise: { signer: "alice" } });
  const reader = await (await story.person()).open("token/rsa");
  assert.deepEqual((await verifyTag(reader, "v1")).signers, ["alice"]);
});
