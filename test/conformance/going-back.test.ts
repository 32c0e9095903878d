/** An attacker with some of the keys, or with old files only, tries to take a client back. It has read the newest state before. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { findTarget } from "../../src/tuf/lookup.ts";
import type { RoleName } from "../../src/tuf/metadata.ts";
import { SimulatedRepository, simulatedKey } from "../support/simulated-repository.ts";
import { SimulatedClient } from "../support/update-story.ts";

const releases = "targets/releases";

interface Story {
  readonly repository: SimulatedRepository;
  readonly client: SimulatedClient;
  /** the files of the first publication */
  readonly first: ReadonlyMap<RoleName, Uint8Array>;
  /** everything the server answered then */
  readonly firstServed: ReadonlyMap<string, Uint8Array>;
}

async function seenTwice(): Promise<Story> {
  const repository = await SimulatedRepository.unpublished();
  repository.delegate(releases);
  repository.addTarget("v1", releases, "vulnerable");
  await repository.publish();
  const first = new Map(repository.current);
  const firstServed = new Map(repository.served);
  repository.addTarget("v1", releases, "fixed");
  repository.addTarget("other");
  await repository.publish();
  const client = new SimulatedClient(repository);
  await client.update();
  return { repository, client, first, firstServed };
}

describe("I3: refuses", () => {
  test("everything the server said before", async () => {
    const { repository, client, firstServed } = await seenTwice();
    for (const [name, bytes] of firstServed) repository.served.set(name, bytes);
    await assert.rejects(client.update(), {
      code: "METADATA_VERSION_ROLLBACK",
      message: "version 1 is lower than current version 2",
    });
  });

  test("a timestamp older than the one already trusted", async () => {
    const { repository, client } = await seenTwice();
    repository.setVersion("timestamp", 1);
    await repository.publish();
    assert.equal(await client.outcome(), "METADATA_VERSION_ROLLBACK");
  });

  test("a snapshot older than the one already trusted", async () => {
    const { repository, client } = await seenTwice();
    repository.setVersion("snapshot", 1);
    await repository.publish();
    assert.equal(await client.outcome(), "METADATA_VERSION_ROLLBACK");
  });

  test("an older root, in a snapshot that a stolen key signed", async () => {
    const { repository, client, first } = await seenTwice();
    repository.editRoot((body) => body);
    await repository.publish();
    await client.update();
    repository.rollBack("root", first.get("root") ?? new Uint8Array());
    await repository.publish();
    assert.equal(await client.outcome(), "METADATA_VERSION_ROLLBACK");
  });

  test("older targets, in a snapshot that a stolen key signed", async () => {
    const { repository, client, first } = await seenTwice();
    repository.rollBack("targets", first.get("targets") ?? new Uint8Array());
    await repository.publish();
    assert.equal(await client.outcome(), "METADATA_VERSION_ROLLBACK");
  });

  test("an older delegation, in a snapshot that a stolen key signed", async () => {
    const { repository, client, first } = await seenTwice();
    repository.rollBack(releases, first.get(releases) ?? new Uint8Array());
    await repository.publish();
    await assert.rejects(client.update(), {
      code: "METADATA_VERSION_ROLLBACK",
      message: "version 1 is lower than current version 2",
    });
    assert.equal(await client.outcome({ roles: [releases] }), "METADATA_VERSION_ROLLBACK");
  });

  test("an older delegation although another of its keys was removed meanwhile", async () => {
    const { repository, client, first } = await seenTwice();
    const [original] = repository.keys.get(releases) ?? [];
    assert.ok(original);
    const second = simulatedKey();
    repository.delegate(releases, { keys: [original, second] });
    repository.corrupt(releases, { signWith: [second] });
    await repository.publish();
    await client.update();
    // The newest file was signed by the key that goes; the first one by the key that stays.
    repository.delegate(releases, { keys: [original] });
    repository.rollBack(releases, first.get(releases) ?? new Uint8Array());
    await repository.publish();
    assert.equal(await client.outcome(), "METADATA_VERSION_ROLLBACK");
  });

  test("a snapshot that drops a delegation its parent still declares", async () => {
    const { repository, client } = await seenTwice();
    repository.addTarget("v1", "targets", "what the releases used to hide");
    await repository.publish();
    await client.update();
    repository.forget(releases);
    await repository.publish();
    await assert.rejects(client.update(), {
      code: "METADATA_VERSION_ROLLBACK",
      message: "the snapshot no longer lists targets/releases, which was trusted before and is still delegated to",
    });
  });

  test("a delegation it trusted before in a newer version that its keys did not sign, so as to fall back to other roles", async () => {
    const { repository, client } = await seenTwice();
    repository.addTarget("v1", "targets", "what the releases used to hide");
    await repository.publish();
    await client.update();
    repository.corrupt(releases, { signWith: [simulatedKey()] });
    await repository.publish();
    assert.equal(await client.outcome(), "METADATA_THRESHOLD_NOT_MET");
    assert.equal(await client.outcome({ roles: [releases] }), "METADATA_THRESHOLD_NOT_MET", "and the next time, too");
  });

  test("to lose its memory of versions by a spoilt byte", async () => {
    const { repository, client, first } = await seenTwice();
    repository.rollBack(releases, first.get(releases) ?? new Uint8Array());
    await repository.publish();
    const cached = Buffer.from(client.cache.files.get(releases) ?? new Uint8Array());
    cached[cached.length - 10] = (cached[cached.length - 10] ?? 0) === 0x41 ? 0x42 : 0x41;
    client.cache.files.set(releases, cached);
    assert.equal(await client.outcome(), "METADATA_CACHE_CORRUPT");
    repository.forget(releases);
    await repository.publish();
    assert.equal(await client.outcome(), "METADATA_CACHE_CORRUPT");
  });
});

