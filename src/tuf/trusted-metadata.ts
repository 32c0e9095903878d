/**
 * What may be trusted, and in which order: a state machine over bytes. Root first; then anything whose signers are known; every
 * file is compared with what the others say about it, whichever came first. It never fetches, stores or reads the clock.
 *
 * The client's updater loads what a server sent; the server loads what a client uploaded, so that both refuse the same things.
 */

import { MetadataError } from "../errors.ts";
import { requireListed, requireVersion } from "./file-checks.ts";
import { type ClockOwner, requireFresh } from "./expiry.ts";
import { consistentHash, verifyFileMeta } from "./file-hashes.ts";
import type {
  FileMeta,
  MetadataFile,
  RoleName,
  RootFile,
  SnapshotBody,
  SnapshotFile,
  TargetsFile,
  TimestampFile,
} from "./metadata.ts";
import { maxFileBytes } from "./notary-v1/bounds.ts";
import { parseMetadata } from "./notary-v1/parse.ts";
import type { TrustPinning } from "./pinning.ts";
import { isDelegation, isRoleName, parentOf } from "./role-name.ts";
import { baseRoleSigners, declaredSigners, type RoleSigners } from "./role-signers.ts";
import { type RootExpectation, type RootVerdict, verifyRoot } from "./root-trust.ts";
import { withoutShards } from "./shards/hidden-shards.ts";
import { verifyThreshold } from "./threshold.ts";
import type { InvalidDelegation, TrustedCollection } from "./trusted-collection.ts";

/** What a set starts from. The time is read once: a long update must not see two. */
export interface TrustedMetadataOptions extends RootExpectation {
  /** a root already trusted, whose keys must have signed the one to be loaded; its expiry does not matter */
  readonly previousRoot?: RootFile | undefined;
  /** what an earlier, verified snapshot said about the root */
  readonly rootMeta?: FileMeta | undefined;
}

/** How strictly to check one file. */
export interface LoadOptions {
  /** lowest version that is no rollback; default 1 */
  readonly minVersion?: number;
  /** for earlier files: a stored parent, a previous root, whose certificates may have expired as well */
  readonly allowExpired?: boolean;
}

/** The name by which to fetch a file, and what is known about it. */
export interface ExpectedFile {
  /** without `.json`: `timestamp`, `targets.<sha256 hex>`, or the plain role name when no hash is known */
  readonly name: string;
  readonly maxBytes: number;
  /** what the snapshot or timestamp says, `undefined` when neither says anything */
  readonly meta: FileMeta | undefined;
}

/**
 * One set of files, each verified when it is loaded. A file that is refused leaves the set as it was, except that a delegation refused
 * for its signatures or its expiry is kept in {@link TrustedMetadata.invalidDelegations}, and that a snapshot refused because it names
 * another root still shows which ({@link TrustedMetadata.rootMeta}).
 *
 * @see Notary v1: building a trusted set; client update, checks
 */
export class TrustedMetadata {
  readonly gun: string;
  readonly now: Date;
  readonly #clockOf: ClockOwner | undefined;
  readonly #previousRoot: RootFile | undefined;
  readonly #pinning: TrustPinning | undefined;
  readonly #files = new Map<RoleName, MetadataFile>();
  readonly #delegations = new Map<RoleName, TargetsFile>();
  readonly #invalid = new Map<RoleName, InvalidDelegation>();
  #rootVerdict: RootVerdict | undefined;
  #rootMeta: FileMeta | undefined;
  #finished = false;

  constructor(options: TrustedMetadataOptions) {
    this.gun = options.gun;
    this.now = options.now;
    this.#clockOf = options.clockOf;
    this.#previousRoot = options.previousRoot;
    this.#pinning = options.pinning;
    this.#rootMeta = options.rootMeta;
  }

  get root(): RootFile | undefined {
    return this.#files.get("root") as RootFile | undefined;
  }

  get timestamp(): TimestampFile | undefined {
    return this.#files.get("timestamp") as TimestampFile | undefined;
  }

  get snapshot(): SnapshotFile | undefined {
    return this.#files.get("snapshot") as SnapshotFile | undefined;
  }

