/**
 * Versions that a server published and then lost because an older backup was restored, brought back by a client with a copy.
 *
 * Lost roots are stored again, so that readers of any of them can follow. A lost snapshot or timestamp only proves how far the server's
 * versions had come: the server signs the next ones with higher versions, so that no reader takes them for a step back.
 */

import { MetadataError, TagsealError } from "../errors.ts";
import type { AnyBody, MetadataFile, RootFile, ServerRole } from "./metadata.ts";
import { parseMetadata } from "./notary-v1/parse.ts";
import { verifyRoot } from "./root-trust.ts";
import { isSignedBy } from "./threshold.ts";
import type { RefusalKind } from "./update-refused.ts";
import { refusing, UpdateRefused } from "./update-refused.ts";
import { requireOwnKeyIds, requireOwnSignatures, requireReferenceForm, requireVersionInRange } from "./upload-form.ts";

/** Roles whose lost versions can be brought back. Everything else is published again as it is. */
export type LostRole = "root" | ServerRole;

/** One lost file. */
export interface LostFile {
  readonly role: LostRole;
  /** as named by the sender; the file itself must say the same */
  readonly version: number;
  readonly bytes: Uint8Array;
}

/** Lost files that one update may carry: a collection rotates its keys a few times in its life. */
export const maxLostFiles = 64;

/** What a lost snapshot or timestamp is verified against. */
interface Judgement {
  /** as stored; 0 when there is none */
  readonly storedVersion: number;
  /** roots whose keys count: the lost ones, and the one that is current after the update */
  readonly roots: readonly RootFile[];
}

/**
 * Verifies lost roots: the first follows the stored one, each further one the root before it, without a gap.
 *
 * @param stored the newest root the server has; without one the first lost root may have any version
 * @returns the roots, oldest first
 * @throws UpdateRefused `ErrBadRoot`; TagsealError `STORAGE_CONFLICT` for a root that is stored
 */
export function verifyLostRoots(
  lost: readonly LostFile[],
  { gun, now, stored }: { readonly gun: string; readonly now: Date; readonly stored: RootFile | undefined },
): readonly RootFile[] {
  const roots: RootFile[] = [];
  for (const file of inOrder(lost, "root")) {
    const previous = roots.at(-1) ?? stored;
    const root = parsedAs(file, "ErrBadRoot", (bytes) => parseMetadata("root", bytes));
    // Another client brought it back in the meantime: this one must read and try again.
    if (root.body.version <= (stored?.body.version ?? 0))
      throw new TagsealError("STORAGE_CONFLICT", `root ${root.body.version} is not lost any more`);
    refusing("ErrBadRoot", () => {
      requireSuccessor(root, previous);
      // A step on the way to the newest root: it does not matter that its certificates have expired since.
      verifyRoot(root, { gun, now, previous, ignoreCertificateExpiry: true });
      requireVersionInRange(root, stored?.body.version ?? 0);
      requireOwnKeyIds(root);
      requireOwnSignatures(root, signersIn(root, "root"));
      requireReferenceForm(root);
    });
    roots.push(root);
  }
  return roots;
}

/**
 * The highest version that a lost file proves to have been published; 0 when there is none.
 *
 * @throws UpdateRefused `ErrBadSnapshot` or `ErrValidation` for a file that is not signed by keys of these roots, or too far ahead
 */
export function highestLostVersion(
  lost: readonly LostFile[],
  role: ServerRole,
  { storedVersion, roots }: Judgement,
): number {
  const kind = role === "snapshot" ? "ErrBadSnapshot" : "ErrValidation";
  let highest = 0;
  for (const file of inOrder(lost, role)) {
    const proof = parsedAs(file, kind, (bytes) => parseMetadata(role, bytes));
    refusing(kind, () => {
      requireSignedByOneOf(proof, roots);
      requireVersionInRange(proof, storedVersion);
    });
    highest = proof.body.version;
  }
  return highest;
}

function inOrder(lost: readonly LostFile[], role: LostRole): readonly LostFile[] {
  return lost.filter((file) => file.role === role).toSorted((a, b) => a.version - b.version);
}

function parsedAs<B extends AnyBody>(
  { role, version, bytes }: LostFile,
  kind: RefusalKind,
  parse: (bytes: Uint8Array) => MetadataFile<B>,
): MetadataFile<B> {
  const file = refusing(kind, () => parse(bytes));
  if (file.body.version === version) return file;
  throw new UpdateRefused(kind, `${version}.${role} says that it has version ${file.body.version}`);
}

function requireSuccessor(root: RootFile, previous: RootFile | undefined): void {
  if (previous === undefined || root.body.version === previous.body.version + 1) return;
  throw new MetadataError(
    "METADATA_VERSION_MISMATCH",
    `root ${root.body.version} does not follow root ${previous.body.version}: readers need each root in between`,
  );
}

function requireSignedByOneOf(file: MetadataFile, roots: readonly RootFile[]): void {
  const isSigned = roots.some((root) => {
    const { roleKeys, keys } = signersIn(root, file.role);
    return isSignedBy(file, roleKeys, keys);
  });
  if (!isSigned)
    throw new MetadataError(
      "METADATA_THRESHOLD_NOT_MET",
      `valid signatures did not meet threshold for ${file.role}: no root names the keys that signed it`,
    );
}

function signersIn(root: RootFile, role: string) {
  return { roleKeys: root.body.roles.get(role) ?? { keyIds: null, threshold: 1 }, keys: root.body.keys };
}
