/** Keys of roles that are split into shards: the shards follow the role that they copy. */

import { deepEqual, equal } from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { PrivateKey } from "../../src/crypto/private-key.ts";
import { listTags } from "../../src/trust/reading/list.ts";
import { verifyTag } from "../../src/trust/reading/verify.ts";
import { signTags } from "../../src/trust/publishing/sign.ts";
import { replaceKeyIn } from "../../src/trust/rotation/rotate-everywhere.ts";
import { shardedRoles, shardRoles } from "../../src/trust/sharding/shard-roles.ts";
import { readCollection } from "../../src/trust/reading/collection-reading.ts";
import { addSigner } from "../../src/trust/signers/signer.ts";
import { rememberedNamings } from "../../src/trust/trust-directory/remembered-namings.ts";
import { digestOf, tagOf, trustStory } from "./trust-story.ts";

const story = trustStory();

async function sharded(repository: string) {
  const [owner, reader] = [await story.person(), await story.person()];
  const [ownerOn, warm] = [await owner.open(repository), await reader.open(repository)];
  const first = PrivateKey.generate("ecdsa");
  await owner.keys.add(first, { role: "alice" });
  await addSigner(ownerOn, "alice", [first.publicKey]);
  await signTags(
    ownerOn,
    ["v1", "v2", "w1"].map((tag) => tagOf(tag)),
  );
  const roles = (await shardRoles(ownerOn, { by: ["v", "w"] })).map(({ role }) => role);
  deepEqual(roles.toSorted(), ["targets/alice", "targets/releases"]);
  await verifyTag(warm, "v1");
  return { owner, ownerOn, warm, first };
}

test("a signer's key that is replaced everywhere is replaced in the signer's shards, and readers follow", async () => {
  const { owner, ownerOn, warm, first } = await sharded("shards/replaced");
  const next = PrivateKey.generate("ecdsa");
  await owner.keys.add(next, { role: "alice" });
  const results = await replaceKeyIn(ownerOn, first.publicKey.keyId, [next.publicKey]);
  deepEqual(
    results.map(({ role, outcome }) => [role, outcome]),
    [["targets/alice", "rotated"]],
  );
  equal((await verifyTag(warm, "v1")).digest, digestOf("v1"));
  await signTags(ownerOn, [tagOf("w2")]);
  deepEqual(
    (await listTags(warm)).map(({ tag }) => tag),
    ["v1", "v2", "w1", "w2"],
  );
  equal(shardedRoles(await readCollection(ownerOn)).length, 2, "both roles are still split");
  deepEqual(await replaceKeyIn(ownerOn, first.publicKey.keyId, [next.publicKey]), [], "nothing names the old key");
});

test("the keys of a machine are named for the roles that people know, not for shards", async () => {
  const { owner, first } = await sharded("shards/named");
  const namings = await rememberedNamings(join(owner.dockerConfigDir, "trust"), (warning) => {
    throw new Error(warning);
  });
  const roles = namings.filter(({ keyId }) => keyId === first.publicKey.keyId).map(({ role }) => role);
  deepEqual(roles.toSorted(), ["targets/alice", "targets/releases"]);
});
