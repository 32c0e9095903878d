/**
 * Carrying one collection from Notary's database into a store: row by row, byte for byte, and then judged as a client would. Where the
 * store holds the collection already, it is judged before, too: rows are anybody's who can write to that database.
 */

import { sha256Hex } from "../../crypto/digest.ts";
import { hasCode, TagsealError } from "../../errors.ts";
import type { MetadataFile, RootBody } from "../../tuf/metadata.ts";
import { maxFileBytes } from "../../tuf/notary-v1/bounds.ts";
import { isRoleName } from "../../tuf/role-name.ts";
import { gunFault } from "../http/gun.ts";
import type { FileVersion, MetadataStore, StoredFile } from "../storage/metadata-store.ts";
import { requireContinuation } from "./adoption.ts";
import { type CollectionWarning, verifyCollection } from "./collection-verification.ts";
import { type CollectionReport, type MoveProblem, problemOf } from "./move-report.ts";
import type { NotaryFile, NotaryServerDatabase } from "./notary-database.ts";
import { NotaryRows } from "./notary-rows.ts";
import { storedSource } from "./stored-source.ts";

/** Where from, where to, and by which clock the result is judged. */
export interface CollectionImport {
  readonly source: NotaryServerDatabase;
  readonly store: MetadataStore;
  readonly now: Date;
}

/** What came of it. */
export interface ImportedCollection {
  readonly report: CollectionReport;
  /** of the collection as it is stored now; empty when it did not verify */
  readonly roots: readonly MetadataFile<RootBody>[];
}

/** One transaction writes so much. */
const maxBatchBytes = 16 * 1024 * 1024;
const maxBatchFiles = 500;
const highestVersion = 2 ** 31 - 1;

/**
 * Carries one collection over. A row that is damaged is left out and told; a collection that differs from what lies under its name here
 * already, or does not continue it, is left out as a whole, because a mixture of two would be worse than either.
 *
 * @throws TagsealError `STORAGE_FAILED` when either side cannot be read or written
 */
export async function importCollection(gun: string, parts: CollectionImport): Promise<ImportedCollection> {
  const fault = gunFault(gun);
  if (fault !== undefined)
    return notImported(gun, { code: "METADATA_MALFORMED", message: `${JSON.stringify(gun)}: ${fault}` });
  const rows = await parts.source.files(gun);
  const stored = await parts.store.versions(gun);
  const here = new Map(stored.map((file) => [placeOf(file), file]));
  const conflict = rows.find((row) => isConflict(row, here));
  if (conflict !== undefined) {
    const message = `${placeOf(conflict)} differs from the file of that name and version stored here; nothing of the collection was changed`;
    return notImported(gun, { code: "STORAGE_CONFLICT", message }, rows.length);
  }
  const problems: MoveProblem[] = [];
  const missing = rows.filter((row) => !isHere(row, here));
  const admitted = await admissible(gun, missing, stored, parts, problems);
  if (admitted === undefined)
    return { roots: [], report: { gun, files: rows.length, added: 0, warnings: [], problems } };
  const added = await new FileImport(gun, parts, problems).run(admitted);
  const { roots, warnings } = await judged(gun, parts, problems);
  return { roots, report: { gun, files: rows.length, added, warnings, problems } };
}

/**
 * Which rows may be put among what is stored already: those of a collection that continues it, except what would count as newer than
 * what is current in that collection. Undefined when it does not continue it.
 */
async function admissible(
  gun: string,
  rows: readonly NotaryFile[],
  stored: readonly FileVersion[],
  { source, store, now }: CollectionImport,
  problems: MoveProblem[],
): Promise<readonly NotaryFile[] | undefined> {
  if (stored.length === 0 || rows.length === 0) return rows;
  const both = new NotaryRows(
    rows.filter((row) => faultOf(row) === undefined),
    source,
    storedSource(store, gun),
  );
  try {
    await requireSame(rows, stored, source);
    const collection = await verifyCollection({ gun, source: both, now });
    requireContinuation(stored, collection);
    const current = new Map(collection.files.map(({ role, version }) => [role, version])); // roots come oldest first
    return rows.filter((row) => {
      const version = current.get(row.role);
      if (version === undefined || row.version <= version || faultOf(row) !== undefined) return true;
      const message = `${placeOf(row)} (row ${row.id}) was not imported: it is newer than what is current, and nothing signed names it`;
      problems.push({ code: "METADATA_ROLE_UNKNOWN", message });
      return false;
    });
  } catch (error) {
    if (hasCode(error, "STORAGE_FAILED") || !(error instanceof TagsealError)) throw error;
    problems.push(problemOf(error, "was not imported, because it does not continue what is stored here"));
    return undefined;
  }
}

