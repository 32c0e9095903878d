import { createHash } from "node:crypto";
import { PrivateKey } from "../../src/crypto/private-key.ts";
import type { PublicKey } from "../../src/crypto/public-key.ts";
import type { DraftSigningOptions } from "../../src/tuf/signing-needs.ts";
import { CollectionEditor } from "../../src/tuf/editor.ts";
import type { EditableCollection } from "../../src/tuf/editor.ts";
import type { RoleName, Target, TargetsFile } from "../../src/tuf/metadata.ts";
import { HeldKeys } from "./held-keys.ts";
import { PublishedCollection } from "./published-collection.ts";

/** The collection every editing story is about. */
export const gun = "docker.io/library/alpine";
/** When every editing story starts. */
export const now = new Date("2026-11-23T04:07:46.040Z");

/** So many days after {@link now}. */
export function later(days: number): Date {
  return new Date(now.getTime() + days * 86_400_000);
}

/** A publisher with keys, and their publications. */
export interface EditingStory {
  readonly held: HeldKeys;
  readonly keys: {
    readonly rootKey: PublicKey;
    readonly targets: PublicKey;
    readonly snapshot: PublicKey;
    readonly timestamp: PublicKey;
  };
  readonly published: PublishedCollection;
}

/** A collection with one tag, published by a publisher with every key but the timestamp's. */
export async function publishedStory(): Promise<EditingStory> {
  const held = new HeldKeys();
  const keys = {
    rootKey: await held.generateRoot(gun, now),
    targets: held.generate(),
    snapshot: held.generate(),
    timestamp: PrivateKey.generate("ed25519").publicKey,
  };
  const story = { held, keys, published: new PublishedCollection(gun) };
  const editor = CollectionEditor.create(gun, keys);
  editor.addTarget("targets", "v1", target("one"));
  story.published.publish(await editor.sign(held.signingKeys, { now }));
  return story;
}

/** Edits and publishes, and answers which roles were sent. */
export async function change(
  story: EditingStory,
  edit: (editor: CollectionEditor) => void,
  options: Partial<DraftSigningOptions> & { readonly held?: HeldKeys; readonly from?: EditableCollection } = {},
): Promise<RoleName[]> {
  const { held = story.held, from, ...rest } = options;
  const signAt = rest.now ?? now;
  const editor = CollectionEditor.from(from ?? story.published.read(signAt));
  edit(editor);
  const files = await editor.sign(held.signingKeys, { ...rest, now: signAt });
  story.published.publish(files);
  return [...files.keys()].toSorted();
}

/** A target with this content. */
export function target(content: string): Target {
  return { hashes: new Map([["sha256", createHash("sha256").update(content).digest()]]), length: content.length };
}

/** The names a targets file signs. */
export function names(file: TargetsFile): string[] {
  return [...file.body.targets.keys()];
}

/** Collects what an editor warns of. */
export function warnings(): { readonly list: string[]; readonly onWarning: (warning: string) => void } {
  const list: string[] = [];
  return { list, onWarning: (warning) => void list.push(warning) };
}
