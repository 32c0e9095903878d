/** Collections whose every state is in a store, as a server would keep them. */
import { equal } from "node:assert/strict";
import { sha256Hex } from "../../src/crypto/sha256.ts";
import { PrivateKey } from "../../src/crypto/private-key.ts";
import { type VerifiedCollection, verifyCollection } from "../../src/tuf/collection-verification.ts";
import { storedSource } from "../../src/server/storage/stored-source.ts";
import { MemoryMetadataStore } from "../../src/server/storage/memory-metadata-store.ts";
import type { MetadataStore } from "../../src/server/storage/metadata-store.ts";
import type { RoleName } from "../../src/tuf/metadata.ts";
import { parseMetadata } from "../../src/tuf/notary-v1/parse.ts";
import { makeTimestamp } from "../../src/tuf/server-signing.ts";
import { TrustedMetadata } from "../../src/tuf/trusted-metadata.ts";
import { change, type EditingStory, gun, now, publishedStory, target } from "./editing-story.ts";

/** Makes the store lose one file. */
export async function lose(store: MemoryMetadataStore, role: RoleName, version: number): Promise<void> {
  const lost = (await store.versions(gun)).filter((file) => file.role === role && file.version === version);
  equal(await store.forget(gun, lost), 1);
}

/** A story whose every state goes into a store, with timestamps by a server whose key is held, too. */
export class StoredStory {
  readonly store = new MemoryMetadataStore();
  readonly story: EditingStory;
  readonly #serverKey = PrivateKey.generate("ecdsa");

  private constructor(story: EditingStory) {
    this.story = story;
  }

  static async begin(): Promise<StoredStory> {
    const stored = new StoredStory(await publishedStory());
    await stored.change((editor) => editor.rotateKey("timestamp", [stored.#serverKey.publicKey]));
    return stored;
  }

  async change(edit: Parameters<typeof change>[1], options: Parameters<typeof change>[2] = {}): Promise<void> {
    await change(this.story, edit, options);
    await this.keep(options.now);
  }

  /** Stores what is published now, under a new timestamp. */
  async keep(at = now): Promise<void> {
    const { published } = this.story;
    const trusted = new TrustedMetadata({ gun, now: at });
    trusted.load("root", published.root, { allowExpired: true });
    const signing = { signers: trusted.signersOf("timestamp"), keys: { find: async () => this.#serverKey }, now: at };
    const previous = await this.store.current(gun, "timestamp");
    const timestamp = await makeTimestamp(
      previous && parseMetadata("timestamp", previous.bytes),
      published.snapshot.bytes,
      signing,
    );
    for (const [role, bytes] of [...published.files, ["timestamp", timestamp.bytes] as const])
      await this.#put(role, bytes);
  }

  async verify(at = now): Promise<VerifiedCollection> {
    return await verifyCollection({ gun, source: storedSource(this.store, gun), now: at });
  }

  async #put(role: RoleName, bytes: Uint8Array): Promise<void> {
    const { version } = parseMetadata(role, bytes).body;
    await this.store.restore(gun, [{ role, version, bytes, sha256: sha256Hex(bytes), createdAt: now }]);
  }
}

/** Publishes so many roots. */
export async function rotate(stored: StoredStory, times: number): Promise<void> {
  for (let time = 0; time < times; time++)
    await stored.change((editor) => editor.rotateKey("targets", [stored.story.held.generate()]));
}

/** The version of the root that is current, 0 without any. */
export async function newestRoot(store: MetadataStore): Promise<number> {
  return (await store.current(gun, "root"))?.version ?? 0;
}

/** A stranger's collection behind the public roots of another one, with a gap between the two, and newer in everything. */
export async function strangerBehind(victim: MetadataStore): Promise<StoredStory> {
  const stranger = await StoredStory.begin();
  const trusted = await newestRoot(victim);
  while ((await newestRoot(stranger.store)) < trusted + 2) await rotate(stranger, 1);
  for (let step = 0; step < 5; step++)
    await stranger.change((editor) => void editor.addTarget("targets", `evil-${step}`, target("evil")));
  for (let version = 1; version <= trusted + 1; version++) {
    if ((await stranger.store.byVersion(gun, "root", version)) !== undefined)
      await lose(stranger.store, "root", version);
    const root = await victim.byVersion(gun, "root", version);
    if (root !== undefined) await stranger.store.restore(gun, [root]);
  }
  return stranger;
}
