/** What every `TrustRepository` must do, wherever the trust data is. An implementation's test calls this with a way to open one. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { parseImageReference } from "../../src/reference/image-reference.ts";
import type { TrustRepository } from "../../src/trust/ports.ts";
import { openTrustContext } from "../../src/trust/open-trust-context.ts";
import { rotateKey } from "../../src/trust/rotation/rotate.ts";
import { revokeTags } from "../../src/trust/publishing/revoke.ts";
import { signTags } from "../../src/trust/publishing/sign.ts";
import type { TrustContext } from "../../src/trust/trust-context.ts";
import { listTags } from "../../src/trust/reading/list.ts";
import { MemoryKeyStore } from "../../src/keys/memory-key-store.ts";
import { CollectionEditor } from "../../src/tuf/editor.ts";
import type { RoleName } from "../../src/tuf/metadata.ts";
import { parseMetadata } from "../../src/tuf/notary-v1/parse.ts";
import { change, target, type EditingStory } from "../support/editing-story.ts";
import { HeldKeys } from "../support/held-keys.ts";
import { MemoryMetadataCache } from "../support/memory-metadata-cache.ts";
import { PublishedCollection } from "../support/published-collection.ts";
import { tagOf } from "../trust/trust-story.ts";

/** The trust data of one collection that is not published yet. */
export interface OpenedRepository {
  readonly repository: TrustRepository;
}

/** Opens a repository for a collection, such as `localhost:5000/app`. */
export type OpenRepository = (gun: string) => Promise<OpenedRepository>;

const maxBytes = 1_000_000;

/** Runs the suite on repositories that `open` opens. */
export function trustRepositoryContract(name: string, open: OpenRepository): void {
  let opened = 0;
  const next = async (): Promise<OpenedRepository & { readonly gun: string }> => {
    const gun = `localhost:5000/contract/app-${(opened += 1)}`;
    return { gun, ...(await open(gun)) };
  };
  describe(`${name} as a TrustRepository`, () => {
    describeReading(next);
    describePublishing(next);
    describeKeys(next);
    describeUseCases(next);
  });
}

type Next = () => Promise<OpenedRepository & { readonly gun: string }>;

function describeReading(next: Next): void {
  it("has a name and an address to show, without secrets", async () => {
    const { repository } = await next();
    assert.notEqual(repository.name, "");
    const url = new URL(repository.url);
    assert.deepEqual([url.username, url.password], ["", ""]);
  });

  it("has nothing of an unpublished collection, and no deletion of it", async () => {
    const { repository } = await next();
    for (const file of ["timestamp", "root", "1.root", "targets", `targets.${"0".repeat(64)}`, "targets/releases"])
      await assert.rejects(repository.fetch(file, maxBytes), { code: "METADATA_MISSING" }, file);
    assert.equal(await repository.wasDeleted(), false);
  });

  it("gives back the bytes that were published, by role, version and checksum, and what it signed itself", async () => {
    const { gun, repository } = await next();
    const { published } = await begun(gun, repository);
    for (const role of ["root", "targets"]) {
      const bytes = published.files.get(role) ?? assert.fail(role);
      for (const file of [role, `1.${role}`, `${role}.${sha256(bytes)}`])
        assert.deepEqual(Buffer.from(await repository.fetch(file, maxBytes)), Buffer.from(bytes), file);
    }
    const timestamp = parseMetadata("timestamp", await repository.fetch("timestamp", maxBytes));
    const named = timestamp.body.type === "timestamp" ? timestamp.body.meta.get("snapshot") : undefined;
    const checksum = Buffer.from(named?.hashes.get("sha256") ?? []).toString("hex");
    const snapshot = await repository.fetch(`snapshot.${checksum}`, maxBytes);
    assert.equal(sha256(snapshot), checksum);
    assert.deepEqual(await repository.fetch("snapshot", maxBytes), snapshot);
    for (const absent of ["2.root", `targets.${"0".repeat(64)}`, "targets/nobody", "targets.json", "../root"])
      await assert.rejects(repository.fetch(absent, maxBytes), { code: "METADATA_MISSING" }, absent);
  });

  it("I1: returns no more bytes than it may", async () => {
    const { gun, repository } = await next();
    const { published } = await begun(gun, repository);
    const { length = 0 } = published.files.get("targets") ?? {};
    await assert.rejects(repository.fetch("targets", length - 1), { code: "RESPONSE_TOO_LARGE" });
    assert.equal((await repository.fetch("targets", length)).length, length);
  });
}

