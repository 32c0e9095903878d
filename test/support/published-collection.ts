import { hasCode, MetadataError } from "../../src/errors.ts";
import type { EditableCollection } from "../../src/tuf/editor.ts";
import type { MetadataFile, RoleKeys, RoleName, RootFile, SnapshotFile, TargetsFile } from "../../src/tuf/metadata.ts";
import { parseMetadata } from "../../src/tuf/notary-v1/parse.ts";
import { parentOf } from "../../src/tuf/role-name.ts";
import { verifyThreshold } from "../../src/tuf/threshold.ts";

/** What stands published in a test story: the newest file of each role, read back with the one signature check there is. */
export class PublishedCollection {
  readonly gun: string;
  readonly files = new Map<RoleName, Uint8Array>();

  constructor(gun: string) {
    this.gun = gun;
  }

  publish(files: ReadonlyMap<RoleName, Uint8Array>): this {
    for (const [role, bytes] of files) this.files.set(role, bytes);
    return this;
  }

  get root(): RootFile {
    return this.#parsed("root") as RootFile;
  }

  get snapshot(): SnapshotFile {
    return this.#parsed("snapshot") as SnapshotFile;
  }

  /** The file of `targets` or a delegation. */
  targets(role: RoleName = "targets"): TargetsFile {
    return this.#parsed(role) as TargetsFile;
  }

  /** What an editor starts from: delegations that do not verify, or are expired at `now`, are set aside. */
  read(now = new Date(0)): EditableCollection {
    const root = this.root;
    verifyThreshold(root, baseKeys(root, "root"), root.body.keys);
    const targets = this.targets();
    verifyThreshold(targets, baseKeys(root, "targets"), root.body.keys);
    const delegations = new Map<RoleName, TargetsFile>();
    const invalidDelegations = new Map<RoleName, { file: TargetsFile; error: unknown }>();
    for (const role of [...this.files.keys()].filter((name) => name.startsWith("targets/")).sort()) {
      const parent = parentOf(role) === "targets" ? targets : delegations.get(parentOf(role));
      const declared = parent?.body.delegations.roles?.find((entry) => entry.name === role);
      if (parent === undefined || declared === undefined) continue;
      const file = this.targets(role);
      const error = fault(file, declared, parent, now);
      if (error === undefined) delegations.set(role, file);
      else invalidDelegations.set(role, { file, error });
    }
    const snapshot = this.files.has("snapshot") ? { snapshot: this.snapshot } : {};
    return { gun: this.gun, root, targets, ...snapshot, delegations, invalidDelegations };
  }

  #parsed(role: RoleName): MetadataFile {
    const bytes = this.files.get(role);
    if (bytes === undefined) throw new Error(`the story has no ${role}`);
    return parseMetadata(role, bytes);
  }
}

function baseKeys(root: RootFile, role: RoleName): RoleKeys {
  return root.body.roles.get(role) ?? { keyIds: null, threshold: 1 };
}

function fault(file: TargetsFile, declared: RoleKeys, parent: TargetsFile, now: Date): unknown {
  try {
    verifyThreshold(file, declared, parent.body.delegations.keys);
  } catch (error) {
    if (hasCode(error, "METADATA_THRESHOLD_NOT_MET")) return error;
    throw error;
  }
  return now > file.body.expiresAt ? new MetadataError("METADATA_EXPIRED", `${file.role} expired`) : undefined;
}
