import type { RoleName, RootFile, SnapshotFile, TargetsFile } from "./metadata.ts";
import type { ShardIndex } from "./shards/shard-index.ts";

/** What an editor starts from; every trusted collection is one. */
export interface EditableCollection {
  readonly gun: string;
  readonly root: RootFile;
  readonly targets: TargetsFile;
  /** absent for a collection prepared on disk whose snapshot the server will make */
  readonly snapshot?: SnapshotFile;
  readonly delegations?: ReadonlyMap<RoleName, TargetsFile>;
  /** the indexes of shards, by the role that is copied */
  readonly shardIndexes?: ReadonlyMap<RoleName, ShardIndex>;
  /** delegations that failed validation, and why */
  readonly invalidDelegations?: ReadonlyMap<RoleName, { readonly file: TargetsFile; readonly error: unknown }>;
}
