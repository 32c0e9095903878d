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
  repository.addTarget("v1", releases, "mended");
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

  test("an older root, by whoever holds the snapshot key", async () => {
    const { repository, client, first } = await seenTwice();
    repository.editRoot((body) => body);
    await repository.publish();
    await client.update();
    repository.rollBack("root", first.get("root") ?? new Uint8Array());
    await repository.publish();
    assert.equal(await client.outcome(), "METADATA_VERSION_ROLLBACK");
  });

  test("older targets, by whoever holds the snapshot key", async () => {
    const { repository, client, first } = await seenTwice();
    repository.rollBack("targets", first.get("targets") ?? new Uint8Array());
    await repository.publish();
    assert.equal(await client.outcome(), "METADATA_VERSION_ROLLBACK");
  });

  test("an older delegation, by whoever holds the snapshot key", async () => {
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

  test("a delegation removed and made anew with other keys, without a file yet, is passed over", async () => {
    const { repository, client } = await seenTwice();
    repository.forget(releases);
    repository.delegate(releases, { withFile: false });
    await repository.publish();
    assert.equal(await client.outcome(), "ok");
  });

  test("after a rotation of the snapshot and timestamp keys an interrupted update goes on", async () => {
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