describe("honest changes that look like going back", () => {
  test("a delegation given to other keys, and not signed yet, is left out", async () => {
    const { repository, client } = await seenTwice();
    repository.delegate(releases);
    repository.role(releases).changed = false;
    await repository.publish();
    const collection = await client.update();
    assert.equal(findTarget(collection, "v1"), undefined);
  });

  test("a delegation removed and made again with other keys, without a file yet, is passed over", async () => {
    const { repository, client } = await seenTwice();
    repository.forget(releases);
    repository.delegate(releases, { withFile: false });
    await repository.publish();
    assert.equal(await client.outcome(), "ok");
  });

  test("I8: a signer who leaves cannot spoil the cache with a false signature in another's name", async () => {
    const { repository, client } = await seenTwice();
    const [leaving] = repository.keys.get(releases) ?? [];
    assert.ok(leaving);
    const staying = simulatedKey();
    repository.delegate(releases, { keys: [leaving, staying] });
    // One good signature is enough; the other one only claims to be from the key that stays.
    const pretended = { privateKey: simulatedKey().privateKey, listed: staying.listed };
    repository.corrupt(releases, { signWith: [leaving, pretended] });
    await repository.publish();
    assert.equal(await client.outcome(), "ok");
    repository.delegate(releases, { keys: [staying] });
    repository.role(releases).changed = false;
    await repository.publish();
    assert.equal(await client.outcome(), "ok", "not signed by the one who stays: left out");
    repository.addTarget("v1", releases, "by the one who stays");
    await repository.publish();
    const collection = await client.update();
    assert.equal(findTarget(collection, "v1")?.role, releases);
  });

  test("after a rotation of the snapshot and timestamp keys an interrupted update continues", async () => {
    const { repository, client } = await seenTwice();
    repository.rotate("timestamp", [simulatedKey()]);
    repository.rotate("snapshot", [simulatedKey()]);
    await repository.publish();
    // The machine went down after it had remembered the root.
    client.cache.files.set("root", repository.served.get("root") ?? new Uint8Array());
    assert.equal(await client.outcome(), "ok");
  });

  test("another machine that never saw the newer state has nothing to hold against the older one", async () => {
    const { repository, first } = await seenTwice();
    repository.rollBack(releases, first.get(releases) ?? new Uint8Array());
    await repository.publish();
    assert.equal(await new SimulatedClient(repository).outcome(), "ok");
  });
});
