/** A rotation that ends at any step, as kill -9 does: the next run goes on with the same key, or finishes. */
import { deepEqual, equal, fail, ok } from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { PrivateKey } from "../../src/crypto/private-key.ts";
import type { BegunRotation, RotationMemory } from "../../src/trust/rotation/begun-rotation.ts";
import { replaceKeyIn, successorOf } from "../../src/trust/rotation/rotate-everywhere.ts";
import { rotateKey } from "../../src/trust/rotation/rotate.ts";
import { signTags } from "../../src/trust/publishing/sign.ts";
import { verifyTag } from "../../src/trust/reading/verify.ts";
import { mentionsOfKey } from "../../src/trust/trust-directory/key-mentions.ts";
import { RotationFile } from "../../src/trust/trust-directory/rotation-file.ts";
import type { TrustContext } from "../../src/trust/trust-context.ts";
import { digestOf, type Person, tagOf, trustStory } from "./trust-story.ts";

const story = trustStory();

class Killed extends Error {}

/** What a killed process does next is never seen: everything after the step fails, on the key store too. */
function killedAfter(step: number, person: Person, context: TrustContext, memory: RotationMemory) {
  let steps = 0;
  const passes = (): void => {
    if (steps++ >= step) throw new Killed();
  };
  // Killed before a step is killed after the one before it.
  const stepped = async <T>(work: () => Promise<T>): Promise<T> => {
    passes();
    return await work();
  };
  const { repository, keys } = context;
  return {
    context: {
      ...context,
      keys: {
        list: () => keys.list(),
        find: (id: string) => keys.find(id),
        keptFor: (roles: readonly string[]) => keys.keptFor(roles),
        signingKey: (id: string) => keys.signingKey(id),
        make: (use: { role: string; gun?: string }) => stepped(() => keys.make(use, "ecdsa")),
        remove: (id: string) => stepped(() => keys.remove(id)),
      },
      repository: Object.assign(Object.create(repository) as typeof repository, {
        fetch: (name: string, max: number) => repository.fetch(name, max),
        publish: (files: Parameters<typeof repository.publish>[0]) => stepped(() => repository.publish(files)),
        rotateKey: (role: "timestamp" | "snapshot") => repository.rotateKey(role),
      }),
    },
    memory: {
      load: () => memory.load(),
      save: (begun: BegunRotation) => stepped(() => memory.save(begun)),
      clear: () => stepped(() => memory.clear()),
    },
    person,
  };
}

for (const role of ["root", "targets"] as const) {
  test(`a rotation of the ${role} key killed at any step leaves the repository readable and signable, and one new key at most`, async () => {
    let wasKilled = true;
    for (let step = 0; wasKilled; step++) {
      const repository = `killed/${role}-${step}`;
      const person = await story.person();
      const trustDirectory = join(person.dockerConfigDir, "trust");
      const owner = await person.open(repository);
      await signTags(owner, [tagOf("v1")]);
      const before = await person.keys.list();
      const warm = await (await story.person()).open(repository);
      await verifyTag(warm, "v1");
      const memory = RotationFile.ofRole(trustDirectory, owner.gun, role);
      const killed = killedAfter(step, person, owner, memory);
      const removeOld = (keyId: string) => mentionsOfKey(trustDirectory, keyId);
      wasKilled = await rotateKey(killed.context, role, { memory: killed.memory, removeOld }).then(
        () => false,
        () => true,
      );
      equal((await verifyTag(warm, "v1")).digest, digestOf("v1"), `step ${step}`);
      await signTags(await person.open(repository), [tagOf("v2")]);
      if (!wasKilled) {
        equal(step, 6, "all steps were killed");
        break;
      }
      const again = await rotateKey(await person.open(repository), role, { memory, removeOld });
      ok(["rotated", "finished"].includes(again.outcome));
      equal((await person.keys.list()).length, before.length, `step ${step}: the new key in the place of the old one`);
      equal(await memory.load(), undefined);
      await signTags(await person.open(repository), [tagOf("v3")]);
      equal((await verifyTag(warm, "v3")).digest, digestOf("v3"));
    }
  });
}

test("one root key is replaced by one new key everywhere; a second run goes on where the first stopped", async () => {
  const person = await story.person();
  const trustDirectory = join(person.dockerConfigDir, "trust");
  const contexts = await Promise.all(["a", "b", "c"].map((name) => person.open(`many/${name}`)));
  for (const context of contexts) await signTags(context, [tagOf("v1")]);
  const { keyId } = (await person.keys.keptFor(["root"])) ?? fail("the owner has a root key");
  const { mentions, unreadable } = await mentionsOfKey(trustDirectory, keyId);
  deepEqual(
    mentions.map(({ gun, role }) => `${gun} ${role}`),
    ["a", "b", "c"].map((name) => `localhost:5000/many/${name} root`),
  );
  deepEqual(unreadable, []);
  const memoryOf = (id: string) => RotationFile.ofKey(trustDirectory, id);
  const make = async () => {
    const key = PrivateKey.generate("ecdsa");
    await person.keys.add(key, { role: "root" });
    return key;
  };
  const next = async () => await successorOf(keyId, { role: "root" }, { keys: person.keys, make, memoryOf });
  const [one, two, three] = contexts as [TrustContext, TrustContext, TrustContext];
  await replaceKeyIn(one, keyId, [await next()]);
  const successor = await next();
  for (const context of [two, three]) await replaceKeyIn(context, keyId, [successor]);
  deepEqual(await replaceKeyIn(one, keyId, [successor]), []);
  for (const context of contexts) equal((await verifyTag(context, "v1")).digest, digestOf("v1"));
  deepEqual((await mentionsOfKey(trustDirectory, successor.keyId)).mentions.length, 3);
  deepEqual((await mentionsOfKey(trustDirectory, keyId)).mentions, []);
  equal((await person.keys.list()).filter(({ role }) => role === "root").length, 2);
});

test("an old key that another repository still names is kept, and says where", async () => {
  const person = await story.person();
  const trustDirectory = join(person.dockerConfigDir, "trust");
  const [one, two] = [await person.open("kept/one"), await person.open("kept/two")];
  for (const context of [one, two]) await signTags(context, [tagOf("v1")]);
  const removeOld = (keyId: string) => mentionsOfKey(trustDirectory, keyId);
  const kept = await rotateKey(one, "root", { removeOld });
  deepEqual(
    kept.oldKeys.map(({ isRemoved, reason }) => [isRemoved, reason]),
    [[false, "still in use, as far as this machine knows, for root of localhost:5000/kept/two"]],
  );
  const { publicKey } =
    (await person.keys.signingKey(kept.newCanonicalIds[0] ?? "")) ?? fail("the new root key is here");
  const keys = async () => [publicKey];
  const removed = await rotateKey(two, "root", { removeOld, keys });
  deepEqual(
    removed.oldKeys.map(({ keyId, isRemoved }) => [keyId, isRemoved]),
    [[kept.oldCanonicalIds[0], true]],
  );
  await signTags(two, [tagOf("v2")]);
});
