/**
 * Verifies a whole collection before a move, after it, or before a machine with a copy sends it back: what a client with
 * any earlier root would meet on its way to the current files. The decisions are those of the clients' state machine;
 * this file only chooses which files to give it.
 *
 * An expired file is reported and does not stop a move: no reader accepts such a collection in its old place either, and its owner
 * needs the collection to sign it again.
 */

import { hasCode, MetadataError, TagsealError, type ErrorCode } from "../errors.ts";
import { verifyFileMeta } from "./file-hashes.ts";
import type { MetadataFile, RoleName, RootFile, SnapshotFile, TargetsFile } from "./metadata.ts";
import { maxFileBytes } from "./notary-v1/bounds.ts";
import { parseMetadata } from "./notary-v1/parse.ts";
import { isDelegation, isRoleName } from "./role-name.ts";
import { verifyRoot } from "./root-trust.ts";
import type { TrustedCollection } from "./trusted-collection.ts";
import { TrustedMetadata } from "./trusted-metadata.ts";
import type { MetadataSource } from "./updater.ts";
import { type ValidatedFile, validatedFile } from "./validated-file.ts";

/** A problem of a collection that its owner should know about and that a move neither causes nor solves. */
export interface CollectionWarning {
  readonly code: ErrorCode;
  readonly message: string;
  /** of the file that the warning is about, when the file exists */
  readonly role?: RoleName;
}

/** A collection whose every file was verified. */
export interface VerifiedCollection {
  readonly gun: string;
  /** every available root, oldest first; each signed by its own keys and, unless that one is missing, by those of the version before */
  readonly roots: readonly RootFile[];
  /**
   * What readers and the server need: the roots, everything the snapshot lists, the snapshot, the timestamp. In this order no file is
   * stored before those it names.
   */
  readonly files: readonly ValidatedFile[];
  readonly timestampExpiresAt: Date;
  /** what is current, parsed */
  readonly trusted: TrustedCollection;
  readonly warnings: readonly CollectionWarning[];
}

/** What is to be verified, and by which clock. */
export interface VerificationInput {
  readonly gun: string;
  readonly source: MetadataSource;
  readonly now: Date;
  /** used as current instead of what the timestamp names: a machine may have a newer one than the timestamp it saw last */
  readonly snapshot?: Uint8Array | undefined;
}

/** Bytes of all current files of one collection: what a client would load at most. */
const maxCollectionBytes = 512 * 1024 * 1024;
const maxRoots = 10_000;

/**
 * Verifies the roots of a collection and everything that is current in it.
 *
 * @throws MetadataError for everything that a client refuses, except expiry; `REPOSITORY_NOT_SIGNED` when there is no such collection;
 *   `METADATA_MISSING` for a file that is named and missing; `TOO_LARGE`
 * @throws TagsealError what the source throws
 */
export async function verifyCollection(input: VerificationInput): Promise<VerifiedCollection> {
  return await new Verification(input).run();
}

class Verification {
  readonly #input: VerificationInput;
  readonly #files: ValidatedFile[] = [];
  readonly #warnings: CollectionWarning[] = [];
  #bytes = 0;

  constructor(input: VerificationInput) {
    this.#input = input;
  }

  async run(): Promise<VerifiedCollection> {
    const { gun, now } = this.#input;
    const { roots, newest } = await this.#roots();
    const trusted = this.#trust(newest);
    const { snapshot: given } = this.#input;
    // A timestamp that does not name this snapshot is judged in a separate set: one set compares the two.
    const beside = given === undefined ? trusted : this.#trust(newest);
    const timestamp = beside.load("timestamp", await this.#fetch("timestamp"), { allowExpired: true });
    const snapshot =
      given === undefined
        ? await this.#load(trusted, "snapshot")
        : trusted.load("snapshot", given, { allowExpired: true });
    await this.#listed(trusted, snapshot as SnapshotFile);
    const current = [newest, timestamp, snapshot, trusted.targets, ...trusted.delegations.values()];
    for (const file of current) this.#warnWhenExpired(file, now);
    this.#keep(snapshot);
    this.#keep(timestamp);
    const timestampExpiresAt = timestamp.body.expiresAt;
    return {
      gun,
      roots,
      files: this.#files,
      timestampExpiresAt,
      trusted: trusted.finish(),
      warnings: this.#warnings,
    };
  }

  /** All roots that lead to the newest. A gap cannot be closed here, and clients with a root from before it are cut off already. */
  async #roots(): Promise<Pick<VerifiedCollection, "roots"> & { readonly newest: RootFile }> {
    const newest = parseMetadata("root", await this.#currentRoot());
    if (newest.body.version > maxRoots) {
      throw new MetadataError("TOO_LARGE", `the root has version ${newest.body.version}, more than ${maxRoots}`);
    }
    const older: RootFile[] = [];
    for (let version = 1; version < newest.body.version; version++) {
      const root = await this.#oldRoot(version);
      if (root === undefined) continue;
      this.#requireSuccession(older.at(-1), root);
      older.push(root);
    }
    this.#requireSuccession(older.at(-1), newest);
    const roots = [...older, newest];
    this.#warnOfGaps(roots);
    for (const root of roots) this.#keep(root);
    return { roots, newest };
  }

  async #currentRoot(): Promise<Uint8Array> {
    try {
      return await this.#fetch("root");
    } catch (cause) {
      if (!hasCode(cause, "METADATA_MISSING")) throw cause;
      throw new MetadataError("REPOSITORY_NOT_SIGNED", `there is no trust data for ${this.#input.gun}`, { cause });
    }
  }

