/** The embedded store: one SQLite file, prepared statements, one writing transaction at a time. */

import type { RoleName } from "../../tuf/metadata.ts";
import { deletionTime, undeleteConflict, type Deletion, type NamedDeletion } from "./deletion.ts";
import { publishConflict, restoreConflict, type MetadataStore, type NewPublication } from "./metadata-store.ts";
import type { Change, ChangeQuery } from "./change.ts";
import { bytesOf, type FileVersion, type NamedVersion, type NewFile, type StoredFile } from "./stored-file.ts";
import { rangeOf, requireRoom, type Usage } from "./usage-limit.ts";
import { SqliteProposalStore } from "./sqlite-proposal-store.ts";
import { type SqlitePlace, SqlitePublishing } from "./sqlite-publishing.ts";
import { SqliteFile } from "./sqlite-database.ts";
import { isUniqueViolation } from "./sqlite-error.ts";
import {
  changeOf,
  fileOf,
  type MetadataStatements,
  prepareStatements,
  type SqliteRow,
} from "./sqlite-metadata-statements.ts";

/** oldest first; frozen once released */
const migrations = ["0001-metadata.sql", "0002-metadata.sql", "0003-metadata.sql", "0004-metadata.sql"];

/** The location of the file, and which thread this is. */
export interface SqliteMetadataStoreOptions extends SqlitePlace {
  /** requests are served by another thread: large publications are committed here, too */
  readonly isInThread?: boolean;
}

/** What the health probe writes: more than a small publication, which touches a page of every table and index, so that a full disk shows. */
const probeBytes = 65_536;

/** Keeps files in one SQLite database. Several processes may open the same file; SQLite's lock orders their writes. */
export class SqliteMetadataStore implements MetadataStore {
  readonly proposals: SqliteProposalStore;
  readonly #file: SqliteFile;
  readonly #statements: MetadataStatements;
  readonly #publishing: SqlitePublishing | undefined;

