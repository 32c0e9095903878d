/**
 * A sharded repository in memory, with every key: stories change it as its publishers do, or as somebody does who holds the keys of snapshot and
 * timestamp alone and lists whatever files they like.
 */
import { sha256Hex } from "../../src/crypto/sha256.ts";
import { MetadataError, NetworkError } from "../../src/errors.ts";
import { CollectionEditor } from "../../src/tuf/editor.ts";
import { expiryAfter, lifetimeMs } from "../../src/tuf/expiry.ts";
import { fileMetaOf } from "../../src/tuf/file-meta.ts";
import type { AnyBody, RoleName, SnapshotBody, TimestampBody } from "../../src/tuf/metadata.ts";
import type { PublicKey } from "../../src/crypto/public-key.ts";
import { signRole } from "../../src/tuf/role-signing.ts";
import type { TrustedCollection } from "../../src/tuf/trusted-collection.ts";
import { updateCollection } from "../../src/tuf/updater.ts";
import type { MetadataSource, UpdateOptions, UpdateWarning } from "../../src/tuf/updater.ts";
import { gun, now, target } from "./editing-story.ts";
import { HeldKeys } from "./held-keys.ts";
import { MemoryMetadataCache } from "./memory-metadata-cache.ts";

/** The role that is split. */
export const releases = "targets/releases";
/** Its index. */
export const index = `${releases}/shards`;

/** The repository, and the server that serves it. */
export class ShardedRepository implements MetadataSource {
  readonly held: HeldKeys;
  /** current files by role */
  readonly files: Map<RoleName, Uint8Array>;
  /** everything that was ever published, by the name under which it is fetched */
  readonly served: Map<string, Uint8Array>;
  readonly requests: string[] = [];
  readonly alice: PublicKey;
  readonly bob: PublicKey;
  readonly #server: { readonly snapshot: PublicKey; readonly timestamp: PublicKey };
  readonly #versions: { snapshot: number; timestamp: number };

  private constructor(like?: ShardedRepository) {
    this.held = like?.held ?? new HeldKeys();
    this.files = new Map(like?.files);
    this.served = new Map(like?.served);
    this.alice = like?.alice ?? this.held.generate();
    this.bob = like?.bob ?? this.held.generate();
    this.#server =
      like === undefined ? { snapshot: this.held.generate(), timestamp: this.held.generate() } : like.#server;
    this.#versions = like === undefined ? { snapshot: 0, timestamp: 0 } : { ...like.#versions };
  }

  /** The same repository, to be changed separately. */
  copy(): ShardedRepository {
    return new ShardedRepository(this);
  }

