/** An uploaded snapshot against the files that the upload left as they are: it lists what this server holds, and hides nothing. */

import { verifyFileMeta } from "./file-hashes.ts";
import type { RoleName, SnapshotFile, TargetsFile } from "./metadata.ts";
import { isDelegation, parentOf } from "./role-name.ts";
import { delegatedRole } from "./role-signers.ts";
import type { StoredView } from "./stored-roles.ts";
import { isSignedBy } from "./threshold.ts";
import { targetsFileOf } from "./trusted-collection.ts";
import type { TrustedMetadata } from "./trusted-metadata.ts";
import { refusing, UpdateRefused } from "./update-refused.ts";

/** What an uploaded snapshot is compared with. */
export interface KnownFiles {
  /** the snapshot that is stored */
  readonly previous: SnapshotFile | undefined;
  /** what was verified of the upload */
  readonly trusted: TrustedMetadata;
  readonly stored: StoredView;
}

/**
 * Compares what an uploaded snapshot says with the files that are stored. Uploaded files have been compared already; this is about all others.
 *
 * @throws UpdateRefused `ErrBadSnapshot` when it lists what is not stored, or no longer lists a delegation that is still trusted
 */
export async function compareWithStored(snapshot: SnapshotFile, known: KnownFiles): Promise<void> {
  const { previous, trusted, stored } = known;
  for (const [role, meta] of snapshot.body.meta) {
    if (trusted.isLoaded(role)) continue;
    const file = isListable(role) ? await stored.current(role) : undefined;
    if (file === undefined)
      throw new UpdateRefused(
        "ErrBadSnapshot",
        `the snapshot lists ${JSON.stringify(role)}, which this server does not hold`,
      );
    refusing("ErrBadSnapshot", () => verifyFileMeta(role, file.bytes, meta));
  }
  for (const role of previous?.body.meta.keys() ?? []) {
    if (snapshot.body.meta.has(role) || !(await isStillTrusted(role, known))) continue;
    throw new UpdateRefused(
      "ErrBadSnapshot",
      `the snapshot no longer lists ${role}, although ${parentOf(role)} still delegates to it`,
      {
        hint: "Readers take such a role for hidden. Update and publish again, or remove the delegation first.",
      },
    );
  }
}

/** Declared by its parent, and so on up to targets, with keys that signed what is stored. */
async function isStillTrusted(role: RoleName, known: KnownFiles): Promise<boolean> {
  const { trusted, stored } = known;
  if (role === "targets") return true;
  if (!isDelegation(role) || !(await isStillTrusted(parentOf(role), known))) return false;
  const parent = targetsFileOf(trusted, parentOf(role)) ?? (await stored.parsed(parentOf(role)));
  const declared = parent === undefined ? undefined : delegatedRole(parent as TargetsFile, role);
  const file = await stored.parsed(role);
  if (parent === undefined || declared === undefined || file === undefined) return false;
  return isSignedBy(file, declared, (parent as TargetsFile).body.delegations.keys);
}

function isListable(role: RoleName): boolean {
  return role === "root" || role === "targets" || isDelegation(role);
}
