/** Which rows of a Notary database may be put into a store, beside what lies there already or where nothing does. */

import { sha256Hex } from "../../crypto/digest.ts";
import { hasCode, MetadataError, TagsealError } from "../../errors.ts";
import type { RoleName } from "../../tuf/metadata.ts";
import { isDelegation } from "../../tuf/role-name.ts";
import type { FileVersion, MetadataStore } from "../storage/metadata-store.ts";
import { requireContinuation } from "./adoption.ts";
import { type VerifiedCollection, verifyCollection } from "./collection-verification.ts";
import { HistoryJudge } from "./history-judge.ts";
import { type MoveProblem, problemOf } from "./move-report.ts";
import type { NotaryFile, NotaryServerDatabase } from "./notary-database.ts";
import { batches, faultOf, placeOf } from "./notary-file-rows.ts";
import { NotaryRows } from "./notary-rows.ts";
import { storedSource } from "./stored-source.ts";

/** Where from, where to, and by which clock the result is judged. */
export interface CollectionImport {
  readonly source: NotaryServerDatabase;
  readonly store: MetadataStore;
  readonly now: Date;
}

/** The rows of one collection. */
export interface CollectionRows {
  /** in the database */
  readonly all: readonly NotaryFile[];
  /** of these, those that are not stored here */
  readonly missing: readonly NotaryFile[];
  /** what is stored here */
  readonly stored: readonly FileVersion[];
}

/**
 * Which of the missing rows may be stored: those of a collection that continues what is stored, except what would count as newer than what
 * is current in that collection, and what is there for a role that nothing signed names. Either would stand in the way of what its owner
 * publishes next. A row that can be no file passes: whoever stores rows tells that.
 *
 * @param problems where every row that is left out is told
 * @returns undefined when the collection does not continue what is stored; everything when nothing is, and it does not verify
 * @throws TagsealError `STORAGE_FAILED` when either side cannot be read
 */
export async function admissible(
  gun: string,
  { all, missing, stored }: CollectionRows,
  { source, store, now }: CollectionImport,
  problems: MoveProblem[],
): Promise<readonly NotaryFile[] | undefined> {
  if (missing.length === 0) return missing;
  const sound = missing.filter((row) => faultOf(row) === undefined);
  try {
    await requireSame(missing, stored, source);
    const both = new NotaryRows(sound, source, storedSource(store, gun));
    const collection = await verifyCollection({ gun, source: both, now });
    requireContinuation(stored, collection);
    const reasons = await reasonsAgainst(sound, all, collection, source);
    return missing.filter((row) => {
      const reason = reasons.get(row.id);
      if (reason === undefined) return true;
      const message = `${placeOf(row)} (row ${row.id}) was not imported: ${reason}`;
      problems.push({ code: "METADATA_ROLE_UNKNOWN", message });
      return false;
    });
  } catch (error) {
    if (hasCode(error, "STORAGE_FAILED") || !(error instanceof TagsealError)) throw error;
    if (stored.length === 0) return missing;
    problems.push(problemOf(error, "was not imported, because it does not continue what is stored here"));
    return undefined;
  }
}

/** By row, why it may not be stored. */
async function reasonsAgainst(
  rows: readonly NotaryFile[],
  all: readonly NotaryFile[],
  collection: VerifiedCollection,
  source: NotaryServerDatabase,
): Promise<ReadonlyMap<number, string>> {
  const current = new Map(collection.files.map(({ role, version }) => [role, version])); // roots come oldest first
  const others = rows.map(({ role }) => role).filter((role) => isDelegation(role) && !current.has(role));
  const unnamed = await unnamedIn(all, new Set(others), collection, source);
  const reasons = new Map<number, string>();
  for (const { id, role, version } of rows) {
    if (unnamed.has(role)) reasons.set(id, "nothing signed names this role");
    else if (version > (current.get(role) ?? version))
      reasons.set(id, "it is newer than what is current, and nothing signed names it");
  }
  return reasons;
}

/** Which of these roles neither what is current nor any older version gives keys to. Older versions are read only when there are such roles. */
async function unnamedIn(
  rows: readonly NotaryFile[],
  roles: ReadonlySet<RoleName>,
  collection: VerifiedCollection,
  source: NotaryServerDatabase,
): Promise<ReadonlySet<RoleName>> {
  const judge = new HistoryJudge(collection);
  const unnamed = (): ReadonlySet<RoleName> => new Set([...roles].filter((role) => !judge.knows(role)));
  const targets = rows.filter((row) => row.role.startsWith("targets") && faultOf(row) === undefined);
  const byRole = Map.groupBy(targets, ({ role }) => role);
  // those who delegate first
  for (const role of [...byRole.keys()].toSorted((a, b) => a.split("/").length - b.split("/").length)) {
    if (!judge.knows(role)) continue;
    for (const batch of batches(byRole.get(role) ?? [])) {
      if (unnamed().size === 0) return unnamed();
      const contents = await source.contents(batch);
      for (const row of batch) learn(judge, row, contents.get(row.id));
    }
  }
  return unnamed();
}

/** What cannot be believed names nobody. */
function learn(judge: HistoryJudge, row: NotaryFile, bytes: Uint8Array | undefined): void {
  if (bytes === undefined) return;
  try {
    judge.believe(row, bytes);
  } catch (error) {
    if (!(error instanceof MetadataError)) throw error;
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
