/** A publisher that publishes to a running trust server over HTTP, and what a careful client reads there afterwards. */

import { PublicKey } from "../../src/crypto/public-key.ts";
import { decodeBase64 } from "../../src/encoding/base64.ts";
import { MetadataError } from "../../src/errors.ts";
import { CollectionEditor } from "../../src/tuf/editor.ts";
import type { RoleName } from "../../src/tuf/metadata.ts";
import type { TrustedCollection } from "../../src/tuf/trusted-collection.ts";
import { updateCollection, type MetadataSource } from "../../src/tuf/updater.ts";
import { target } from "../support/editing-story.ts";
import { HeldKeys } from "../support/held-keys.ts";
import { MemoryMetadataCache } from "../support/memory-metadata-cache.ts";
import { PublishedCollection } from "../support/published-collection.ts";

/** What a publisher sends. */
export type Upload = ReadonlyMap<RoleName, Uint8Array>;

/** Where the files of a collection are. */
export function tufUrl(url: string, gun: string): string {
  return `${url}/v2/${gun}/_trust/tuf/`;
}

/** Of requests: who asks, for instance. */
export type Headers = Readonly<Record<string, string>>;

/** Sends files as the reference client does: field `files`, the role as file name. */
export async function post(url: string, gun: string, files: Upload, headers: Headers = {}): Promise<Response> {
  const form = new FormData();
  for (const [role, bytes] of files) form.append("files", new Blob([Uint8Array.from(bytes)]), role);
  return fetch(tufUrl(url, gun), { method: "POST", body: form, headers });
}

/** The public key a server answers with. */
export async function serverKey(
  url: string,
  gun: string,
  role: string,
  method = "GET",
  headers: Headers = {},
): Promise<PublicKey> {
  const response = await fetch(`${tufUrl(url, gun)}${role}.key`, { method, headers });
  const { keytype, keyval } = (await response.json()) as { keytype: string; keyval: { public: string } };
  return new PublicKey(keytype, decodeBase64(keyval.public));
}

/** Publishes one collection whose snapshot the server signs, unless told otherwise. */
export class UploadingPublisher {
  readonly url: string;
  readonly gun: string;
  readonly held: HeldKeys;
  readonly published: PublishedCollection;
  /** sent with every request */
  headers: Headers = {};
  readonly #now: () => Date;

  constructor(url: string, gun: string, now: () => Date = () => new Date(), held = new HeldKeys()) {
    this.url = url;
    this.gun = gun;
    this.held = held;
    this.#now = now;
    this.published = new PublishedCollection(gun);
  }

  /** The same person at another address, knowing only the keys and what is published there now. */
  async resumedAt(url: string): Promise<UploadingPublisher> {
    const resumed = new UploadingPublisher(url, this.gun, this.#now, this.held);
    const source = httpSource(url, this.gun);
    const files = ["root", "targets"].map(
      async (role) => [role, await source.fetch(role, Number.MAX_SAFE_INTEGER)] as const,
    );
    resumed.published.publish(new Map(await Promise.all(files)));
    return resumed;
  }

  /** The first upload: root and targets with the tag `v1`, and a snapshot if its key is to stay here. */
  async firstUpload(snapshotBy: "server" | "client" = "server"): Promise<Upload> {
    const rootKey = await this.held.generateRoot(this.gun, this.#now());
    const snapshot =
      snapshotBy === "client"
        ? this.held.generate()
        : await serverKey(this.url, this.gun, "snapshot", "GET", this.headers);
    const timestamp = await serverKey(this.url, this.gun, "timestamp", "GET", this.headers);
    const editor = CollectionEditor.create(this.gun, { rootKey, targets: this.held.generate(), snapshot, timestamp });
    editor.addTarget("targets", "v1", target("v1"));
    return editor.sign(this.held.signingKeys, { now: this.#now() });
  }

  /** What publishing these edits would send. */
  async signed(edit: (editor: CollectionEditor) => void): Promise<Upload> {
    const editor = CollectionEditor.from(this.published.read());
    edit(editor);
    return editor.sign(this.held.signingKeys, { now: this.#now() });
  }

  /** Sends files and, when they were accepted, builds on them from now on. */
  async send(files: Upload): Promise<Response> {
    const response = await post(this.url, this.gun, files, this.headers);
    if (response.status === 200) this.published.publish(files);
    return response;
  }

  /** Publishes for the first time; throws what the server says when it refuses. */
  async begin(snapshotBy: "server" | "client" = "server"): Promise<this> {
    const response = await this.send(await this.firstUpload(snapshotBy));
    if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
    return this;
  }

  /** Adds one tag and publishes. */
  async addTag(name: string): Promise<Response> {
    return this.send(await this.signed((editor) => editor.addTarget("targets", name, target(name))));
  }
}

/** Fetches over HTTP as the updater asks. */
export function httpSource(url: string, gun: string): MetadataSource {
  return {
    async fetch(name) {
      const response = await fetch(`${tufUrl(url, gun)}${name}.json`);
      if (response.status === 404) throw new MetadataError("METADATA_MISSING", `${name} is not there`);
      if (response.status !== 200) throw new Error(`${name}: ${response.status} ${await response.text()}`);
      return new Uint8Array(await response.arrayBuffer());
    },
  };
}

/** What a newcomer believes; throws when anything cannot be verified. */
export async function readCollection(url: string, gun: string, now = new Date()): Promise<TrustedCollection> {
  return updateCollection({ gun, source: httpSource(url, gun), cache: new MemoryMetadataCache(), now });
}

/** The tags a newcomer believes in, sorted. */
export async function readTags(url: string, gun: string, now = new Date()): Promise<string[]> {
  return [...(await readCollection(url, gun, now)).targets.body.targets.keys()].sort();
}