  /** @throws TagsealError `STORAGE_FAILED`, `SERVER_CONFIGURATION` */
  constructor(options: SqliteMetadataStoreOptions) {
    const { path, maxPages, isInThread = false } = options;
    this.#publishing = isInThread ? undefined : new SqlitePublishing(options);
    this.#file = new SqliteFile({ path, migrations, maxPages });
    this.#statements = prepareStatements(this.#file.database);
    this.proposals = new SqliteProposalStore(this.#file);
  }

  async publish(publication: NewPublication): Promise<void> {
    const publishing = this.#publishing;
    if (publishing?.takes(publication)) return await this.#file.writeElsewhere(() => publishing.publish(publication));
    await this.#file.write(() => {
      try {
        this.#insert(publication);
      } catch (error) {
        if (!isUniqueViolation(error)) throw error;
        throw publishConflict(publication.gun, "one of its versions is already taken");
      }
    });
  }

  async current(gun: string, role: RoleName): Promise<StoredFile | undefined> {
    return this.#file.read(() => fileOf(this.#statements.current.get(gun, role)));
  }

  async byChecksum(gun: string, role: RoleName, sha256: string): Promise<StoredFile | undefined> {
    return this.#file.read(() => fileOf(this.#statements.byChecksum.get(gun, role, sha256)));
  }

  async byVersion(gun: string, role: RoleName, version: number): Promise<StoredFile | undefined> {
    return this.#file.read(() => fileOf(this.#statements.byVersion.get(gun, role, version)));
  }

  async remove(gun: string, at: Date): Promise<void> {
    await this.#file.write(() => {
      if (this.#statements.isThere.get(gun) === undefined) return;
      this.#statements.keepDeleted.run(this.#deletionTime(gun, at).getTime(), gun);
      this.#statements.remove.run(gun);
      this.#statements.removeProposals.run(gun);
      this.#statements.insertChange.run(at.getTime(), gun, 0, "", "deletion");
    });
  }

  async deletions(after: NamedDeletion | undefined, limit: number): Promise<readonly Deletion[]> {
    const { gun, deletedAt } = after ?? { gun: "", deletedAt: new Date(0) };
    return this.#file
      .read(() => this.#statements.deletions.all(gun, deletedAt.getTime(), limit))
      .map((row) => {
        const deleted = new Date(Number(row["deleted_at"]));
        return {
          gun: String(row["gun"]),
          deletedAt: deleted,
          files: Number(row["files"]),
          bytes: Number(row["bytes"]),
        };
      });
  }

  async undelete({ gun, deletedAt }: NamedDeletion, at: Date): Promise<boolean> {
    return this.#file.write(() => {
      const { isDeleted, isThere, bringBack, forgetDeletion, insertChange } = this.#statements;
      if (isDeleted.get(gun, deletedAt.getTime()) === undefined) return false;
      if (isThere.get(gun) !== undefined) throw undeleteConflict(gun);
      bringBack.run(gun, deletedAt.getTime());
      forgetDeletion.run(gun, deletedAt.getTime());
      const timestamp = this.#highest(gun, "timestamp");
      if (timestamp !== undefined) insertChange.run(at.getTime(), gun, timestamp.version, timestamp.sha256, "update");
      return true;
    });
  }

  async forgetDeletion({ gun, deletedAt }: NamedDeletion): Promise<number> {
    return this.#file.write(() => Number(this.#statements.forgetDeletion.run(gun, deletedAt.getTime()).changes));
  }

  async changes(query: ChangeQuery): Promise<readonly Change[]> {
    const rows = this.#file.read(() => this.#changeRows(query));
    const changes = rows.map(changeOf);
    return query.backwards ? changes.reverse() : changes;
  }

  async guns(after: string, limit: number): Promise<readonly string[]> {
    return this.#file.read(() => this.#statements.guns.all(after, limit)).map((row) => String(row["gun"]));
  }

  async usage(prefix: string): Promise<Usage> {
    return this.#file.read(() => this.#usage(prefix));
  }

  async versions(gun: string): Promise<readonly FileVersion[]> {
    return this.#file
      .read(() => this.#statements.versions.all(gun))
      .map((row) => ({
        role: String(row["role"]),
        version: Number(row["version"]),
        sha256: String(row["sha256"]),
        length: Number(row["length"]),
        createdAt: new Date(Number(row["created_at"])),
      }));
  }

  async forget(gun: string, files: readonly NamedVersion[]): Promise<number> {
    return this.#file.write(() => {
      let forgotten = 0;
      for (const { role, version, sha256 } of files)
        forgotten += Number(this.#statements.forget.run(gun, role, version, sha256).changes);
      return forgotten;
    });
  }

  async restore(gun: string, files: readonly StoredFile[]): Promise<void> {
    await this.#file.write(() => {
      for (const file of files) this.#restoreFile(gun, file);
    });
  }

  async restoreChanges(changes: readonly Change[]): Promise<void> {
    await this.#file.write(() => {
      for (const change of changes) this.#restoreChange(change);
    });
  }

  revision(): string {
    return this.#file.read(() => String(this.#statements.revision.get()?.["data_version"]));
  }

  async check(): Promise<void> {
    await this.#file.probe(() => {
      this.#statements.fillProbe.run(probeBytes);
      this.#statements.emptyProbe.run();
    });
  }

  async close(): Promise<void> {
    await this.#publishing?.close();
    this.#file.close();
  }

  #deletionTime(gun: string, at: Date): Date {
    const last = this.#statements.lastDeletion.get(gun)?.["deleted_at"];
    return deletionTime(at, typeof last === "number" ? [new Date(last)] : []);
  }

  #insert({ gun, base, files, at, limits = [] }: NewPublication): void {
    if (this.#highest(gun, "timestamp")?.sha256 !== base) {
      throw publishConflict(gun, "its timestamp has changed meanwhile");
    }
    const growth = { isNew: this.#statements.isThere.get(gun) === undefined, bytes: bytesOf(files) };
    for (const limit of limits) requireRoom(gun, limit, this.#usage(limit.prefix), growth);
    for (const file of files) this.#insertFile(gun, file, at);
  }

  #usage(prefix: string): Usage {
    const { exact, from, end } = rangeOf(prefix);
    const row = this.#statements.usage.get(exact, end, exact, from);
    return { repositories: Number(row?.["repositories"]), bytes: Number(row?.["bytes"]) };
  }

  #insertFile(gun: string, { role, version, sha256, bytes }: NewFile, at: Date): void {
    const stored = this.#highest(gun, role)?.version ?? 0;
    if (version <= stored) throw publishConflict(gun, `${role} ${version} is not newer than the stored ${stored}`);
    this.#statements.insertFile.run(at.getTime(), gun, role, version, sha256, bytes);
    if (role === "timestamp") this.#statements.insertChange.run(at.getTime(), gun, version, sha256, "update");
  }

  #restoreFile(gun: string, { role, version, sha256, bytes, createdAt }: StoredFile): void {
    const here = fileOf(this.#statements.byVersion.get(gun, role, version));
    if (here === undefined) this.#statements.insertFile.run(createdAt.getTime(), gun, role, version, sha256, bytes);
    else if (here.sha256 !== sha256) throw restoreConflict(`${role} ${version} of ${gun}`);
  }

  #restoreChange({ id, createdAt, gun, version, sha256, category }: Change): void {
    const row = this.#statements.change.get(id);
    if (row === undefined) this.#statements.restoreChange.run(id, createdAt.getTime(), gun, version, sha256, category);
    else if (row["gun"] !== gun || row["sha256"] !== sha256 || row["category"] !== category)
      throw restoreConflict(`change ${id}`);
  }

  #highest(gun: string, role: RoleName): { version: number; sha256: string } | undefined {
    const row = this.#statements.highest.get(gun, role);
    return row === undefined ? undefined : { version: Number(row["version"]), sha256: String(row["sha256"]) };
  }

  #changeRows({ gun, from, limit, backwards }: ChangeQuery): readonly SqliteRow[] {
    const statements = this.#statements;
    if (backwards) {
      const before = from === 0 ? Number.MAX_SAFE_INTEGER : from;
      return gun === undefined
        ? statements.changesBefore.all(before, limit)
        : statements.gunChangesBefore.all(gun, before, limit);
    }
    return gun === undefined
      ? statements.changesAfter.all(from, limit)
      : statements.gunChangesAfter.all(gun, from, limit);
  }
}
