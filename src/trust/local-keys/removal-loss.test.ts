import assert from "node:assert/strict";
import { test } from "node:test";
import { PrivateKey } from "../../crypto/private-key.ts";
import type { LocalKey } from "./local-key.ts";
import { rolesLostWith } from "./removal-loss.ts";

const { publicKey } = PrivateKey.generate("ed25519");

function key(
  keyId: string,
  ...namings: readonly { role: string; roleKeyIds: readonly string[]; threshold?: number }[]
): LocalKey {
  return {
    keyId,
    role: "any",
    gun: undefined,
    location: "memory",
    namings: namings.map(({ threshold = 1, ...naming }) => ({
      gun: "app",
      keyId,
      idInMetadata: keyId,
      publicKey,
      threshold,
      ...naming,
    })),
  };
}

test("a role is lost with the last of its keys that is here", () => {
  const [one, two] = ["1", "2"].map((id) => key(id, { role: "root", roleKeyIds: ["1", "2", "elsewhere"] }));
  assert.ok(one && two);
  assert.deepEqual(rolesLostWith([one], [one, two]), []);
  assert.deepEqual(rolesLostWith([one], [one]), [{ gun: "app", role: "root" }]);
  assert.deepEqual(rolesLostWith([one, two], [one, two]), [{ gun: "app", role: "root" }], "each role once");
});

test("a role is lost when fewer of its keys are left than it needs, and enough were here", () => {
  const keys = ["1", "2", "3"].map((id) => key(id, { role: "targets", roleKeyIds: ["1", "2", "3"], threshold: 2 }));
  const [one, two, three] = keys;
  assert.ok(one && two && three);
  assert.deepEqual(rolesLostWith([one], keys), []);
  assert.deepEqual(rolesLostWith([one, two], keys), [{ gun: "app", role: "targets" }]);
  const partial = [one, two].map((part) =>
    key(part.keyId, { role: "targets", roleKeyIds: ["1", "2", "3"], threshold: 3 }),
  );
  assert.ok(partial[0]);
  assert.deepEqual(rolesLostWith([partial[0]], partial), [], "it could not be signed here alone anyway");
});

test("a key that nothing names takes nothing with it", () => {
  const unnamed = key("1");
  assert.deepEqual(rolesLostWith([unnamed], [unnamed]), []);
});
