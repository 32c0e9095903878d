/** Decides which rows of a Notary database may be stored, next to stored files or without any. */

import { sha256Hex } from "../crypto/sha256.ts";
import { hasCode, MetadataError, TagsealError } from "../errors.ts";
import type { RoleName } from "../tuf/metadata.ts";
import { isDelegation, parentOf } from "../tuf/role-name.ts";
import type { MetadataStore } from "../server/storage/metadata-store.ts";
import type { FileVersion } from "../server/storage/stored-file.ts";
import { requireContinuation } from "./adoption.ts";
import { type VerifiedCollection, verifyCollection } from "../tuf/collection-verification.ts";
import { HistoryJudge } from "./history-judge.ts";
import { type MoveProblem, problemOf } from "./move-report.ts";
import type { NotaryFile, NotaryServerDatabase } from "./notary-server-database.ts";
import { batches, faultOf, placeOf } from "./notary-file-rows.ts";
import { NotaryRows } from "./notary-rows.ts";
import { storedSource } from "../server/storage/stored-source.ts";

/** Source, target, and the clock to judge the result by. */
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
 * Which of the missing rows may be stored: those of a collection that continues what is stored, except rows that would count as newer than the
 * collection's current files and, for a delegation without a current file, rows not signed by keys it ever had. Either would block the owner's next
 * publication. A row that cannot be a file passes here and is reported when rows are stored.
 *
 * @param problems receives every row that is left out
 * @returns undefined when the collection does not continue what is stored; all rows when nothing is stored and the collection does not verify
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
      const message = `${placeOf(row)} (row ${row.id}) was not imported: ${reason.message}`;
      problems.push({ code: reason.code, message });
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
): Promise<ReadonlyMap<number, MoveProblem>> {
  const current = new Map(collection.files.map(({ role, version }) => [role, version])); // roots come oldest first
  const others = new Set(rows.map(({ role }) => role).filter((role) => isDelegation(role) && !current.has(role)));
  const reasons =
    others.size === 0 ? new Map<number, MoveProblem>() : await unbelieved(all, others, collection, source);
  const newer = "it is newer than what is current, and nothing signed names it";
  for (const { id, role, version } of rows)
    if (version > (current.get(role) ?? version)) reasons.set(id, { code: "METADATA_ROLE_UNKNOWN", message: newer });
  return reasons;
}

/** By row of these roles, why their signers can never have signed it. */
async function unbelieved(
  rows: readonly NotaryFile[],
  roles: ReadonlySet<RoleName>,
  collection: VerifiedCollection,
  source: NotaryServerDatabase,
): Promise<Map<number, MoveProblem>> {
  const judge = new HistoryJudge(collection);
  const reasons = new Map<number, MoveProblem>();
  const byRole = Map.groupBy(
    rows.filter((row) => faultOf(row) === undefined),
    ({ role }) => role,
  );
  const wanted = [...withParents(roles)].filter((role) => byRole.has(role));
  // delegating roles first
  for (const role of wanted.toSorted((a, b) => a.split("/").length - b.split("/").length)) {
    for (const batch of batches(byRole.get(role) ?? [])) {
      const contents = judge.knows(role) ? await source.contents(batch) : undefined;
      for (const row of batch) {
        const reason = contents === undefined ? unnamedRole : rejection(judge, row, contents.get(row.id));
        if (reason !== undefined && roles.has(role)) reasons.set(row.id, reason);
      }
    }
  }
  return reasons;
}

function withParents(roles: ReadonlySet<RoleName>): ReadonlySet<RoleName> {
  const all = new Set<RoleName>();
  for (let role of roles) for (; role !== ""; role = parentOf(role)) all.add(role);
  return all;
}

const unnamedRole: MoveProblem = { code: "METADATA_ROLE_UNKNOWN", message: "nothing signed names this role" };

/** An untrusted file names no roles either. */
function rejection(judge: HistoryJudge, row: NotaryFile, bytes: Uint8Array | undefined): MoveProblem | undefined {
  if (bytes === undefined) return undefined;
  try {
    judge.believe(row, bytes);
    return undefined;
  } catch (error) {
    if (!(error instanceof MetadataError)) throw error;
    return error;
  }
}

/** Rows without a hash whose role and version are already stored. */
async function requireSame(
  rows: readonly NotaryFile[],
  stored: readonly FileVersion[],
  source: NotaryServerDatabase,
): Promise<void> {
  const here = new Map(stored.map((file) => [placeOf(file), file]));
  const withoutHash = rows.filter(
    (row) => row.sha256 === undefined && faultOf(row) === undefined && here.has(placeOf(row)),
  );
  for (const batch of batches(withoutHash)) {
    const contents = await source.contents(batch);
    for (const row of batch) {
      if (sha256Hex(contents.get(row.id) ?? new Uint8Array()) === here.get(placeOf(row))?.sha256) continue;
      throw new TagsealError("STORAGE_CONFLICT", `${placeOf(row)} differs from the file of that name and version`);
    }
  }
}
