/** Which new roots a client follows. Notary v1: attacks, root rotation; root update. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { RootFile } from "../../src/tuf/metadata.ts";
import { parseMetadata } from "../../src/tuf/notary-v1/parse.ts";
import { SimulatedRepository, simulatedKey } from "../support/simulated-repository.ts";
import type { SimulatedKey } from "../support/simulated-repository.ts";
import { SimulatedClient } from "../support/update-story.ts";

async function rootKeys(repository: SimulatedRepository, count: number): Promise<SimulatedKey[]> {
  return await Promise.all(Array.from({ length: count }, async () => await repository.rootKey()));
}

/** A repository whose root role has these keys from the start, read once by the client. */
async function seen(
  count = 1,
  threshold = 1,
): Promise<{ repository: SimulatedRepository; client: SimulatedClient; keys: SimulatedKey[] }> {
  const repository = await SimulatedRepository.unpublished();
  const keys = await rootKeys(repository, count);
  repository.rotate("root", keys, threshold);
  await repository.publish();
  const client = new SimulatedClient(repository);
  await client.update();
  return { repository, client, keys };
}

async function rotateTo(
  repository: SimulatedRepository,
  keys: SimulatedKey[],
  threshold: number,
  signWith?: SimulatedKey[],
): Promise<void> {
  repository.rotate("root", keys, threshold);
  if (signWith !== undefined) repository.corrupt("root", { signWith });
  await repository.publish();
}

function pick(keys: readonly SimulatedKey[], ...indexes: number[]): SimulatedKey[] {
  return indexes.flatMap((index) => keys[index] ?? []);
}

function cachedRoot(client: SimulatedClient): RootFile {
  return parseMetadata("root", client.cache.files.get("root") ?? new Uint8Array());
}

describe("I2: three keys of which two must sign, one of them replaced, one to sign from now on", () => {
  test("is refused when a single old key signed", async () => {
    const { repository, client, keys } = await seen(3, 2);
    const [fresh] = await rootKeys(repository, 1);
    assert.ok(fresh);
    await rotateTo(repository, [...pick(keys, 0, 1), fresh], 1, pick(keys, 0));
    assert.equal(await client.outcome(), "ROOT_ROTATION_REFUSED");
    assert.equal(cachedRoot(client).body.version, 1);
  });

  test("is followed when two old keys signed, one of them also new", async () => {
    const { repository, client, keys } = await seen(3, 2);
    const [fresh] = await rootKeys(repository, 1);
    assert.ok(fresh);
    await rotateTo(repository, [...pick(keys, 0, 1), fresh], 1, pick(keys, 0, 2));
    assert.equal(await client.outcome(), "ok");
  });
});

async function fourRootsLater(): Promise<{ repository: SimulatedRepository; client: SimulatedClient }> {
  const { repository, client } = await seen();
  for (let rotation = 0; rotation < 4; rotation++) await rotateTo(repository, await rootKeys(repository, 1), 1);
  return { repository, client };
}

async function seenUntilMarch(): Promise<{ repository: SimulatedRepository; client: SimulatedClient }> {
  const repository = await SimulatedRepository.unpublished();
  repository.setExpiry("root", "2026-03-05T00:00:00Z");
  await repository.publish();
  const client = new SimulatedClient(repository);
  await client.update();
  return { repository, client };
}

test("a later root with the same root keys needs those only, not the ones before", async () => {
  const { repository, client } = await seen();
  await rotateTo(repository, await rootKeys(repository, 1), 1);
  await client.update();
  repository.rotate("timestamp", [simulatedKey()]);
  await repository.publish();
  assert.equal((await client.update()).root.body.version, 3);
});

test("I2: new keys alone are not enough, old keys alone are not enough", async () => {
  for (const signers of ["new", "old"] as const) {
    const { repository, client, keys } = await seen();
    const fresh = await rootKeys(repository, 1);
    await rotateTo(repository, fresh, 1, signers === "new" ? fresh : keys);
    const expected = signers === "new" ? "ROOT_ROTATION_REFUSED" : "ROOT_INVALID";
    assert.equal(await client.outcome(), expected);
    assert.equal(cachedRoot(client).body.version, 1);
  }
});

test("a root signed by all keys there ever were is followed, also from the first", async () => {
  const { repository, client, keys } = await seen();
  const all = [...keys];
  for (let rotation = 0; rotation < 4; rotation++) {
    const fresh = await rootKeys(repository, 1);
    all.push(...fresh);
    await rotateTo(repository, fresh, 1, [...all]);
  }
  assert.equal((await client.update()).root.body.version, 5);
  assert.deepEqual(
    client.source.requests.filter((name) => name.endsWith(".root")),
    [],
  );
});

