/**
 * Copies one collection from Notary's database into a store: row by row, byte for byte. It is checked before, because anyone with access to that
 * database can write rows, and afterwards as a client would.
 */

import { sha256Hex } from "../crypto/sha256.ts";
import { hasCode } from "../errors.ts";
import type { RootFile } from "../tuf/metadata.ts";
import { gunFault } from "../server/http/gun.ts";
import type { FileVersion, StoredFile } from "../server/storage/stored-file.ts";
import { type CollectionWarning, verifyCollection } from "../tuf/collection-verification.ts";
import { type CollectionReport, type MoveProblem, problemOf } from "./move-report.ts";
import type { NotaryFile } from "./notary-server-database.ts";
import { batches, faultOf, placeOf } from "./notary-file-rows.ts";
import { admissible, type CollectionImport } from "./row-admission.ts";
import { storedSource } from "../server/storage/stored-source.ts";

/** The outcome. */
export interface ImportedCollection {
  readonly report: CollectionReport;
  /** of the collection as it is stored now; empty when it did not verify */
  readonly roots: readonly RootFile[];
}

/**
 * Imports one collection. A damaged row is left out and reported; a collection that differs from the stored one of its name, or does not continue it,
 * is left out as a whole, because a mixture of two would be worse than either.
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
  const admitted = await admissible(gun, { all: rows, missing, stored }, parts, problems);
  if (admitted === undefined)
    return { roots: [], report: { gun, files: rows.length, added: 0, warnings: [], problems } };
  const added = await new FileImport(gun, parts, problems).run(admitted);
  const { roots, warnings } = await judged(gun, parts, problems);
  return { roots, report: { gun, files: rows.length, added, warnings, problems } };
}

/** Moves the files of one collection that are not stored yet. */
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
    // No file before those it names: a reader meanwhile finds a whole set or none.
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
): Promise<{ roots: readonly RootFile[]; warnings: readonly CollectionWarning[] }> {
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
