/**
 * Validates an upload on the trust server exactly as a client will, with the client's state machine, then makes the
 * snapshot (if none was sent) and the timestamp. It stores nothing; it hashes the bytes that will be stored, never its own serialisation.
 *
 * @see Notary v1: what the server validates, in order
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import { hasCode, MetadataError, TagsealError } from "../errors.ts";
import { signablePaths } from "./delegation-paths.ts";
import { highestLostVersion, type LostFile, maxLostFiles, verifyLostRoots } from "./lost-versions.ts";
import type {
  MetadataFile,
  RoleName,
  RootFile,
  ServerRole,
  SnapshotFile,
  TargetsFile,
  TimestampFile,
} from "./metadata.ts";
import { parseMetadata } from "./notary-v1/parse.ts";
import { isDelegation, isRoleName, parentOf } from "./role-name.ts";
import { holdsKeyOf, makeSnapshot, makeTimestamp, type ServerSignedCollection } from "./server-signing.ts";
import { StoredView } from "./stored-roles.ts";
import { delegatedRole } from "./role-signers.ts";
import { compareWithStored } from "./snapshot-against-stored.ts";
import { targetsFileOf } from "./trusted-collection.ts";
import { TrustedMetadata } from "./trusted-metadata.ts";
import { type RefusalKind, refusing, UpdateRefused } from "./update-refused.ts";
import { validatedFile, type ValidatedFile } from "./validated-file.ts";
import {
  requireOwnKeyIds,
  requireOwnSignatures,
  requireReferenceForm,
  requireUsableNames,
  requireVersionInRange,
} from "./upload-form.ts";

/** One upload, and what it is verified against. */
export interface UpdateInput extends ServerSignedCollection {
  /** by role; a timestamp among them is ignored, the server makes its own */
  readonly uploads: ReadonlyMap<RoleName, Uint8Array>;
  /** files that were published and are not stored any more; an upload with any of them repairs a server that was restored from a backup */
  readonly lost?: readonly LostFile[] | undefined;
}

/**
 * Validates an upload.
 *
 * Versions that are already taken are not refused here: the storage must do that anyway, in the transaction that stores these files,
 * because another publisher may be faster. The timestamp is read first, so that the faster publisher takes its next version.
 *
 * @returns what to store, in one transaction: the uploaded files, the snapshot and the timestamp
 * @throws UpdateRefused for anything wrong with the upload; TagsealError `STORAGE_CONFLICT` for a snapshot that is plainly late
 * @throws MetadataError when a stored root, snapshot, targets or timestamp cannot be parsed; what `stored` and `keys` throw
 */
export async function validateUpdate(input: UpdateInput): Promise<readonly ValidatedFile[]> {
  const update = await Update.begin(input);
  await update.validateRoot();
  await update.validateTargets();
  const snapshot = await update.validatedSnapshot();
  return await update.finish(snapshot);
}

/** One upload on its way through the checks. */
class Update {
  readonly #input: UpdateInput;
  readonly #uploads: ReadonlyMap<RoleName, Uint8Array>;
  readonly #lost: readonly LostFile[];
  readonly #lostRoots: readonly RootFile[];
  readonly #stored: StoredView;
  readonly #previousTimestamp: TimestampFile | undefined;
  readonly #previousRoot: RootFile | undefined;
  readonly #trusted: TrustedMetadata;
  readonly #accepted: MetadataFile[] = [];
  /** some uploaded version is taken: storing will fail, whatever else is found here */
  #isOutdated = false;

  private constructor(
    input: UpdateInput,
    stored: StoredView,
    previousTimestamp: TimestampFile | undefined,
    previousRoot: RootFile | undefined,
  ) {
    this.#input = input;
    const { gun, now, lost = [] } = input;
    this.#uploads = new Map([...input.uploads].filter(([role]) => role !== "timestamp"));
    this.#lost = lost;
    this.#lostRoots = verifyLostRoots(lost, { gun, now, stored: previousRoot });
    this.#stored = stored;
    this.#previousTimestamp = previousTimestamp;
    this.#previousRoot = this.#lostRoots.at(-1) ?? previousRoot;
    this.#trusted = new TrustedMetadata({ gun, now, clockOf: "this server", previousRoot: this.#previousRoot });
  }