  /** With the tags v1.0, v1.1, v2.0, v2.1 and latest, signed by alice and split by `v1.`, `v2.` and the rest. */
  static async create(): Promise<ShardedRepository> {
    const repository = new ShardedRepository();
    const { held, alice } = repository;
    const rootKey = await held.generateRoot(gun, now);
    const editor = CollectionEditor.create(gun, { rootKey, targets: held.generate(), ...repository.#server });
    for (const role of ["targets/alice", releases]) editor.addDelegation(role, { addKeys: [alice], addPaths: [""] });
    await repository.#store(await editor.sign(held.signingKeys, { now }));
    await repository.change((next) => {
      for (const tag of ["v1.0", "v1.1", "v2.0", "v2.1", "latest"])
        for (const role of ["targets/alice", releases]) next.addTarget(role, tag, target(`first ${tag}`));
    });
    await repository.change((next) => next.shard(releases, ["v1.", "v2.", ""]));
    return repository;
  }

  /** Publishes a change. @returns the roles that were signed, without those of the server */
  async change(edit: (editor: CollectionEditor) => void, held = this.held, at = now): Promise<RoleName[]> {
    const editor = CollectionEditor.from(await this.reader().update({ now: at }));
    edit(editor);
    const files = await editor.sign(held.signingKeys, { now: at });
    await this.#store(files);
    return [...files.keys()].filter((role) => role !== "snapshot").toSorted();
  }

  /** Lists these files as current, as a holder of the server's keys can. */
  async list(files: ReadonlyMap<RoleName, Uint8Array>, without: readonly RoleName[] = []): Promise<void> {
    for (const role of without) this.files.delete(role);
    await this.#store(files);
  }

  /** A file of a role that the given key signs, whatever it says. */
  async signed(role: RoleName, body: AnyBody, key: PublicKey = this.alice): Promise<Uint8Array> {
    const requirement = { roleKeys: { keyIds: [key.keyId], threshold: 1 }, keys: new Map([[key.keyId, key]]) };
    return (await signRole(role, body, [requirement], this.held.signingKeys)).bytes;
  }

  /** A machine that knows nothing yet, or what a cache has. */
  reader(cache = new MemoryMetadataCache()): ShardReader {
    return new ShardReader(this, cache);
  }

  async fetch(name: string, maxBytes: number): Promise<Uint8Array> {
    this.requests.push(name.replace(/\.[0-9a-f]{64}$/u, ""));
    const bytes = this.served.get(name);
    if (bytes === undefined) throw new MetadataError("METADATA_MISSING", `${name} trust data unavailable`);
    if (bytes.length > maxBytes) throw new NetworkError("RESPONSE_TOO_LARGE", `${name} is too large`);
    return bytes;
  }

  async #store(files: ReadonlyMap<RoleName, Uint8Array>): Promise<void> {
    for (const [role, bytes] of files) this.#serve(role, bytes);
    const listed = [...this.files].filter(([role]) => role !== "snapshot" && role !== "timestamp");
    const meta = new Map(listed.map(([role, bytes]) => [role, fileMetaOf(bytes)]));
    await this.#signOwn({ type: "snapshot", meta, ...this.#stamp("snapshot") });
    const snapshot = this.files.get("snapshot") ?? new Uint8Array();
    await this.#signOwn({
      type: "timestamp",
      meta: new Map([["snapshot", fileMetaOf(snapshot)]]),
      ...this.#stamp("timestamp"),
    });
  }

  async #signOwn(body: SnapshotBody | TimestampBody): Promise<void> {
    this.#serve(body.type, await this.signed(body.type, body, this.#server[body.type]));
  }

  #stamp(role: "snapshot" | "timestamp") {
    return { version: ++this.#versions[role] + 10, ...expiryAfter(now, 100 * lifetimeMs(role)) };
  }

  #serve(role: RoleName, bytes: Uint8Array): void {
    this.files.set(role, bytes);
    this.served.set(role, bytes);
    this.served.set(`${role}.${sha256Hex(bytes)}`, bytes);
  }
}

/** One machine that reads the repository. */
export class ShardReader {
  readonly cache: MemoryMetadataCache;
  readonly warnings: UpdateWarning[] = [];
  readonly #repository: ShardedRepository;

  constructor(repository: ShardedRepository, cache: MemoryMetadataCache) {
    this.#repository = repository;
    this.cache = cache;
  }

  async update(options: Partial<UpdateOptions> = {}): Promise<TrustedCollection> {
    this.#repository.requests.length = 0;
    const onWarning = (warning: UpdateWarning): void => void this.warnings.push(warning);
    return await updateCollection({ gun, source: this.#repository, cache: this.cache, now, onWarning, ...options });
  }

  /** Reads for one name. @returns what was asked for below `targets`, and the content that the name has in `targets/releases` */
  async read(tag: string): Promise<{ readonly asked: readonly RoleName[]; readonly sha256: string | undefined }> {
    const collection = await this.update({ onlyTarget: tag });
    const hash = collection.delegations.get(releases)?.body.targets.get(tag)?.hashes.get("sha256");
    const asked = this.#repository.requests.filter((role) => role.startsWith(releases));
    return { asked, sha256: hash === undefined ? undefined : Buffer.from(hash).toString("hex") };
  }
}

/** The sha256 of an entry with this content, in hex. */
export function hashOf(content: string): string {
  return sha256Hex(Buffer.from(content));
}
