import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { describe, it } from "node:test";
import { change, gun, later, now, publishedStory, target } from "../support/editing-story.ts";
import { lose, StoredStory } from "../support/stored-story.ts";
import { sha256Hex } from "../../src/crypto/sha256.ts";
import { makeSnapshot } from "../../src/tuf/server-signing.ts";
import { TrustedMetadata } from "../../src/tuf/trusted-metadata.ts";
import { MemoryMetadataStore } from "../../src/server/storage/memory-metadata-store.ts";
import { verifyCollection } from "../../src/tuf/collection-verification.ts";
import { storedSource } from "../../src/server/storage/stored-source.ts";

const roles = (files: readonly { readonly role: string; readonly version: number }[]): string[] =>
  files.map(({ role, version }) => `${role} ${version}`);

describe("a collection to be moved", () => {
  it("is every root, everything current, and the timestamp last", async () => {
    const stored = await StoredStory.begin();
    await stored.change((editor) => editor.rotateKey("targets", [stored.story.held.generate()]));
    const key = stored.story.held.generate();
    await stored.change((editor) => editor.addDelegation("targets/releases", { addKeys: [key], addPaths: [""] }));
    await stored.change((editor) => void editor.addTarget("targets/releases", "v2", target("two")));
    const { files, roots, warnings } = await stored.verify();
    deepEqual(warnings, []);
    equal(roots.length, 2);
    deepEqual(
      roles(files).map((name) => name.replace(/ \d+$/u, "")),
      ["root", "root", "targets", "targets/releases", "snapshot", "timestamp"],
    );
  });

  it("is moved although it has expired, and that is told", async () => {
    const stored = await StoredStory.begin();
    const { warnings } = await stored.verify(later(365 * 20));
    deepEqual([...new Set(warnings.map(({ code }) => code))], ["METADATA_EXPIRED"]);
    ok(warnings.some(({ message }) => message.startsWith("root ")));
  });

  it("reports a missing root, and the readers that cannot follow", async () => {
    const stored = await StoredStory.begin();
    for (let step = 0; step < 3; step++)
      await stored.change((editor) => editor.rotateKey("targets", [stored.story.held.generate()]));
    const { roots } = await stored.verify();
    const lost = roots[1]?.body.version ?? 0;
    await lose(stored.store, "root", lost);
    const { warnings } = await stored.verify();
    deepEqual(warnings, [
      { code: "METADATA_MISSING", message: `root ${lost} is not there: readers that trust an older one cannot follow` },
    ]);
  });

  it("takes a delegation along that readers pass over", async () => {
    const stored = await StoredStory.begin();
    const [a, b] = [stored.story.held.generate(), stored.story.held.generate()];
    await stored.change((editor) => editor.addDelegation("targets/a", { addKeys: [a], addPaths: [""] }));
    await stored.change((editor) => void editor.addTarget("targets/a", "v2", target("two")));
    await stored.change((editor) => editor.updateDelegation("targets/a", { addKeys: [b], removeKeys: [a.keyId] }));
    const { files, warnings } = await stored.verify();
    deepEqual(
      warnings.map(({ code }) => code),
      ["METADATA_THRESHOLD_NOT_MET"],
    );
    ok(files.some(({ role }) => role === "targets/a"));
  });

  it("takes along what a snapshot still lists after it was removed: the server compares the next one with it", async () => {
    const stored = await StoredStory.begin();
    const { held, published } = stored.story;
    const key = held.generate();
    await stored.change((editor) => editor.addDelegation("targets/a", { addKeys: [key], addPaths: [""] }));
    await stored.change((editor) => void editor.addTarget("targets/a", "v2", target("two")));
    const before = published.snapshot;
    await change(stored.story, (editor) => editor.removeDelegation("targets/a"));
    const trusted = new TrustedMetadata({ gun, now });
    trusted.load("root", published.root);
    const keys = { find: async (keyId: string) => held.find(keyId) };
    const signing = { signers: trusted.signersOf("snapshot"), keys, now };
    const listing = await makeSnapshot(before, new Map([["targets", published.targets().bytes]]), signing);
    published.publish(new Map([["snapshot", listing.bytes]]));
    await stored.keep();
    const { files, warnings } = await stored.verify();
    deepEqual(warnings, []);
    ok(files.some(({ role }) => role === "targets/a"));
    await lose(stored.store, "targets/a", published.targets("targets/a").body.version);
    const [warning] = (await stored.verify()).warnings;
    equal(warning?.code, "METADATA_MISSING");
  });

  it("is refused when a root was not signed by the one before", async () => {
    const stored = await StoredStory.begin();
    const stranger = await publishedStory();
    for (let step = 0; step < 3; step++)
      await change(stranger, (editor) => editor.rotateKey("targets", [stranger.held.generate()]));
    const forged = stranger.published.root;
    await stored.store.restore(gun, [
      {
        role: "root",
        version: forged.body.version,
        bytes: forged.bytes,
        sha256: sha256Hex(forged.bytes),
        createdAt: now,
      },
    ]);
    await rejects(stored.verify(), { code: /ROOT_ROTATION_REFUSED|METADATA_THRESHOLD_NOT_MET/u });
  });

  it("is refused when what the snapshot names is missing", async () => {
    const stored = await StoredStory.begin();
    await lose(stored.store, "targets", stored.story.published.targets().body.version);
    await rejects(stored.verify(), { code: "METADATA_MISSING" });
  });

  it("is refused when there is none", async () => {
    const source = storedSource(new MemoryMetadataStore(), gun);
    await rejects(verifyCollection({ gun, source, now }), { code: "REPOSITORY_NOT_SIGNED" });
  });
});