describe("roots in between", () => {
  test("are followed one by one, and only the newest is remembered", async () => {
    const { client } = await fourRootsLater();
    client.cache.writes.length = 0;
    await client.update();
    assert.equal(cachedRoot(client).body.version, 5);
    assert.equal(client.cache.writes.filter((role) => role === "root").length, 1);
  });

  test("I9: one that its predecessor did not sign breaks the chain, however good the last one is", async () => {
    const { repository, client } = await seen();
    await rotateTo(repository, await rootKeys(repository, 1), 1);
    const fresh = await rootKeys(repository, 1);
    await rotateTo(repository, fresh, 1, fresh);
    await rotateTo(repository, await rootKeys(repository, 1), 1);
    assert.equal(await client.outcome(), "ROOT_ROTATION_REFUSED");
    assert.equal(cachedRoot(client).body.version, 1);
  });

  test("may be expired, and so may their certificates", async () => {
    const { repository, client } = await seen();
    const old = await repository.rootKey(repository.gun, new Date("2015-01-01T00:00:00Z"));
    repository.setExpiry("root", "2025-01-01T00:00:00Z");
    await rotateTo(repository, [old], 1);
    repository.setExpiry("root", "2036-01-01T00:00:00Z");
    await rotateTo(repository, await rootKeys(repository, 1), 1);
    assert.equal(await client.outcome(), "ok");
  });

  test("I9: one with another version than the one asked for is refused", async () => {
    const { repository, client } = await fourRootsLater();
    repository.served.set("3.root", repository.served.get("2.root") ?? new Uint8Array());
    await assert.rejects(client.update(), {
      code: "METADATA_VERSION_MISMATCH",
      message: "asked for version 3 of the root and got version 2",
    });
  });

  test("I9: one that is missing or not a root ends the update", async () => {
    const { repository, client } = await fourRootsLater();
    repository.served.set("3.root", repository.served.get("targets") ?? new Uint8Array());
    assert.equal(await client.outcome(), "METADATA_TYPE_UNEXPECTED");
    repository.served.delete("3.root");
    assert.equal(await client.outcome(), "REPOSITORY_NOT_SIGNED");
  });

  test("I1: more than a thousand of them are not even asked for", async () => {
    const { repository, client } = await seen();
    repository.setVersion("root", 5000);
    const fresh = await rootKeys(repository, 1);
    await rotateTo(repository, fresh, 1, fresh);
    assert.equal(await client.outcome(), "ROOT_ROTATION_REFUSED");
    assert.deepEqual(
      client.source.requests.filter((name) => name.endsWith(".root")),
      [],
    );
  });
});

describe("an expired cached root", () => {
  const later = new Date("2026-03-10T00:00:00Z");

  test("I4: is not trusted, nor replaced by the same one", async () => {
    const { client } = await seenUntilMarch();
    assert.equal(await client.outcome({ now: later }), "METADATA_EXPIRED");
  });

  test("hands over to a newer one it signed, several versions later too", async () => {
    const { repository, client } = await seenUntilMarch();
    repository.setExpiry("root", "2036-01-01T00:00:00Z");
    for (let rotation = 0; rotation < 3; rotation++) await rotateTo(repository, await rootKeys(repository, 1), 1);
    const collection = await client.update({ now: later });
    assert.equal(collection.root.body.version, 4);
    assert.equal(collection.pinnedOnFirstUse, false);
  });

  test("I3: does not hand over to an older one", async () => {
    const repository = await SimulatedRepository.create();
    const first = repository.served.get("root") ?? new Uint8Array();
    repository.setExpiry("root", "2026-03-05T00:00:00Z");
    await repository.publish();
    const client = new SimulatedClient(repository);
    await client.update();
    repository.served.set("root", first);
    assert.equal(await client.outcome({ now: later }), "METADATA_VERSION_ROLLBACK");
  });

  test("is followed only to where pinning agrees", async () => {
    const { repository, client } = await seenUntilMarch();
    repository.setExpiry("root", "2036-01-01T00:00:00Z");
    await repository.publish();
    const id = repository.keys.get("root")?.[0]?.listed.keyId ?? "";
    const pinnedTo = (ids: string[]): object => ({ now: later, pinning: { certs: new Map([[repository.gun, ids]]) } });
    assert.equal(await client.outcome(pinnedTo(["0".repeat(64)])), "ROOT_PINNING_MISMATCH");
    assert.equal(await client.outcome(pinnedTo([id])), "ok");
  });

  test("whose certificate expired as well still hands over", async () => {
    const repository = await SimulatedRepository.unpublished();
    repository.rotate("root", [await repository.rootKey(repository.gun, new Date("2016-03-07T00:00:00Z"))]);
    await repository.publish();
    const client = new SimulatedClient(repository);
    await client.update();
    assert.equal(await client.outcome({ now: later }), "ROOT_INVALID");
    await rotateTo(repository, await rootKeys(repository, 1), 1);
    assert.equal(await client.outcome({ now: later }), "ok");
  });
});

test("I9: a root certificate for another repository is refused", async () => {
  const repository = await SimulatedRepository.unpublished();
  repository.rotate("root", [await repository.rootKey("registry.example/other")]);
  await repository.publish();
  await assert.rejects(new SimulatedClient(repository).update(), {
    code: "ROOT_INVALID",
    message: "could not validate the path to a trusted root: unable to retrieve valid leaf certificates",
  });
});
