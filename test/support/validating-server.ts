import { PrivateKey } from "../../src/crypto/private-key.ts";
import type { PublicKey } from "../../src/crypto/public-key.ts";
import { sha256Hex } from "../../src/crypto/sha256.ts";
import { canonicalJson, fileJson, isJsonObject, parseJson } from "../../src/encoding/json.ts";
import type { JsonObject } from "../../src/encoding/json.ts";
import { MetadataError, TagsealError } from "../../src/errors.ts";
import { CollectionEditor } from "../../src/tuf/editor.ts";
import type { RoleName } from "../../src/tuf/metadata.ts";
import type { StoredRoles } from "../../src/tuf/stored-roles.ts";
import type { TrustedCollection } from "../../src/tuf/trusted-collection.ts";
import { validateUpdate } from "../../src/tuf/update-validation.ts";
import type { UpdateInput } from "../../src/tuf/update-validation.ts";
import type { ValidatedFile } from "../../src/tuf/validated-file.ts";
import { updateCollection } from "../../src/tuf/updater.ts";
import { gun, now, target } from "./editing-story.ts";
import { HeldKeys } from "./held-keys.ts";

/** A trust server without the server: what was validated is kept, all of it or none. */
export class ValidatingServer implements StoredRoles {
  /** the private keys of the server */
  readonly held = new HeldKeys();
  readonly keys = { find: async (keyId: string) => this.held.find(keyId) };
  readonly #files = new Map<RoleName, { readonly bytes: Uint8Array; readonly version: number }>();
  readonly #byName = new Map<string, Uint8Array>();

  async current(role: RoleName): Promise<{ readonly bytes: Uint8Array; readonly version: number } | undefined> {
    return this.#files.get(role);
  }

  /** Validates and commits, as the real server does. */
  async upload(uploads: ReadonlyMap<RoleName, Uint8Array>, input: Partial<UpdateInput> = {}): Promise<RoleName[]> {
    const files = await validateUpdate({ gun, uploads, stored: this, keys: this.keys, now, ...input });
    this.commit(files);
    return files.map((file) => file.role);
  }