/** Rows that do not say their hash, in places that are taken here. */
async function requireSame(
  rows: readonly NotaryFile[],
  stored: readonly FileVersion[],
  source: NotaryServerDatabase,
): Promise<void> {
  const here = new Map(stored.map((file) => [placeOf(file), file]));
  const unsaid = rows.filter((row) => row.sha256 === undefined && faultOf(row) === undefined && here.has(placeOf(row)));
  for (const batch of batches(unsaid)) {
    const contents = await source.contents(batch);
    for (const row of batch) {
      if (sha256Hex(contents.get(row.id) ?? new Uint8Array()) === here.get(placeOf(row))?.sha256) continue;
      throw new TagsealError("STORAGE_CONFLICT", `${placeOf(row)} differs from the file of that name and version`);
    }
  }
}

/** What moves one collection's files that are not here yet. */
class FileImport {
  readonly #gun: string;
  readonly #parts: CollectionImport;
  readonly #problems: MoveProblem[];
  #added = 0;

  constructor(gun: string, parts: CollectionImport, problems: MoveProblem[]) {
    this.#gun = gun;
    this.#parts = parts;
    this.#problems = problems;
  }

  async run(rows: readonly NotaryFile[]): Promise<number> {
    const sound = rows.filter((row) => this.#isSound(row));
    // No file before those it names: whoever reads here meanwhile finds a whole set or none.
    const ordered = sound.toSorted((a, b) => rank(a) - rank(b) || a.id - b.id);
    for (const batch of batches(ordered)) await this.#move(batch);
    return this.#added;
  }

  async #move(batch: readonly NotaryFile[]): Promise<void> {
    const contents = await this.#parts.source.contents(batch);
    const files = batch.flatMap((row) => this.#verified(row, contents.get(row.id)) ?? []);
    try {
      await this.#parts.store.restore(this.#gun, files);
      this.#added += files.length;
    } catch (error) {
      if (!hasCode(error, "STORAGE_CONFLICT")) throw error;
      this.#problems.push(problemOf(error));
    }
  }

  #verified(row: NotaryFile, bytes: Uint8Array | undefined): StoredFile | undefined {
    const { role, version, createdAt } = row;
    const sha256 = sha256Hex(bytes ?? new Uint8Array());
    if (bytes !== undefined && (row.sha256 === undefined || row.sha256 === sha256))
      return { role, version, sha256, bytes, createdAt };
    this.#damaged(
      row,
      bytes === undefined ? "its bytes are gone" : `its bytes have the SHA-256 ${sha256}, its row says ${row.sha256}`,
    );
    return undefined;
  }

  #isSound(row: NotaryFile): boolean {
    const fault = faultOf(row);
    if (fault !== undefined) this.#damaged(row, fault);
    return fault === undefined;
  }

  #damaged(row: NotaryFile, reason: string): void {
    const message = `${placeOf(row)} (row ${row.id}) was not imported: ${reason}`;
    this.#problems.push({ code: "METADATA_HASH_MISMATCH", message });
  }
}

async function judged(
  gun: string,
  { store, now }: CollectionImport,
  problems: MoveProblem[],
): Promise<{ roots: readonly MetadataFile<RootBody>[]; warnings: readonly CollectionWarning[] }> {
  try {
    return await verifyCollection({ gun, source: storedSource(store, gun), now });
  } catch (error) {
    if (hasCode(error, "STORAGE_FAILED")) throw error;
    problems.push(problemOf(error, "does not verify"));
    return { roots: [], warnings: [] };
  }
}

function notImported(gun: string, problem: MoveProblem, files = 0): ImportedCollection {
  return { roots: [], report: { gun, files, added: 0, warnings: [], problems: [problem] } };
}

/** Why a row can be no file of any collection. */
function faultOf({ role, version, length }: NotaryFile): string | undefined {
  if (!isRoleName(role)) return "its role is none";
  if (version < 1 || version > highestVersion) return "its version is none";
  const most = maxFileBytes(role);
  return length > most ? `it has ${length} bytes, more than the ${most} a reader takes` : undefined;
}

function placeOf({ role, version }: Pick<FileVersion, "role" | "version">): string {
  return `${role} ${version}`;
}

function isConflict(row: NotaryFile, here: ReadonlyMap<string, FileVersion>): boolean {
  const file = here.get(placeOf(row));
  return file !== undefined && row.sha256 !== undefined && file.sha256 !== row.sha256;
}

function isHere(row: NotaryFile, here: ReadonlyMap<string, FileVersion>): boolean {
  const file = here.get(placeOf(row));
  return file !== undefined && row.sha256 !== undefined && file.length === row.length;
}

function rank({ role }: NotaryFile): number {
  const order = ["root", "targets", "", "snapshot", "timestamp"];
  const place = order.indexOf(role);
  return place === -1 ? order.indexOf("") : place;
}

function* batches(rows: readonly NotaryFile[]): Generator<readonly NotaryFile[]> {
  let batch: NotaryFile[] = [];
  let bytes = 0;
  for (const row of rows) {
    if (batch.length > 0 && (batch.length >= maxBatchFiles || bytes + row.length > maxBatchBytes)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(row);
    bytes += row.length;
  }
  if (batch.length > 0) yield batch;
}