  get targets(): TargetsFile | undefined {
    return this.#files.get("targets") as TargetsFile | undefined;
  }

  /** Delegations in the order they were loaded, parents before children. */
  get delegations(): ReadonlyMap<RoleName, TargetsFile> {
    return this.#delegations;
  }

  /** Delegations refused for their signatures or their expiry. */
  get invalidDelegations(): ReadonlyMap<RoleName, InvalidDelegation> {
    return this.#invalid;
  }

  /** What the verification of the loaded root found. */
  get rootVerdict(): RootVerdict | undefined {
    return this.root === undefined ? undefined : this.#rootVerdict;
  }

  /** What a verified snapshot says about the root. */
  get rootMeta(): FileMeta | undefined {
    return this.#rootMeta;
  }

  /** True once a file of this role was accepted. */
  isLoaded(role: RoleName): boolean {
    return this.#files.has(role);
  }

  /**
   * Verifies one file and, if nothing is wrong with it, adds it to the set.
   *
   * @param input its bytes, or the file parsed before from bytes of this very role
   * @returns the parsed file
   * @throws MetadataError `METADATA_ORDER` when something it depends on is missing, it was loaded already, or the set is finished;
   *   `METADATA_ROLE_UNKNOWN` for an undeclared role; `METADATA_LENGTH_MISMATCH`, `METADATA_HASH_MISMATCH`; everything
   *   `parseMetadata`, `verifyThreshold` and `verifyRoot` refuse; `METADATA_VERSION_ROLLBACK`; `METADATA_EXPIRED`
   */
  load(role: RoleName, input: Uint8Array | MetadataFile, options: LoadOptions = {}): MetadataFile {
    this.#requireTurn(role);
    const bytes = input instanceof Uint8Array ? input : bytesOf(input, role);
    this.#compareWithMeta(role, bytes);
    const file = input instanceof Uint8Array ? parseMetadata(role, input) : input;
    if (isDelegation(role)) return this.#loadDelegation(file as TargetsFile, options);
    this.#verifySignatures(file, options);
    this.#requireVersion(file, options);
    this.#requireFresh(file, options);
    this.#accept(file);
    return file;
  }