  async #oldRoot(version: number): Promise<RootFile | undefined> {
    try {
      const root = parseMetadata("root", await this.#fetch(`${version}.root`, maxFileBytes("root")));
      if (root.body.version === version) return root;
      const reason = `root ${version} says of itself that it is version ${root.body.version}`;
      throw new MetadataError("METADATA_VERSION_MISMATCH", reason);
    } catch (error) {
      if (hasCode(error, "METADATA_MISSING")) return undefined;
      throw error;
    }
  }

  /** After a gap, only a root's own keys verify it: a store in which an older root is trusted must refuse it. */
  #requireSuccession(last: RootFile | undefined, root: RootFile): void {
    const { gun, now } = this.#input;
    const previous = last !== undefined && last.body.version + 1 === root.body.version ? last : undefined;
    verifyRoot(root, { gun, now, previous, ignoreCertificateExpiry: true });
  }

  #warnOfGaps(roots: readonly RootFile[]): void {
    const [first, ...rest] = roots.map(({ body }) => body.version);
    // a first root may be version 2: nothing stored counts as version 1
    let previous = first ?? 1;
    if (previous > 2) this.#warn("METADATA_MISSING", `roots 1 to ${previous - 1} are not there`);
    for (const version of rest) {
      if (version > previous + 1) {
        const gap =
          version === previous + 2 ? `root ${previous + 1} is` : `roots ${previous + 1} to ${version - 1} are`;
        this.#warn("METADATA_MISSING", `${gap} not there: readers that trust an older one cannot follow`);
      }
      previous = version;
    }
  }

  /** The set into which everything below the newest root is loaded. */
  #trust(newest: RootFile): TrustedMetadata {
    const { gun, now } = this.#input;
    const trusted = new TrustedMetadata({ gun, now });
    trusted.load("root", newest, { allowExpired: true });
    return trusted;
  }

  async #load(trusted: TrustedMetadata, role: RoleName): Promise<MetadataFile> {
    const { name, maxBytes } = trusted.expected(role);
    return trusted.load(role, await this.#fetch(name, maxBytes), { allowExpired: true });
  }

  /**
   * Everything that the snapshot names: what readers load, with its signatures; what they do not load (a removed delegation stays listed)
   * with its hash, because the server compares the next snapshot with it.
   */
  async #listed(trusted: TrustedMetadata, snapshot: SnapshotFile): Promise<void> {
    this.#keep(await this.#load(trusted, "targets"));
    await this.#delegations(trusted, trusted.targets);
    const kept = new Set(this.#files.map(({ role }) => role));
    for (const role of snapshot.body.meta.keys()) {
      if (kept.has(role)) continue;
      if (isRoleName(role)) await this.#undeclared(role, snapshot);
      else this.#warn("METADATA_ROLE_UNKNOWN", `the snapshot lists ${JSON.stringify(role)}, which is not a role`);
    }
  }

  async #delegations(trusted: TrustedMetadata, parent: TargetsFile | undefined): Promise<void> {
    for (const { name } of parent?.body.delegations.roles ?? []) {
      if (trusted.isLoaded(name) || trusted.expected(name).meta === undefined) continue;
      await this.#delegations(trusted, await this.#delegation(trusted, name));
    }
  }

  /** A delegation that its signers still have to sign again moves unchanged: readers ignore it in both places. */
  async #delegation(trusted: TrustedMetadata, role: RoleName): Promise<TargetsFile | undefined> {
    try {
      this.#keep(await this.#load(trusted, role));
      return trusted.delegations.get(role);
    } catch (error) {
      const invalid = trusted.invalidDelegations.get(role);
      if (invalid === undefined || invalid.error !== error) throw error;
      this.#warn(invalid.error.code, `readers pass ${role} over: ${invalid.error.message}`);
      this.#keep(invalid.file);
      return undefined;
    }
  }

  async #undeclared(role: RoleName, snapshot: SnapshotFile): Promise<void> {
    const meta = snapshot.body.meta.get(role);
    const sha256 = meta?.hashes.get("sha256");
    if (meta === undefined || sha256 === undefined || !isDelegation(role)) return;
    try {
      const bytes = await this.#fetch(`${role}.${Buffer.from(sha256).toString("hex")}`, maxFileBytes(role));
      verifyFileMeta(role, bytes, meta);
      this.#keep(parseMetadata(role, bytes));
    } catch (error) {
      if (!(error instanceof MetadataError)) throw error;
      this.#warn(error.code, `the snapshot still lists ${role}, which nothing delegates to: ${error.message}`);
    }
  }

  async #fetch(name: string, maxBytes = maxFileBytes(name)): Promise<Uint8Array> {
    const bytes = await this.#input.source.fetch(name, maxBytes);
    this.#bytes += bytes.length;
    if (this.#bytes <= maxCollectionBytes) return bytes;
    throw new TagsealError(
      "TOO_LARGE",
      `${this.#input.gun} has more than ${maxCollectionBytes} bytes of current files`,
    );
  }

  #keep(file: MetadataFile): void {
    this.#files.push(validatedFile(file));
  }

  #warnWhenExpired(file: MetadataFile | undefined, now: Date): void {
    if (file === undefined || now <= file.body.expiresAt) return;
    this.#warn("METADATA_EXPIRED", `${file.role} ${file.body.version} expired at ${file.body.expires}`, file.role);
  }

  #warn(code: ErrorCode, message: string, role?: RoleName): void {
    this.#warnings.push({ code, message, ...(role === undefined ? {} : { role }) });
  }
}