function describePublishing(next: Next): void {
  it("I7: shows a publication as a whole, as soon as it returns", async () => {
    const { gun, repository } = await next();
    const story = await begun(gun, repository);
    await publish(repository, story, (editor) => void editor.addTarget("targets", "v2", target("two")));
    const targets = parseMetadata("targets", await repository.fetch("targets", maxBytes));
    assert.equal(targets.body.version, 2);
    assert.equal(parseMetadata("snapshot", await repository.fetch("snapshot", maxBytes)).body.version, 2);
  });

  it("I7: refuses the second of two publications that build on the same state, and keeps the first", async () => {
    const { gun, repository } = await next();
    const story = await begun(gun, repository);
    const before = new PublishedCollection(gun).publish(story.published.files);
    await publish(repository, story, (editor) => void editor.addTarget("targets", "first", target("1")));
    const late = { ...story, published: before };
    const second = publish(repository, late, (editor) => void editor.addTarget("targets", "second", target("2")));
    await assert.rejects(second, { code: "PUBLISH_CONFLICT" });
    assert.deepEqual(await repository.fetch("targets", maxBytes), story.published.files.get("targets"));
  });

  it("I8: refuses what a reader would refuse, with the reason, and stores none of it", async () => {
    const { gun, repository } = await next();
    const story = await begun(gun, repository);
    const timestamp = await repository.fetch("timestamp", maxBytes);
    const targets = Buffer.from(story.published.files.get("targets") ?? []).toString();
    const forged = Buffer.from(targets.replace(/"sig":"...../u, '"sig":"AAAAA'));
    const files = new Map<RoleName, Uint8Array>([...story.published.files, ["targets", forged]]);
    await assert.rejects(repository.publish(files), (error: { code: string; message: string; serverCode?: string }) => {
      assert.deepEqual([error.code, error.serverCode], ["TRUST_SERVER_REFUSED", "INVALID_UPDATE"]);
      assert.match(error.message, /^The targets metadata is invalid: /u);
      return true;
    });
    assert.deepEqual(await repository.fetch("targets", maxBytes), story.published.files.get("targets"));
    assert.deepEqual(await repository.fetch("timestamp", maxBytes), timestamp);
  });

  it("deletes a collection, also one that is gone, and knows it until it is published again", async () => {
    const { gun, repository } = await next();
    await begun(gun, repository);
    assert.equal(await repository.wasDeleted(), false);
    await repository.delete();
    await repository.delete();
    assert.equal(await repository.wasDeleted(), true);
    await assert.rejects(repository.fetch("timestamp", maxBytes), { code: "METADATA_MISSING" });
    await begun(gun, repository);
    assert.equal(await repository.wasDeleted(), false);
  });
}

function describeKeys(next: Next): void {
  it("answers with the key that the root names, or the one to name next, which stays the same until it is named", async () => {
    const { gun, repository } = await next();
    for (const role of ["timestamp", "snapshot"] as const) {
      const { keyId } = await repository.getKey(role);
      assert.equal((await repository.getKey(role)).keyId, keyId, "before anything is published");
    }
    const { keys } = await begun(gun, repository);
    assert.equal((await repository.getKey("timestamp")).keyId, keys.timestamp.keyId);
    const { keyId } = await repository.rotateKey("timestamp");
    assert.notEqual(keyId, keys.timestamp.keyId);
    assert.equal((await repository.rotateKey("timestamp")).keyId, keyId);
    assert.equal((await repository.getKey("timestamp")).keyId, keys.timestamp.keyId, "no root names the new key yet");
  });

  it("has other keys for another collection", async () => {
    const [one, other] = [await next(), await next()];
    assert.notEqual(
      (await one.repository.getKey("timestamp")).keyId,
      (await other.repository.getKey("timestamp")).keyId,
    );
  });
}

function describeUseCases(next: Next): void {
  it("serves the use cases: two publishers sign, rotate the server's key and revoke, and a reader sees it", async () => {
    const { gun, repository } = await next();
    const keys = new MemoryKeyStore();
    const open = async (): Promise<TrustContext> => await contextOn(repository, gun, keys);
    const [one, other, reader] = [await open(), await open(), await open()];
    await signTags(one, [tagOf("v1")]);
    await Promise.all([signTags(one, [tagOf("v2")]), signTags(other, [tagOf("v3")])]);
    await rotateKey(one, "timestamp");
    await revokeTags(other, ["v1"]);
    assert.deepEqual(
      (await listTags(reader)).map((entry) => entry.tag),
      ["v2", "v3"],
    );
  });
}

/** A machine that remembers in memory only. */
async function contextOn(repository: TrustRepository, gun: string, keys: MemoryKeyStore): Promise<TrustContext> {
  const reference = parseImageReference(gun);
  return await openTrustContext({
    reference,
    dockerConfigDir: "/nonexistent",
    env: {},
    repository,
    keys,
    cache: new MemoryMetadataCache(),
  });
}

/** Publishes version 1: root and targets; timestamp and snapshot are the repository's. */
async function begun(gun: string, repository: TrustRepository): Promise<EditingStory> {
  const held = new HeldKeys();
  const keys = {
    rootKey: await held.generateRoot(gun, new Date(Date.now() - 60_000)),
    targets: held.generate(),
    snapshot: await repository.getKey("snapshot"),
    timestamp: await repository.getKey("timestamp"),
  };
  const editor = CollectionEditor.create(gun, keys);
  editor.addTarget("targets", "v1", target("one"));
  const files = await editor.sign(held.signingKeys, { now: new Date(), initial: true });
  await repository.publish(files);
  return { held, keys, published: new PublishedCollection(gun).publish(files) };
}

async function publish(
  repository: TrustRepository,
  story: EditingStory,
  edit: (editor: CollectionEditor) => void,
): Promise<void> {
  const roles = await change(story, edit, { now: new Date() });
  await repository.publish(new Map(roles.map((role) => [role, story.published.files.get(role) ?? new Uint8Array()])));
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