  commit(files: readonly ValidatedFile[]): void {
    const taken = files.find(({ role, version }) => version <= (this.#files.get(role)?.version ?? 0));
    if (taken !== undefined)
      throw new TagsealError("STORAGE_CONFLICT", `${taken.role} version ${taken.version} is taken`);
    for (const { role, version, bytes } of files) this.plant(role, bytes, version);
  }

  /** Puts a file where only the server itself could, whatever is in it. */
  plant(role: RoleName, bytes: Uint8Array, version = 1): void {
    this.#files.set(role, { bytes, version });
    this.#byName.set(role, bytes);
    this.#byName.set(`${role}.${sha256Hex(bytes)}`, bytes);
    this.#byName.set(`${version}.${role}`, bytes);
  }

  /** Everything kept, as one text: equal before and after means untouched. */
  get state(): string {
    return JSON.stringify([...this.#files].map(([role, { bytes, version }]) => [role, version, sha256Hex(bytes)]));
  }

  /** Takes a backup. @returns what puts the server back to where it is now */
  backUp(): () => void {
    const [files, byName] = [new Map(this.#files), new Map(this.#byName)];
    return () => {
      restoreMap(this.#files, files);
      restoreMap(this.#byName, byName);
    };
  }

  /** Loses everything but its keys. */
  forget(): void {
    this.#files.clear();
    this.#byName.clear();
  }

  versionOf(role: RoleName): number | undefined {
    return this.#files.get(role)?.version;
  }

  /** The current file of a role. */
  bytesOf(role: RoleName): Uint8Array {
    const file = this.#files.get(role);
    if (file === undefined) throw new Error(`the server has no ${role}`);
    return file.bytes;
  }

  /** What a reader who never saw this collection gets. */
  async read(at = now): Promise<TrustedCollection> {
    const source = {
      fetch: async (name: string) => {
        const bytes = this.#byName.get(name);
        if (bytes === undefined) throw new MetadataError("METADATA_MISSING", `${name} is not there`);
        return bytes;
      },
    };
    const cache = { load: async () => undefined, store: async () => undefined };
    return await updateCollection({ gun, source, cache, now: at });
  }
}

function restoreMap<V>(kept: Map<string, V>, copy: ReadonlyMap<string, V>): void {
  kept.clear();
  for (const [name, value] of copy) kept.set(name, value);
}

/** A publisher and a server that share one collection. */
export interface ServerStory {
  /** the publisher's private keys */
  readonly held: HeldKeys;
  readonly server: ValidatingServer;
  readonly keys: {
    readonly rootKey: PublicKey;
    readonly targets: PublicKey;
    readonly snapshot: PublicKey;
    readonly timestamp: PublicKey;
    readonly alice: PublicKey;
  };
}

/** Two parties with keys and nothing published yet. */
export async function unpublishedStory(snapshotBy: "client" | "server" = "server"): Promise<ServerStory> {
  const [held, server] = [new HeldKeys(), new ValidatingServer()];
  const keys = {
    rootKey: await held.generateRoot(gun, now),
    targets: held.generate(),
    snapshot: (snapshotBy === "client" ? held : server.held).generate("ed25519"),
    timestamp: server.held.generate("ed25519"),
    alice: held.generate(),
  };
  return { held, server, keys };
}

/** A collection with tag `v1` in targets and `a1` in `targets/alice`, which may sign names beginning with `a`. */
export async function serverStory(snapshotBy: "client" | "server" = "server"): Promise<ServerStory> {
  const story = await unpublishedStory(snapshotBy);
  await story.server.upload(await firstFiles(story));
  return story;
}

/** What the first publish of {@link serverStory} sends. */
export async function firstFiles({ held, keys }: ServerStory): Promise<Map<RoleName, Uint8Array>> {
  const editor = CollectionEditor.create(gun, keys);
  editor.addTarget("targets", "v1", target("one"));
  editor.addDelegation("targets/alice", { addKeys: [keys.alice], addPaths: ["a"] });
  editor.addTarget("targets/alice", "a1", target("alice"));
  return new Map(await editor.sign(held.signingKeys, { now }));
}

/** What a publish sends that starts from what the server has now. */
export async function nextFiles(
  story: ServerStory,
  edit: (editor: CollectionEditor) => void,
  held: HeldKeys = story.held,
): Promise<Map<RoleName, Uint8Array>> {
  const editor = CollectionEditor.from(await story.server.read());
  edit(editor);
  return new Map(await editor.sign(held.signingKeys, { now }));
}

/** Changes what stands under `signed` and signs it again with these keys, as an attacker might who has them and writes their own files. */
export async function forged(
  bytes: Uint8Array,
  change: (signed: JsonObject) => void,
  signers: readonly PublicKey[],
  held: HeldKeys,
): Promise<Uint8Array> {
  const file = parseJson(bytes);
  const signed = isJsonObject(file) ? file["signed"] : undefined;
  if (signed === undefined || !isJsonObject(signed)) throw new Error("no signed part");
  change(signed);
  return Buffer.from(await fileText(signed, signers, held));
}

/** A file in reference form over any JSON at all. */
export async function fileText(signed: JsonObject, signers: readonly PublicKey[], held: HeldKeys): Promise<string> {
  const signatures = await Promise.all(
    signers.map(async (key) => {
      const signature = await held.find(key.canonicalKeyId)?.sign(canonicalJson(signed));
      if (signature === undefined) throw new Error(`the key ${key.keyId} is not held`);
      return { keyid: key.keyId, method: signature.method, sig: Buffer.from(signature.value).toString("base64") };
    }),
  );
  return `{"signed":${fileJson(signed)},"signatures":[${signatures.map((signature) => fileJson(signature)).join(",")}]}`;
}

/** A private key that no one in the story has. */
export function foreignKey(): PublicKey {
  return PrivateKey.generate("ed25519").publicKey;
}