  /**
   * Who may sign a role, according to the loaded files.
   *
   * @throws MetadataError `METADATA_ORDER`, `METADATA_ROLE_UNKNOWN`
   */
  signersOf(role: RoleName): RoleSigners {
    const root = this.root;
    if (root === undefined) throw outOfOrder("root must be loaded first");
    return isDelegation(role) ? declaredSigners(this.#parentFile(role), role) : baseRoleSigners(root, role);
  }

  /** The name by which to fetch a role's file and the most bytes to accept, according to the loaded files. */
  expected(role: RoleName): ExpectedFile {
    const meta = this.#metaOf(role);
    const hash = consistentHash(meta);
    const bound = maxFileBytes(role);
    return {
      name: hash === undefined ? role : `${role}.${hash}`,
      maxBytes: Math.min(meta?.length ?? bound, bound),
      meta,
    };
  }

  /**
   * Returns what was loaded and finishes this set: nothing more can be loaded into what callers rely on.
   *
   * @throws MetadataError `METADATA_ORDER` unless root, snapshot and targets are there
   */
  finish(): TrustedCollection {
    const { root, timestamp, snapshot, targets } = this;
    if (this.#finished) throw outOfOrder("the trusted set has been finished");
    if (root === undefined || snapshot === undefined || targets === undefined) {
      throw outOfOrder("root, snapshot and targets must be loaded first");
    }
    this.#finished = true;
    return {
      gun: this.gun,
      root,
      ...(timestamp === undefined ? {} : { timestamp }),
      snapshot,
      targets,
      ...withoutShards(this.#delegations),
      invalidDelegations: this.#invalid,
      pinnedOnFirstUse: this.#rootVerdict?.isFirstUse ?? false,
    };
  }

  #requireTurn(role: RoleName): void {
    if (this.#finished) throw outOfOrder("the trusted set has been finished");
    if (!isRoleName(role)) throw new MetadataError("METADATA_ROLE_UNKNOWN", `${role} is an invalid role`);
    if (this.#files.has(role)) throw outOfOrder(`${role} has already been loaded`);
    if (role !== "root" && this.root === undefined) throw outOfOrder("root must be loaded first");
    if (isDelegation(role)) this.signersOf(role);
  }

  #parentFile(role: RoleName): TargetsFile {
    if (this.targets === undefined) throw outOfOrder("targets must be loaded first");
    const parent = this.#files.get(parentOf(role));
    if (parent !== undefined) return parent as TargetsFile;
    throw new MetadataError(
      "METADATA_ROLE_UNKNOWN",
      `${role} is an invalid role: ${parentOf(role)} has not been loaded`,
    );
  }

  /** A delegation's version is checked before its signatures: an old file is an attack, a badly signed one may mean a removed signer. */
  #loadDelegation(file: TargetsFile, options: LoadOptions): MetadataFile {
    this.#requireVersion(file, options);
    try {
      this.#verifySignatures(file, options);
      this.#requireFresh(file, options);
    } catch (error) {
      if (
        error instanceof MetadataError &&
        (error.code === "METADATA_THRESHOLD_NOT_MET" || error.code === "METADATA_EXPIRED")
      ) {
        this.#invalid.set(file.role, { file, error });
      }
      throw error;
    }
    this.#invalid.delete(file.role);
    this.#delegations.set(file.role, file);
    this.#accept(file);
    return file;
  }

  #verifySignatures(file: MetadataFile, { allowExpired: ignoreCertificateExpiry = false }: LoadOptions): void {
    if (file.body.type === "root") {
      const about = { gun: this.gun, now: this.now, clockOf: this.#clockOf };
      const judgement = { ...about, previous: this.#previousRoot, pinning: this.#pinning, ignoreCertificateExpiry };
      this.#rootVerdict = verifyRoot(file as RootFile, judgement);
      return;
    }
    const { roleKeys, keys } = this.signersOf(file.role);
    verifyThreshold(file, roleKeys, keys);
  }

  #requireVersion(file: MetadataFile, options: LoadOptions): void {
    requireVersion(file, options.minVersion ?? 1);
  }

  #requireFresh(file: MetadataFile, options: LoadOptions): void {
    if (options.allowExpired !== true) requireFresh(file, this.now, this.#clockOf);
  }

  #accept(file: MetadataFile): void {
    if (file.body.type === "timestamp" && this.snapshot !== undefined) {
      const meta = file.body.meta.get("snapshot");
      if (meta !== undefined) verifyFileMeta("snapshot", this.snapshot.bytes, meta);
    }
    if (file.body.type === "snapshot") this.#compareLoadedWith(file.body);
    this.#files.set(file.role, file);
  }

  /** Files loaded before the snapshot are compared now. Its entry for the root is kept even if the root is another one: it shows which to fetch. */
  #compareLoadedWith(snapshot: SnapshotBody): void {
    this.#rootMeta = snapshot.meta.get("root");
    for (const [role, { bytes }] of this.#files) {
      if (role !== "timestamp") requireListed(role, bytes, snapshot);
    }
  }

  #compareWithMeta(role: RoleName, bytes: Uint8Array): void {
    const snapshot = this.snapshot?.body;
    if (snapshot !== undefined && role !== "timestamp" && role !== "snapshot")
      return requireListed(role, bytes, snapshot);
    const meta = this.#metaOf(role);
    if (meta !== undefined) verifyFileMeta(role, bytes, meta);
  }

  #metaOf(role: RoleName): FileMeta | undefined {
    if (role === "timestamp") return undefined;
    if (role === "snapshot") return this.timestamp?.body.meta.get("snapshot");
    return this.snapshot?.body.meta.get(role) ?? (role === "root" ? this.#rootMeta : undefined);
  }
}

/** A file is used only for the role it was parsed for: another role has other signers. */
function bytesOf(file: MetadataFile, role: RoleName): Uint8Array {
  if (file.role === role) return file.bytes;
  throw new MetadataError("METADATA_TYPE_UNEXPECTED", `expected a ${role} file, not a ${file.role} one`);
}

function outOfOrder(message: string): MetadataError {
  return new MetadataError("METADATA_ORDER", message);
}