  static async begin(input: UpdateInput): Promise<Update> {
    const unknown = [...input.uploads.keys()].find((role) => !isRoleName(role));
    if (unknown !== undefined)
      throw new UpdateRefused("ErrValidation", `${JSON.stringify(unknown)} is an invalid role`);
    const lost = input.lost?.length ?? 0;
    if (lost > maxLostFiles)
      throw new UpdateRefused(
        "ErrValidation",
        `${lost} lost files in one update, at most ${maxLostFiles} are accepted`,
      );
    const stored = new StoredView(input.stored);
    const timestamp = await stored.parsed("timestamp");
    return new Update(input, stored, timestamp, await stored.parsed("root"));
  }

  async validateRoot(): Promise<void> {
    const bytes = this.#uploads.get("root");
    if (bytes !== undefined) {
      await this.#accept("ErrBadRoot", "root", bytes, () => this.#requireNextRootVersion());
    } else if (this.#lostRoots.length > 0) {
      throw new UpdateRefused("ErrValidation", "lost roots lead to no root in the update");
    } else if (this.#previousRoot === undefined) {
      throw new UpdateRefused("ErrValidation", "no pre-existing root and no root provided in update.");
    } else {
      const root = this.#previousRoot;
      refusing("ErrBadRoot", () => this.#trusted.load("root", root));
    }
  }

  /** Parents first: the parent says what a delegation may do. */
  async validateTargets(): Promise<void> {
    const roles = [...this.#uploads.keys()].filter((role) => role === "targets" || isDelegation(role));
    for (const role of roles.toSorted(byDepth)) {
      // A hostile file may take a second: other requests of this process run in between.
      await nextTurn();
      if (isDelegation(role)) await this.#loadStoredWithAncestors(parentOf(role));
      await this.#accept("ErrBadTargets", role, this.#uploads.get(role) ?? new Uint8Array(), (file) => {
        const paths = signablePaths(role, (name) => this.#declaredPaths(name));
        requireUsableNames(file as TargetsFile, paths);
      });
    }
    // a root that removes the key of targets without a new targets would break all readers
    if (this.#uploads.has("root")) await this.#loadStoredWithAncestors("targets");
  }

  async validatedSnapshot(): Promise<SnapshotFile> {
    const previous = await this.#stored.parsed("snapshot");
    const bytes = this.#uploads.get("snapshot");
    if (bytes === undefined)
      return (await this.#storedSnapshotThatStays(previous)) ?? (await this.#makeSnapshot(previous));
    await this.#acceptSnapshot(bytes);
    const snapshot = this.#trusted.snapshot as SnapshotFile;
    if (!this.#isOutdated)
      await compareWithStored(snapshot, { previous, trusted: this.#trusted, stored: this.#stored });
    return snapshot;
  }

  async finish(snapshot: SnapshotFile): Promise<readonly ValidatedFile[]> {
    const { keys, now, timestampLifetimeMs } = this.#input;
    const signers = refusing("ErrBadRoot", () => this.#trusted.signersOf("timestamp"));
    const publishedVersion = this.#lostVersion("timestamp", this.#previousTimestamp);
    const signing = { signers, keys, now, validForMs: timestampLifetimeMs, publishedVersion };
    const timestamp = await makeTimestamp(this.#previousTimestamp, snapshot.bytes, signing);
    this.#trusted.load("timestamp", timestamp);
    return [...this.#lostRoots, ...this.#accepted, timestamp].map(validatedFile);
  }

  /** Proofs by keys that a later root removed count only together with the lost root that named them: such a key may be stolen. */
  #lostVersion(role: ServerRole, stored: MetadataFile | undefined): number {
    const current = this.#trusted.root === undefined ? [] : [this.#trusted.root];
    const judgement = { storedVersion: stored?.body.version ?? 0, roots: [...current, ...this.#lostRoots] };
    return highestLostVersion(this.#lost, role, judgement);
  }

  /** Proofs alone change no content: the stored snapshot stays when it is not behind, and when only its owner can sign another one. */
  async #storedSnapshotThatStays(previous: SnapshotFile | undefined): Promise<SnapshotFile | undefined> {
    if (this.#lost.length === 0 || this.#uploads.size > 0 || previous === undefined) return undefined;
    const isBehind = this.#lostVersion("snapshot", previous) > previous.body.version;
    const signers = refusing("ErrBadRoot", () => this.#trusted.signersOf("snapshot"));
    if (isBehind && (await holdsKeyOf("snapshot", signers, this.#input.keys))) return undefined;
    refusing("ErrBadSnapshot", () => this.#trusted.load("snapshot", previous));
    return previous;
  }

  /** A snapshot that describes the previous state is late, not wrong: its publisher must read and try again. */
  async #acceptSnapshot(bytes: Uint8Array): Promise<void> {
    try {
      await this.#accept("ErrBadSnapshot", "snapshot", bytes);
    } catch (error) {
      const isOtherSet =
        error instanceof UpdateRefused && hasCode(error.cause, "METADATA_HASH_MISMATCH", "METADATA_LENGTH_MISMATCH");
      if (isOtherSet && (await this.#isTaken(parseMetadata("snapshot", bytes)))) {
        throw new TagsealError("STORAGE_CONFLICT", "this snapshot was made from an older state than is stored now", {
          cause: error,
        });
      }
      throw error;
    }
  }

  async #isTaken(file: MetadataFile): Promise<boolean> {
    return file.body.version <= ((await this.#stored.current(file.role))?.version ?? 0);
  }

  async #accept(
    kind: RefusalKind,
    role: RoleName,
    bytes: Uint8Array,
    check: (file: MetadataFile) => void = () => undefined,
  ): Promise<void> {
    const storedVersion = (await this.#stored.current(role))?.version ?? 0;
    const file = refusing(kind, () => {
      const loaded = this.#trusted.load(role, bytes);
      check(loaded);
      requireVersionInRange(loaded, storedVersion);
      requireOwnKeyIds(loaded);
      requireOwnSignatures(loaded, this.#trusted.signersOf(role));
      requireReferenceForm(loaded);
      return loaded;
    });
    if (await this.#isTaken(file)) this.#isOutdated = true;
    this.#accepted.push(file);
  }

  /**
   * A first root may be version 1 or 2, as in the reference: nothing stored counts as version 1. One that was lost with its whole
   * collection may have any version: no client may have the roots before it any more.
   */
  #requireNextRootVersion(): void {
    if (this.#previousRoot === undefined && this.#lost.length > 0) return;
    const current = this.#previousRoot?.body.version ?? 1;
    const next = this.#trusted.root?.body.version;
    if (next === current || next === current + 1) return;
    throw new MetadataError(
      "METADATA_VERSION_MISMATCH",
      `Root modifications must increment the version. Current ${current}, new ${next}`,
    );
  }

  /** Stored parents only say who may sign their children; their expiry does not matter. */
  async #loadStoredWithAncestors(role: RoleName): Promise<void> {
    if (this.#trusted.isLoaded(role) || this.#uploads.has(role)) return;
    if (isDelegation(role)) await this.#loadStoredWithAncestors(parentOf(role));
    const file = await this.#stored.parsed(role);
    if (file !== undefined) refusing("ErrBadTargets", () => this.#trusted.load(role, file, { allowExpired: true }));
  }

  #declaredPaths(role: RoleName): readonly string[] | undefined {
    const parent = targetsFileOf(this.#trusted, parentOf(role));
    return parent === undefined ? undefined : delegatedRole(parent, role)?.paths;
  }

  async #makeSnapshot(previous: SnapshotFile | undefined): Promise<SnapshotFile> {
    const { root, targets, delegations } = this.#trusted;
    if (previous === undefined && !this.#uploads.has("targets"))
      throw new UpdateRefused("ErrValidation", "targets must be loaded first");
    // everything that was loaded, stored parents too: a wrong entry is corrected here
    const loaded = [root, targets, ...delegations.values()].filter((file) => file !== undefined);
    const changed = new Map(loaded.map((file) => [file.role, file.bytes]));
    const { keys, now, snapshotLifetimeMs: validForMs } = this.#input;
    const signers = refusing("ErrBadRoot", () => this.#trusted.signersOf("snapshot"));
    const publishedVersion = this.#lostVersion("snapshot", previous);
    const snapshot = await makeSnapshot(previous, changed, { signers, keys, now, validForMs, publishedVersion });
    this.#trusted.load("snapshot", snapshot);
    this.#accepted.push(snapshot);
    return snapshot;
  }
}

function byDepth(a: RoleName, b: RoleName): number {
  return a.split("/").length - b.split("/").length || (a < b ? -1 : 1);
}
