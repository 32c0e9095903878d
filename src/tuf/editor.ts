/**
 * Edits a trusted collection: changes go to a draft and nothing is signed until `sign`, which returns the files to publish. The
 * original collection is never modified; after a version conflict, update, make a new editor and apply the changes again.
 */

import type { PublicKey } from "../crypto/public-key.ts";
import { hasCode, MetadataError } from "../errors.ts";
import { initialRoot, type InitialKeys, withBaseKeys } from "./base-role-editing.ts";
import { type CollectionDraft, TargetsDraft } from "./collection-draft.ts";
import {
  comingBack,
  type DelegationChange,
  pathsOutside,
  unknownRole,
  withDelegation,
  withoutDelegation,
  withoutKeys,
} from "./delegation-editing.ts";
import { signablePaths } from "./delegation-paths.ts";
import { signDraft } from "./draft-signing.ts";
import type { EditableCollection } from "./editable-collection.ts";
import type { DraftSigningOptions } from "./signing-needs.ts";
import type { BaseRole, DelegatedRole, RoleName, Target, TargetsFile } from "./metadata.ts";
import type { PathPrefixes } from "./path-prefixes.ts";
import { isDelegation, isWithin, parentOf } from "./role-name.ts";
import { baseRoleSigners, type RoleSigners } from "./role-signers.ts";
import type { SigningKeys } from "./role-signing.ts";
import { indexRoleOf } from "./shards/shard-index.ts";
import { plansOf } from "./shards/shard-plans.ts";
import { requireTargetName } from "./target-name.ts";

export type { EditableCollection } from "./editable-collection.ts";

/**
 * A draft of the next state of one collection.
 *
 * @see Notary v1: change semantics; publish, step by step; initialise; key rotation
 */
export class CollectionEditor {
  readonly gun: string;
  readonly #draft: CollectionDraft;
  readonly #invalid: NonNullable<EditableCollection["invalidDelegations"]>;
  readonly #takenVersions = new Map<RoleName, number>();

  private constructor(
    gun: string,
    draft: CollectionDraft,
    invalid: NonNullable<EditableCollection["invalidDelegations"]>,
  ) {
    this.gun = gun;
    this.#draft = draft;
    this.#invalid = invalid;
  }

  /** Starts a new collection: one key and threshold 1 for each role, nothing signed. Publishing it yields version 1 of each file. */
  static create(gun: string, keys: InitialKeys): CollectionEditor {
    const root = { published: undefined, content: initialRoot(keys), changed: true };
    const targets = new Map([["targets", TargetsDraft.empty()]]);
    const draft = { root, targets, snapshot: undefined, shards: new Map(), removed: new Set<RoleName>(), warnings: [] };
    return new CollectionEditor(gun, draft, new Map());
  }

  /** Edits what was read. What has expired is signed again, delegations only where their keys are held: with everything they contain. */
  static from(collection: EditableCollection): CollectionEditor {
    const { version: _version, expires: _expires, expiresAt: _expiresAt, ...content } = collection.root.body;
    const root = { published: collection.root, content, changed: false };
    const expired = [...(collection.invalidDelegations ?? [])]
      .filter(([, { error }]) => hasCode(error, "METADATA_EXPIRED"))
      .map(([role, { file }]) => [role, file] as const);
    const files = [["targets", collection.targets] as const, ...(collection.delegations ?? []), ...expired];
    const targets = new Map(files.map(([role, file]) => [role, TargetsDraft.from(file)]));
    const shards = plansOf(collection.shardIndexes ?? new Map());
    const draft = { root, targets, snapshot: collection.snapshot, shards, removed: new Set<RoleName>(), warnings: [] };
    return new CollectionEditor(collection.gun, draft, collection.invalidDelegations ?? new Map());
  }

  /**
   * Adds or replaces a target.
   *
   * @returns false when exactly this entry exists already, so that nothing changes
   * @throws MetadataError `METADATA_MALFORMED` for a name that readers refuse; `METADATA_ROLE_UNKNOWN` for a role that is not declared, or
   *   whose paths do not cover the name; `METADATA_MISSING` for a role that exists but was not read
   */
  addTarget(role: RoleName, name: string, target: Target): boolean {
    requireTargetName(name);
    const draft = this.#targetsDraft(role);
    if (!this.#pathsOf(role).covers(name)) {
      throw new MetadataError(
        "METADATA_ROLE_UNKNOWN",
        `could not add all targets: ${role} may not sign ${JSON.stringify(name)}, its paths do not cover that name`,
      );
    }
    return draft.setTarget(name, target);
  }

