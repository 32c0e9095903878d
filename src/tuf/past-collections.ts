/** What a collection was before: its earlier snapshots, each with the files that it names, verified against the root that was current then. */
import { hasCode, MetadataError } from "../errors.ts";
import { consistentHash } from "./file-hashes.ts";
import type { MetadataFile, RoleName, TargetsFile } from "./metadata.ts";
import { maxFileBytes } from "./notary-v1/bounds.ts";
import { parseMetadata } from "./notary-v1/parse.ts";
import { PastRoots } from "./past-roots.ts";
import type { TrustedCollection } from "./trusted-collection.ts";
import { shardIndexOf } from "./shards/shard-index.ts";
import { TrustedMetadata } from "./trusted-metadata.ts";
import type { MetadataSource } from "./update-options.ts";

/** Why a history does not go further back. */
export interface HistoryEnd {
  /** the oldest snapshot that was read */
  readonly version: number;
  /** nothing came before it; else `reason` says what is missing */
  readonly isBeginning: boolean;
  /** a clause without a full stop */
  readonly reason: string;
}

/** Where a history is read, and from where on. */
export interface HistoryInput {
  readonly source: MetadataSource;
  /** what is trusted today */
  readonly current: TrustedCollection;
  readonly now: Date;
  /** how many snapshots to look at, the current one included */
  readonly maxSnapshots: number;
}

/**
 * The states of a collection, newest first, as far back as the source has them. A source can hide old states; to invent
 * one takes the keys of its time.
 *
 * @returns where it ends, and why
 * @throws TagsealError what the source throws, except for files that it does not have
 */
export async function* pastCollections(input: HistoryInput): AsyncGenerator<TrustedCollection, HistoryEnd> {
  const { current, maxSnapshots } = input;
  yield current;
  const reader = new PastReader(input);
  let { version } = current.snapshot.body;
  for (let count = 1; version > 1; count++) {
    if (count >= maxSnapshots) return { version, isBeginning: false, reason: `${maxSnapshots} snapshots were read` };
    const past = await reader.read(version - 1);
    if (typeof past === "string") return { version, isBeginning: false, reason: past };
    yield past;
    version -= 1;
  }
  return { version, isBeginning: true, reason: "it is the first snapshot" };
}

class PastReader {
  readonly #input: HistoryInput;
  readonly #roots: PastRoots;
  /** the files of the last state: most of them are those of the state before, too */
  readonly #last = new Map<RoleName, { readonly name: string; readonly file: MetadataFile }>();

  constructor(input: HistoryInput) {
    const { source, current, now } = input;
    this.#input = input;
    this.#roots = new PastRoots(source, current.gun, now, current.root);
  }

  /** @returns the state, or why it cannot be had */
  async read(version: number): Promise<TrustedCollection | string> {
    try {
      return await this.#read(version);
    } catch (error) {
      if (hasCode(error, "METADATA_MISSING"))
        return `the trust server does not have snapshot ${version} and its files any more`;
      if (error instanceof MetadataError) return `snapshot ${version} is refused: ${error.message}`;
      throw error;
    }
  }

  async #read(version: number): Promise<TrustedCollection> {
    const { source, current, now } = this.#input;
    const snapshot = parseMetadata("snapshot", await source.fetch(`${version}.snapshot`, maxFileBytes("snapshot")));
    if (snapshot.body.version !== version) {
      const reason = `it says of itself that it is version ${snapshot.body.version}`;
      throw new MetadataError("METADATA_VERSION_MISMATCH", reason);
    }
    const rootHash = consistentHash(snapshot.body.meta.get("root"));
    const root = rootHash === undefined ? undefined : await this.#roots.withSha256(rootHash);
    if (root === undefined)
      throw new MetadataError("ROOT_INVALID", "the root that it names is not one that leads to the current root");
    const set = new TrustedMetadata({ gun: current.gun, now });
    set.load("root", root, { allowExpired: true });
    set.load("snapshot", snapshot, { allowExpired: true });
    await this.#load(set, "targets");
    await this.#loadDelegations(set, set.targets);
    return set.finish();
  }

  async #loadDelegations(set: TrustedMetadata, parent: TargetsFile | undefined): Promise<void> {
    for (const { name } of parent?.body.delegations.roles ?? []) {
      if (set.isLoaded(name) || set.expected(name).meta === undefined) continue;
      const file = await this.#delegation(set, name);
      if (file !== undefined && shardIndexOf(file) === undefined) await this.#loadDelegations(set, file);
    }
  }

  /** A delegation that readers passed over then is passed over here. */
  async #delegation(set: TrustedMetadata, role: RoleName): Promise<TargetsFile | undefined> {
    try {
      await this.#load(set, role);
      return set.delegations.get(role);
    } catch (error) {
      if (set.invalidDelegations.get(role)?.error === error) return undefined;
      throw error;
    }
  }

  async #load(set: TrustedMetadata, role: RoleName): Promise<void> {
    const { name, maxBytes } = set.expected(role);
    const last = this.#last.get(role);
    const isSame = last?.name === name;
    const file = isSame ? last.file : parseMetadata(role, await this.#input.source.fetch(name, maxBytes));
    this.#last.set(role, { name, file });
    set.load(role, file, { allowExpired: true });
  }
}