  /**
   * Removes a target.
   *
   * @returns false when it did not exist, which is no error and changes nothing
   */
  removeTarget(role: RoleName, name: string): boolean {
    return this.#draft.targets.get(role)?.deleteTarget(name) ?? false;
  }

  /**
   * Declares the delegation `role` in its parent, or adds keys and paths to an existing one and sets its threshold. A parent without
   * metadata gets empty metadata.
   *
   * @throws MetadataError `METADATA_ROLE_UNKNOWN` for a name that is no delegation, an undeclared parent, or paths outside the parent's;
   *   `METADATA_MALFORMED` for a new role without keys
   */
  addDelegation(role: RoleName, change: Pick<DelegationChange, "addKeys" | "addPaths" | "threshold">): void {
    this.#changeDelegation(role, change);
  }

  /**
   * Changes keys and paths of the delegation `role`. Its parent is signed again even if nothing changed.
   *
   * @throws MetadataError `METADATA_ROLE_UNKNOWN` when its parent does not declare it, or for paths outside the parent's
   */
  updateDelegation(role: RoleName, change: Omit<DelegationChange, "threshold">): void {
    if (this.#declaration(role) === undefined) throw unknownRole(role);
    this.#changeDelegation(role, change);
  }

  /**
   * Removes the delegation `role` with everything below it.
   *
   * @returns false when it did not exist, which is no error and changes nothing
   */
  removeDelegation(role: RoleName): boolean {
    const parent = this.#declaration(role) === undefined ? undefined : this.#draft.targets.get(parentOf(role));
    if (parent === undefined) return false;
    parent.setDelegations(withoutDelegation(parent.content.delegations, role));
    for (const [name, draft] of this.#draft.targets) {
      if (isWithin(name, role)) this.#forget(name, draft);
    }
    this.#draft.removed.add(role);
    return true;
  }

  /**
   * Has a role split into shards: copies of it for readers of one name, which are signed again with every change of the role.
   *
   * @param prefixes which shards there are; all different, one of them empty
   * @throws MetadataError as {@link addTarget}, for the role
   */
  shard(role: RoleName, prefixes: readonly string[]): void {
    const draft = this.#targetsDraft(role);
    draft.markChanged();
    // Shards are a version behind the role, so the role's first version is 2.
    this.#draft.targets.set(role, draft.above(1));
    this.#draft.shards.set(role, { prefixes, published: this.#draft.shards.get(role)?.published });
  }

  /** Removes the shards of a role. @returns false when it has none */
  unshard(role: RoleName): boolean {
    this.#draft.shards.delete(role);
    return this.removeDelegation(indexRoleOf(role));
  }

  /** Removes the keys with these canonical IDs from every delegation whose parent can be signed at the end; `sign` warns about the others. */
  purgeKeys(canonicalIds: readonly string[]): void {
    for (const draft of this.#draft.targets.values()) {
      const purged = withoutKeys(draft.content.delegations, canonicalIds);
      if (purged !== draft.content.delegations) draft.purge(purged);
    }
  }

  /**
   * Has the role signed again unchanged. A delegation that failed validation (expired, or signed by keys it no longer has) is recovered
   * with its content, provided it has enough keys.
   *
   * @throws MetadataError `METADATA_ROLE_UNKNOWN` for any other role
   */
  witness(role: RoleName): void {
    const draft = this.#draft.targets.get(role) ?? this.#takeBack(role);
    if (draft === undefined)
      throw new MetadataError(
        "METADATA_ROLE_UNKNOWN",
        `this role is not known: there is nothing to witness in ${JSON.stringify(role)}`,
      );
    draft.markChanged();
  }

  /**
   * Replaces the keys of a base role, and its threshold if one is given. A new root is signed by the old root keys too, and targets by
   * its new keys. Certificates of former root keys stay in the file, as in the reference.
   *
   * @throws UsageError `USAGE` for fewer keys than the threshold
   */
  rotateKey(role: BaseRole, newKeys: readonly PublicKey[], threshold?: number): void {
    const { root } = this.#draft;
    const before = root.content.roles.get(role)?.threshold ?? 1;
    root.content = withBaseKeys(root.content, role, newKeys, threshold ?? before);
    root.changed = true;
    if (role === "targets") this.#targetsDraft("targets").markChanged();
  }

  /** Who signs a base role according to the root that is signed next. */
  signersOf(role: BaseRole): RoleSigners {
    return baseRoleSigners({ body: this.#draft.root.content }, role);
  }

  /**
   * Takes over what was signed in an earlier collection of this name: `targets` is signed again with its entries and delegations, by its
   * present keys; delegations stay as their own keys signed them.
   */
  takeOver(targets: TargetsFile, delegations: ReadonlyMap<RoleName, TargetsFile>): void {
    this.#draft.targets.set("targets", TargetsDraft.from(targets, { changed: true }));
    for (const [role, file] of delegations) this.#draft.targets.set(role, TargetsDraft.from(file));
  }

  /** Has the root signed again unchanged, with a new expiry. */
  renewRoot(): void {
    this.#draft.root.changed = true;
  }

  /**
   * Signs what changed, what is about to expire and what `options` asks for, and returns the files to publish, by role. The editor does not
   * change: signing twice gives two equally good sets. The snapshot is among them only when its key is held; else the server makes it.
   *
   * @throws KeyStoreError `SIGNING_KEY_MISSING` when a role that must be signed cannot be; what `keys` throws
   */
  sign(keys: SigningKeys, options: DraftSigningOptions): Promise<ReadonlyMap<RoleName, Uint8Array>> {
    return signDraft(this.#draft, keys, options);
  }

  /** The server still has what is dropped here, and its version stays taken. */
  #forget(role: RoleName, draft: TargetsDraft): void {
    this.#takenVersions.set(role, draft.takenVersion);
    this.#draft.targets.delete(role);
  }

  #changeDelegation(role: RoleName, change: DelegationChange): void {
    if (!isDelegation(role)) throw unknownRole(role);
    const parentName = parentOf(role);
    const parent = this.#targetsDraft(parentName);
    const refused = (change.addPaths ?? []).filter((path) => !this.#pathsOf(parentName).covers(path));
    if (refused.length > 0) throw pathsOutside(role, parentName, refused);
    if (this.#isComingBack(role)) this.#draft.warnings.push(comingBack(role));
    parent.setDelegations(withDelegation(parent.content.delegations, role, change));
    this.#draft.removed.delete(role);
  }

  /** The draft of a declared role, created if there is none. */
  #targetsDraft(role: RoleName): TargetsDraft {
    const present = this.#draft.targets.get(role);
    if (present !== undefined) return present;
    if (this.#declaration(role) === undefined) throw unknownRole(role);
    const draft = this.#newDraft(role);
    this.#draft.targets.set(role, draft);
    return draft;
  }

  /** Content signed by keys that the role no longer has is not reused, but its version is taken. */
  #newDraft(role: RoleName): TargetsDraft {
    const taken = this.#takenVersions.get(role) ?? this.#invalid.get(role)?.file.body.version;
    if (taken === undefined && this.#isListed(role)) {
      throw new MetadataError(
        "METADATA_MISSING",
        `${role} was published but not read here, and cannot be edited without its content`,
      );
    }
    return TargetsDraft.empty(taken);
  }

  /** A snapshot made by the server lists removed roles for ever, and the server keeps their files. */
  #isComingBack(role: RoleName): boolean {
    return this.#draft.snapshot?.body.meta.has(role) === true && this.#declaration(role) === undefined;
  }

  /** Listed by the original snapshot, and still declared by an original parent. */
  #isListed(role: RoleName): boolean {
    if (this.#draft.snapshot?.body.meta.has(role) !== true) return false;
    const parent = this.#draft.targets.get(parentOf(role))?.published?.body;
    return parent?.delegations.roles?.some((entry) => entry.name === role) ?? false;
  }

  #takeBack(role: RoleName): TargetsDraft | undefined {
    const file = this.#invalid.get(role)?.file;
    const declaration = this.#declaration(role);
    if (file === undefined || declaration === undefined) return undefined;
    if ((declaration.keyIds ?? []).length < declaration.threshold) return undefined;
    const draft = TargetsDraft.from(file, { changed: true });
    this.#draft.targets.set(role, draft);
    return draft;
  }

  #declaration(role: RoleName): DelegatedRole | undefined {
    if (!isDelegation(role)) return undefined;
    const parent = this.#draft.targets.get(parentOf(role));
    return parent?.content.delegations.roles?.find((entry) => entry.name === role);
  }

  #pathsOf(role: RoleName): PathPrefixes {
    return signablePaths(role, (name) => this.#declaration(name)?.paths);
  }
}
